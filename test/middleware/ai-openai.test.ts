/** The real OpenAI client against a local server that answers as OpenAI does. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aiCall, toolCall, withAiMarks } from '../../src/middleware/ai.ts';
import { createTenantry } from '../../src/middleware/index.ts';
import { type AiWorld, startAiWorld } from '../support/middleware-ai-world.ts';

const PROMPT = [{ role: 'user', content: 'SECRET-PROMPT' }] as const;
let world: AiWorld;
let openai: OpenAI;

beforeAll(async () => {
  world = await startAiWorld();
  openai = withAiMarks(new OpenAI({ baseURL: world.server.url, apiKey: 'SECRET-KEY', maxRetries: 0 }));
});
afterAll(async () => world.stop());

const CHAT = {
  tenant_id: 'acme',
  'tenant_id.source': 'explicit',
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o',
  'gen_ai.response.model': 'gpt-4o-2024-08-06',
  'gen_ai.response.id': 'chatcmpl-1',
  'gen_ai.usage.input_tokens': 1_000,
  'gen_ai.usage.output_tokens': 200,
  'gen_ai.usage.cache_read.input_tokens': 300,
  'gen_ai.usage.reasoning.output_tokens': 50,
};
const STREAMED_CHAT = { ...CHAT, 'gen_ai.request.stream': true };
const chatBody = { model: 'gpt-4o', messages: [...PROMPT] };
const streamBody = { ...chatBody, stream: true, stream_options: { include_usage: true } } as const;

async function textOf(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

describe('an OpenAI client', () => {
  it('is the same object, with the answers that it always had', async () => {
    const plain = new OpenAI({ baseURL: world.server.url, apiKey: 'k' });
    const expected = await plain.chat.completions.create(chatBody);
    expect(withAiMarks(plain)).toBe(plain);
    expect(await plain.chat.completions.create(chatBody)).toEqual(expected);
  });

  it('has the tokens of a chat completion on a client span', async () => {
    const spans = await world.spansOf(() => openai.chat.completions.create(chatBody));
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([['chat gpt-4o', 2]]);
    expect(spans[0]?.attributes).toEqual(CHAT);
  });

  it('sends the request unchanged', async () => {
    await openai.chat.completions.create(chatBody);
    expect(world.server.requests.at(-1)).toEqual(chatBody);
  });

  it('has the tokens of a stream, whose chunks all arrive', async () => {
    const attributes = await world.attributesOf(async () => {
      expect(await textOf(await openai.chat.completions.create(streamBody))).toBe('SECRET-COMPLETION');
    });
    expect(attributes).toEqual(STREAMED_CHAT);
  });

  it('hands a chunk on while the next one is still to come', async () => {
    world.server.hangAfter(1);
    await world.spansOf(async () => {
      const stream = await openai.chat.completions.create(streamBody);
      for await (const chunk of stream) {
        expect(chunk.choices[0]?.delta.content).toBe('SECRET-');
        break;
      }
    });
  });

  it.each(['break', 'return', 'abort', 'abort unread', 'throw'] as const)('ends the span on %s', async (how) => {
    world.server.hangAfter(2);
    const spans = await world.spansOf(async () => {
      const stream = await openai.chat.completions.create(streamBody);
      if (how === 'abort unread') return stream.controller.abort();
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      if (how === 'return') return iterator.return?.();
      if (how === 'abort') {
        stream.controller.abort();
        return iterator.next();
      }
      if (how === 'throw') return expect(iterator.throw?.(new RangeError('SECRET'))).rejects.toThrow(RangeError);
      for await (const _ of { [Symbol.asyncIterator]: () => iterator }) break;
      return undefined;
    });
    expect(spans).toHaveLength(1);
    expect(spans[0]?.attributes).toMatchObject({ 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-4o' });
    expect(spans[0]?.attributes['error.type']).toBe(how === 'throw' ? 'RangeError' : undefined);
    expect(spans[0]?.attributes['gen_ai.usage.input_tokens']).toBeUndefined();
  });

  it('counts streams that were asked for without usage', async () => {
    const tenantry = createTenantry({ serviceName: 'test' });
    const before = tenantry.stats().ai_usage_missing;
    world.server.hangAfter(3);
    const stream = await openai.chat.completions.create({ ...streamBody, stream_options: null });
    stream.controller.abort();
    expect(tenantry.stats().ai_usage_missing).toBe(before + 1);
  });

  it('has one span for tee(), and both halves all chunks', async () => {
    const attributes = await world.attributesOf(async () => {
      const [left, right] = (await openai.chat.completions.create(streamBody)).tee();
      expect(await Promise.all([textOf(left), textOf(right)])).toEqual(['SECRET-COMPLETION', 'SECRET-COMPLETION']);
    });
    expect(attributes).toEqual(STREAMED_CHAT);
  });

  it('has one span for toReadableStream()', async () => {
    const attributes = await world.attributesOf(async () => {
      const readable = (
        await openai.chat.completions.create(streamBody)
      ).toReadableStream() as ReadableStream<Uint8Array>;
      let bytes = 0;
      for await (const chunk of readable) bytes += chunk.length;
      expect(bytes).toBeGreaterThan(100);
    });
    expect(attributes).toEqual(STREAMED_CHAT);
  });

  it('keeps withResponse(), for answers and streams', async () => {
    const attributes = await world.attributesOf(async () => {
      const { data, response, request_id } = await openai.chat.completions.create(chatBody).withResponse();
      expect([data.usage?.prompt_tokens, response.status, request_id]).toEqual([1_000, 200, 'req-1']);
    });
    expect(attributes).toEqual(CHAT);
    const streamed = await world.attributesOf(async () => {
      const { data, response } = await openai.chat.completions.create(streamBody).withResponse();
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      expect(await textOf(data)).toBe('SECRET-COMPLETION');
    });
    expect(streamed).toEqual(STREAMED_CHAT);
  });

  it('keeps asResponse(), whose body is still to be read', async () => {
    const attributes = await world.attributesOf(async () => {
      const response = await openai.chat.completions.create(chatBody).asResponse();
      expect(((await response.json()) as { id: string }).id).toBe('chatcmpl-1');
    });
    expect(attributes).toMatchObject({ 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-4o' });
  });

  it('keeps then, catch and finally, and counts a promise that is awaited twice once', async () => {
    const attributes = await world.attributesOf(async () => {
      const promise = openai.chat.completions.create(chatBody);
      let isFinal = false;
      const [one, two, three] = await Promise.all([
        promise.then((answer) => answer.id),
        promise.catch(() => undefined),
        promise.finally(() => {
          isFinal = true;
        }),
      ]);
      expect([one, two?.id, three.id, isFinal]).toEqual(['chatcmpl-1', 'chatcmpl-1', 'chatcmpl-1', true]);
    });
    expect(attributes).toEqual(CHAT);
  });

  it('settles once what is awaited several times: one span, one line in the log', async () => {
    const lines: unknown[] = [];
    const sink = { info: (line: unknown) => lines.push(line) };
    const plain = new OpenAI({ baseURL: world.server.url, apiKey: 'k' });
    const promise = toolCall(
      { tool: 'ask', args: {} },
      () => aiCall({ model: 'm' }, () => plain.chat.completions.create(chatBody)),
      { sink },
    );
    const [one, other] = await Promise.all([promise, promise, promise.withResponse()]);
    expect(one).toBe(other);
    expect(lines).toHaveLength(1);
  });

  it('marks what its helpers parse, stream and withOptions call', async () => {
    expect(await world.attributesOf(() => openai.chat.completions.parse(chatBody))).toEqual(CHAT);
    const streamed = await world.attributesOf(async () => {
      const { stream: _, ...body } = streamBody;
      const completion = await openai.chat.completions.stream(body).finalChatCompletion();
      expect(completion.choices[0]?.message.content).toBe('SECRET-COMPLETION');
    });
    expect(streamed).toEqual(STREAMED_CHAT);
    expect(
      await world.attributesOf(() => openai.withOptions({ timeout: 5_000 }).chat.completions.create(chatBody)),
    ).toEqual(CHAT);
  });

  it('has the tokens of the Responses API, streamed or not', async () => {
    const expected = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.response.model': 'gpt-4.1-2025-04-14',
      'gen_ai.usage.input_tokens': 2_000,
      'gen_ai.usage.output_tokens': 90,
      'gen_ai.usage.cache_read.input_tokens': 500,
      'gen_ai.usage.cache_creation.input_tokens': 100,
      'gen_ai.usage.reasoning.output_tokens': 40,
    };
    const body = { model: 'gpt-4.1', input: 'SECRET-PROMPT' };
    expect(await world.attributesOf(() => openai.responses.create(body))).toMatchObject(expected);
    expect(await world.attributesOf(() => openai.responses.parse(body))).toMatchObject(expected);
    const streamed = await world.attributesOf(async () => {
      const stream = await openai.responses.create({ ...body, stream: true });
      const types: string[] = [];
      for await (const event of stream) types.push(event.type);
      expect(types).toEqual(['response.created', 'response.completed']);
    });
    expect(streamed).toMatchObject(expected);
  });

  it('has the tokens of embeddings, whose vectors are decoded as ever', async () => {
    const attributes = await world.attributesOf(async () => {
      const answer = await openai.embeddings.create({ model: 'text-embedding-3-small', input: 'SECRET-PROMPT' });
      expect(answer.data[0]?.embedding).toEqual([1, 2]);
    });
    expect(attributes).toMatchObject({ 'gen_ai.operation.name': 'embeddings', 'gen_ai.usage.input_tokens': 77 });
    expect(attributes['gen_ai.usage.output_tokens']).toBeUndefined();
  });

  it('passes errors on and names their class, not their message', async () => {
    world.server.failWith(429);
    const spans = await world.spansOf(() =>
      expect(openai.chat.completions.create(chatBody)).rejects.toBeInstanceOf(OpenAI.RateLimitError),
    );
    expect(spans).toHaveLength(1);
    expect(spans[0]?.attributes).toMatchObject({ 'error.type': 'RateLimitError', 'gen_ai.operation.name': 'chat' });
    expect(spans[0]?.status).toEqual({ code: 2 });
  });

  it('is marked once, however often it is asked', async () => {
    expect(await world.attributesOf(() => withAiMarks(withAiMarks(openai)).chat.completions.create(chatBody))).toEqual(
      CHAT,
    );
  });
});

describe('what is no client', () => {
  it('comes back as it is, and is counted', () => {
    const stats = () => createTenantry({ serviceName: 'test' }).stats().mark_failed;
    const before = stats();
    const frozen = Object.freeze({ chat: Object.freeze({}), embeddings: {} });
    const stranger = { hello: () => 'world' };
    expect(withAiMarks(stranger)).toBe(stranger);
    expect(withAiMarks(frozen)).toBe(frozen);
    expect(stats()).toBe(before + 2);
  });
});
