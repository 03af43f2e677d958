/** The real AI SDK (version 6) with its mock models, which have the shapes that its providers give. */
import { embed, generateText, stepCountIs, streamText, tool } from 'ai';
import { MockEmbeddingModelV3, MockLanguageModelV3 } from 'ai/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aiCall, recordAiCall, withAiMarks } from '../../src/middleware/ai.ts';
import { createTenantry } from '../../src/middleware/index.ts';
import { type AiWorld, startAiWorld } from '../support/middleware-ai-world.ts';

type GenerateResult = Awaited<ReturnType<MockLanguageModelV3['doGenerate']>>;
type StreamPart =
  Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream'] extends ReadableStream<infer Part> ? Part : never;

const usageOf = (input: number, output: number) => ({
  inputTokens: { total: input, noCache: input - 300, cacheRead: 200, cacheWrite: 100 },
  outputTokens: { total: output, text: output - 10, reasoning: 10 },
});
const STOP = { unified: 'stop', raw: 'stop' } as const;
const ANSWER: GenerateResult = {
  content: [{ type: 'text', text: 'SECRET-COMPLETION' }],
  finishReason: STOP,
  usage: usageOf(1_000, 50),
  response: { id: 'resp-1', modelId: 'claude-opus-5-5-20261001' },
  warnings: [],
};
const TOOL_CALL: GenerateResult = {
  ...ANSWER,
  content: [{ type: 'tool-call', toolCallId: 'call-1', toolName: 'weather', input: '{"city":"SECRET"}' }],
  finishReason: { unified: 'tool-calls', raw: 'tool_use' },
  usage: usageOf(500, 20),
  response: { id: 'resp-0', modelId: 'claude-opus-5-5-20261001' },
};
const PARTS: StreamPart[] = [
  { type: 'stream-start', warnings: [] },
  { type: 'response-metadata', id: 'resp-1', modelId: 'claude-opus-5-5-20261001' },
  { type: 'text-start', id: 't' },
  { type: 'text-delta', id: 't', delta: 'SECRET-' },
  { type: 'text-delta', id: 't', delta: 'COMPLETION' },
  { type: 'text-end', id: 't' },
  { type: 'finish', finishReason: STOP, usage: usageOf(1_000, 50) },
];
const EXPECTED = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'anthropic',
  'gen_ai.response.model': 'claude-opus-5-5-20261001',
  'gen_ai.response.id': 'resp-1',
  'gen_ai.usage.input_tokens': 1_000,
  'gen_ai.usage.output_tokens': 50,
  'gen_ai.usage.cache_read.input_tokens': 200,
  'gen_ai.usage.cache_creation.input_tokens': 100,
  'gen_ai.usage.reasoning.output_tokens': 10,
};
const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async () => 'SECRET-RESULT' });

let world: AiWorld;
beforeAll(async () => {
  world = await startAiWorld();
});
afterAll(async () => world.stop());

/** A source that notes how far it was read, and whether it was cancelled. */
function slowSource(parts: readonly StreamPart[]) {
  const seen = { pulled: 0, isCancelled: false };
  const stream = new ReadableStream<StreamPart>(
    {
      pull: (controller) => {
        const part = parts[seen.pulled];
        seen.pulled += 1;
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
      cancel: () => {
        seen.isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { seen, stream };
}

const modelOf = (settings: ConstructorParameters<typeof MockLanguageModelV3>[0]) =>
  withAiMarks(new MockLanguageModelV3({ provider: 'anthropic.messages', modelId: 'claude-opus-5-5', ...settings }));

describe('a model object', () => {
  it('has one span for each step of generateText, each with its own tokens', async () => {
    const spans = await world.spansOf(async () => {
      const { text, steps } = await generateText({
        model: modelOf({ doGenerate: [TOOL_CALL, ANSWER] }),
        prompt: 'SECRET-PROMPT',
        tools: { weather },
        stopWhen: stepCountIs(3),
      });
      expect([text, steps.length]).toEqual(['SECRET-COMPLETION', 2]);
    });
    expect(spans.map(({ attributes }) => attributes['gen_ai.usage.input_tokens'])).toEqual([500, 1_000]);
    expect(spans[1]?.attributes).toMatchObject({ ...EXPECTED, 'gen_ai.request.model': 'claude-opus-5-5' });
  });

  it('has the tokens of streamText, whose text arrives whole', async () => {
    const attributes = await world.attributesOf(async () => {
      const model = modelOf({ doStream: async () => ({ stream: slowSource(PARTS).stream }) });
      const result = streamText({ model, prompt: 'SECRET-PROMPT' });
      expect(await result.text).toBe('SECRET-COMPLETION');
    });
    expect(attributes).toMatchObject({ ...EXPECTED, 'gen_ai.request.stream': true });
  });

  it('reads no further than its reader, and passes a cancel on to the source', async () => {
    const { seen, stream } = slowSource(PARTS);
    const attributes = await world.attributesOf(async () => {
      const model = modelOf({ doStream: async () => ({ stream }) });
      const { stream: marked } = await model.doStream({ prompt: [] });
      const reader = marked.getReader();
      expect(seen.pulled).toBe(0);
      expect((await reader.read()).value).toEqual(PARTS[0]);
      expect((await reader.read()).value).toEqual(PARTS[1]);
      expect(seen.pulled).toBe(2);
      await reader.cancel('enough');
    });
    expect(seen.isCancelled).toBe(true);
    expect(attributes).toMatchObject({ 'gen_ai.operation.name': 'chat', 'gen_ai.response.id': 'resp-1' });
  });

  it('has the tokens of embeddings', async () => {
    const model = withAiMarks(
      new MockEmbeddingModelV3({
        provider: 'openai.embedding',
        modelId: 'text-embedding-3-small',
        doEmbed: { embeddings: [[1, 2]], usage: { tokens: 42 }, warnings: [] },
      }),
    );
    const attributes = await world.attributesOf(async () => {
      expect((await embed({ model, value: 'SECRET-PROMPT' })).embedding).toEqual([1, 2]);
    });
    expect(attributes).toMatchObject({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'text-embedding-3-small',
      'gen_ai.usage.input_tokens': 42,
    });
  });
});

describe('results of an unmarked model', () => {
  const plain = (settings: ConstructorParameters<typeof MockLanguageModelV3>[0]) => new MockLanguageModelV3(settings);

  it.each(['recordAiCall', 'aiCall'] as const)('have one counted span for each step, by %s', async (how) => {
    const generate = () =>
      generateText({
        model: plain({ doGenerate: [TOOL_CALL, ANSWER] }),
        prompt: 'SECRET-PROMPT',
        tools: { weather },
        stopWhen: stepCountIs(3),
      });
    const options = { provider: 'anthropic', model: 'claude-opus-5-5' };
    const spans = await world.spansOf(async () => {
      if (how === 'aiCall') await aiCall(options, generate);
      else recordAiCall(await generate(), options);
    });
    const counted = spans.filter(({ attributes }) => attributes['gen_ai.operation.name'] !== undefined);
    expect(counted.map(({ attributes }) => attributes['gen_ai.usage.input_tokens'])).toEqual([500, 1_000]);
    expect(counted[1]?.attributes).toMatchObject(EXPECTED);
  });

  it('of streamText are recorded where onFinish gets them', async () => {
    const attributes = await world.attributesOf(async () => {
      const result = streamText({
        model: plain({ doStream: async () => ({ stream: slowSource(PARTS).stream }) }),
        prompt: 'SECRET-PROMPT',
        onFinish: (event) => recordAiCall(event, { provider: 'anthropic' }),
      });
      await result.consumeStream();
    });
    expect(attributes).toMatchObject(EXPECTED);
  });

  it('of streamText are not consumed by looking at them', async () => {
    const { seen, stream } = slowSource(PARTS);
    const before = createTenantry({ serviceName: 'test' }).stats().ai_usage_missing;
    const result = streamText({ model: plain({ doStream: async () => ({ stream }) }), prompt: 'SECRET-PROMPT' });
    recordAiCall(result);
    expect(seen.pulled).toBeLessThan(PARTS.length);
    expect(createTenantry({ serviceName: 'test' }).stats().ai_usage_missing).toBe(before + 1);
    expect(await result.text).toBe('SECRET-COMPLETION');
  });
});
