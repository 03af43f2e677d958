/** The real clients of Anthropic and Cohere against a local server that answers as they do. */
import Anthropic from '@anthropic-ai/sdk';
import { CohereClient, CohereClientV2 } from 'cohere-ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aiCall, withAiMarks } from '../../src/middleware/ai.ts';
import { type AiWorld, startAiWorld } from '../support/middleware-ai-world.ts';

const PROMPT = [{ role: 'user', content: 'SECRET-PROMPT' }] as const;
let world: AiWorld;
let anthropic: Anthropic;

beforeAll(async () => {
  world = await startAiWorld();
  // Its own spans are off here; test/middleware/ai-duplicates.test.ts has them on.
  anthropic = withAiMarks(
    new Anthropic({ baseURL: world.server.url, apiKey: 'SECRET-KEY', maxRetries: 0, openTelemetry: false }),
  );
});
afterAll(async () => world.stop());

const MESSAGE = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'anthropic',
  'gen_ai.request.model': 'claude-sonnet-5-5',
  'gen_ai.response.model': 'claude-sonnet-5-5-20260901',
  'gen_ai.response.id': 'msg_01',
  // 100 beside 1,000 read from and 200 written to the cache.
  'gen_ai.usage.input_tokens': 1_300,
  'gen_ai.usage.output_tokens': 60,
  'gen_ai.usage.cache_read.input_tokens': 1_000,
  'gen_ai.usage.cache_creation.input_tokens': 200,
  'gen_ai.usage.reasoning.output_tokens': 25,
};
const messageBody = { model: 'claude-sonnet-5-5', max_tokens: 100, messages: [...PROMPT] };

describe('an Anthropic client', () => {
  it('has cached tokens within the input tokens', async () => {
    expect(await world.attributesOf(() => anthropic.messages.create(messageBody))).toMatchObject(MESSAGE);
  });

  it('has the tokens of a stream', async () => {
    const attributes = await world.attributesOf(async () => {
      const types: string[] = [];
      for await (const event of await anthropic.messages.create({ ...messageBody, stream: true }))
        types.push(event.type);
      expect(types).toHaveLength(6);
    });
    expect(attributes).toMatchObject(MESSAGE);
  });

  it('has what is known of a stream that is broken off', async () => {
    world.server.hangAfter(3);
    const attributes = await world.attributesOf(async () => {
      let seen = 0;
      for await (const _ of await anthropic.messages.create({ ...messageBody, stream: true })) {
        seen += 1;
        if (seen === 2) break;
      }
    });
    expect(attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 1_300, 'gen_ai.usage.output_tokens': 1 });
  });

  it('has the tokens of the stream helper', async () => {
    const attributes = await world.attributesOf(async () => {
      const message = await anthropic.messages.stream(messageBody).finalMessage();
      expect(message.usage.output_tokens).toBe(60);
    });
    expect(attributes).toMatchObject(MESSAGE);
  });

  it('has the tokens of the stream helper of an unmarked client within aiCall, consumed by events alone', async () => {
    const plain = new Anthropic({ baseURL: world.server.url, apiKey: 'SECRET-KEY', openTelemetry: false });
    const options = { provider: 'anthropic', model: 'claude-sonnet-5-5' };
    const attributes = await world.attributesOf(async () => {
      const stream = aiCall(options, () => plain.messages.stream(messageBody));
      const texts: string[] = [];
      stream.on('text', (text) => texts.push(text));
      await stream.done();
      expect(texts).toEqual(['SECRET-COMPLETION']);
    });
    expect(attributes).toMatchObject(MESSAGE);
    world.server.hangAfter(3);
    const aborted = await world.attributesOf(async () => {
      const stream = aiCall(options, () => plain.messages.stream(messageBody));
      stream.on('text', () => stream.abort());
      await expect(stream.done()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
    });
    expect(aborted).toMatchObject({ 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 1_300 });
  });

  it('keeps withResponse() and passes errors on', async () => {
    await world.reset();
    const { data, request_id } = await anthropic.messages.create(messageBody).withResponse();
    expect([data.id, request_id]).toEqual(['msg_01', 'req-1']);
    world.server.failWith(529);
    await expect(anthropic.messages.create(messageBody)).rejects.toBeInstanceOf(Anthropic.APIError);
    expect((await world.tracing.flush()).map(({ status }) => status.code)).toEqual([0, 2]);
  });
});

describe.each([
  ['CohereClientV2', () => new CohereClientV2({ environment: world.server.url, token: 'SECRET-KEY' })],
  ['CohereClient.v2', () => new CohereClient({ environment: world.server.url, token: 'SECRET-KEY' })],
] as const)('a %s', (_, make) => {
  const client = () => {
    const made = withAiMarks(make());
    return made instanceof CohereClient ? made.v2 : made;
  };
  const expected = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'cohere',
    'gen_ai.request.model': 'command-a-03-2025',
    'gen_ai.response.id': 'c-1',
    // What is billed; the 71 tokens of Cohere's own preamble are not.
    'gen_ai.usage.input_tokens': 500,
    'gen_ai.usage.output_tokens': 70,
    'gen_ai.usage.cache_read.input_tokens': 128,
  };
  const body = { model: 'command-a-03-2025', messages: [...PROMPT] };

  it('has the billed tokens of a chat, and its raw response', async () => {
    const attributes = await world.attributesOf(async () => {
      const { data, rawResponse } = await client().chat(body).withRawResponse();
      expect([data.id, rawResponse.status]).toEqual(['c-1', 200]);
    });
    expect(attributes).toMatchObject(expected);
  });

  it('has those of a stream', async () => {
    const attributes = await world.attributesOf(async () => {
      const types: string[] = [];
      for await (const event of await client().chatStream(body)) types.push(event.type);
      expect(types).toEqual(['message-start', 'content-delta', 'message-end']);
    });
    expect(attributes).toMatchObject({ ...expected, 'gen_ai.request.stream': true });
  });

  it('has the search units of a rerank and the tokens of embeddings', async () => {
    const rerank = { model: 'rerank-v3.5', query: 'SECRET-PROMPT', documents: ['SECRET'] };
    expect(await world.attributesOf(async () => client().rerank(rerank))).toMatchObject({
      'gen_ai.operation.name': 'rerank',
      'gen_ai.request.model': 'rerank-v3.5',
      'tenantry.ai.search_units': 3,
    });
    const embed = { model: 'embed-v4.0', texts: ['SECRET-PROMPT'], inputType: 'search_query' as const };
    expect(await world.attributesOf(async () => client().embed(embed))).toMatchObject({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.usage.input_tokens': 33,
    });
  });
});
