/** One call to a model is one counted span, whoever else marks it; and the rule for "counted" is the engine's own. */
import Anthropic from '@anthropic-ai/sdk';
import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { generateText } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aiCall, recordAiCall, withAiMarks } from '../../src/middleware/ai.ts';
import { isModelCall } from '../../src/middleware/ai-model-calls.ts';
import { createTenantry } from '../../src/middleware/index.ts';
import { type AiWorld, startAiWorld } from '../support/middleware-ai-world.ts';
import type { EndedSpan } from '../support/middleware-tracing.ts';
import { type SpanStore, startSpanStore } from '../support/span-store.ts';
import { type AttributeInput, otlpRequest, otlpSpan } from '../support/spans.ts';

const NOW = Date.now();
const stats = () => createTenantry({ serviceName: 'test' }).stats();
const chatBody = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: 'SECRET-PROMPT' }] };
let world: AiWorld;
let store: SpanStore;
let openai: OpenAI;
let batches = 0;

beforeAll(async () => {
  world = await startAiWorld();
  store = await startSpanStore(NOW);
  openai = new OpenAI({ baseURL: world.server.url, apiKey: 'SECRET-KEY', maxRetries: 0 });
});
afterAll(async () => {
  await world.stop();
  await store.stop();
});

/** As an instrumentation does it: a span in the active context, ended when the answer is there. */
async function instrumented<T>(attributes: AttributeInput, after: AttributeInput, work: () => Promise<T>): Promise<T> {
  const span = trace.getTracer('some-instrumentation').startSpan('chat', { kind: SpanKind.CLIENT });
  span.setAttributes(attributes as Record<string, string>);
  try {
    return await context.with(trace.setSpan(context.active(), span), work);
  } finally {
    span.setAttributes(after as Record<string, number>);
    span.end();
  }
}

const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-4o' };
const USAGE = { 'gen_ai.usage.input_tokens': 1_000, 'gen_ai.usage.output_tokens': 200 };

const counted = (spans: readonly EndedSpan[]) => spans.filter(({ attributes }) => isModelCall(attributes));

interface Told {
  readonly name: string;
  readonly attributes: object;
}

/** How many calls the engine counts in each of these groups of spans. */
async function engineCounts(...groups: (readonly Told[])[]): Promise<number[]> {
  batches += 1;
  const tenants = groups.map((_, index) => `batch-${batches}-${index}`);
  const spans = groups.flatMap((group, index) =>
    group.map(({ name, attributes }) => {
      const marked = { ...(attributes as AttributeInput), tenant_id: tenants[index] ?? '' };
      return otlpSpan({ name, kind: 3, start: NOW - 1_000, attributes: marked });
    }),
  );
  await store.take([otlpRequest(spans)]);
  const rows = await store.clickhouse.inspect<{ tenant: string; calls: number }>(
    `SELECT TenantId AS tenant, sum(Calls) AS calls FROM tenantry.ai_usage_by_hour
     WHERE TenantId LIKE 'batch-${batches}-%' GROUP BY tenant`,
  );
  return tenants.map((tenant) => Number(rows.find((row) => row.tenant === tenant)?.calls ?? 0));
}

describe('a call that an instrumentation marks as well', () => {
  it('counts once, whether the instrumentation is inside or around', async () => {
    const before = stats().ai_call_already_marked;
    const inside = await world.spansOf(() =>
      aiCall({ provider: 'openai', model: 'gpt-4o' }, () =>
        instrumented(CHAT, USAGE, () => openai.chat.completions.create(chatBody)),
      ),
    );
    expect(counted(inside).map(({ name }) => name)).toEqual(['chat']);
    expect(inside).toHaveLength(2);
    const around = await world.spansOf(() =>
      instrumented(CHAT, USAGE, () =>
        aiCall({ provider: 'openai', model: 'gpt-4o' }, () => openai.chat.completions.create(chatBody)),
      ),
    );
    expect(around).toHaveLength(1);
    expect(stats().ai_call_already_marked).toBe(before + 2);
    expect(await engineCounts(inside)).toEqual([1]);
  });

  it('counts once when it says what it is only at its end', async () => {
    const spans = await world.spansOf(() =>
      aiCall({ model: 'gpt-4o' }, () =>
        instrumented({}, { ...CHAT, ...USAGE }, () => openai.chat.completions.create(chatBody)),
      ),
    );
    expect(counted(spans)).toHaveLength(1);
  });

  it('counts below an agent, whose own span repeats the usage', async () => {
    const spans = await world.spansOf(() =>
      instrumented({ 'gen_ai.operation.name': 'invoke_agent' }, USAGE, () =>
        aiCall({ model: 'gpt-4o' }, () => openai.chat.completions.create(chatBody)),
      ),
    );
    expect(counted(spans).map(({ name }) => name)).toEqual(['chat gpt-4o']);
  });

  it('counts at its innermost mark when marks are nested, also three deep', async () => {
    const client = withAiMarks(new OpenAI({ baseURL: world.server.url, apiKey: 'k', maxRetries: 0 }));
    const spans = await world.spansOf(() =>
      aiCall({ model: 'outer' }, () =>
        aiCall({ model: 'middle' }, () => instrumented(CHAT, USAGE, () => client.chat.completions.create(chatBody))),
      ),
    );
    expect(counted(spans)).toHaveLength(1);
    const attempts = await world.spansOf(() =>
      aiCall({ model: 'outer' }, async () => {
        await client.chat.completions.create(chatBody);
        return client.chat.completions.create(chatBody);
      }),
    );
    expect(counted(attempts).map(({ name }) => name)).toEqual(['chat gpt-4o', 'chat gpt-4o']);
  });
});

describe("Anthropic's client with its own spans", () => {
  it.each([false, true])('counts once, streamed: %s', async (stream) => {
    const client = withAiMarks(new Anthropic({ baseURL: world.server.url, apiKey: 'SECRET-KEY', maxRetries: 0 }));
    const body = { model: 'claude-sonnet-5-5', max_tokens: 100, messages: chatBody.messages };
    const spans = await world.spansOf(async () => {
      if (!stream) return client.messages.create(body);
      let events = 0;
      for await (const _ of await client.messages.create({ ...body, stream: true })) events += 1;
      return expect(events).toBe(6);
    });
    expect(counted(spans).map(({ name }) => name)).toEqual(['anthropic.messages.create']);
    await engineCounts(spans);
    const [usage] = await store.clickhouse.inspect(
      `SELECT sum(Calls) AS calls, sum(InputTokens) AS input, sum(OutputTokens) AS output,
              sum(CacheReadTokens) AS cache_read, sum(CacheWriteTokens) AS cache_write, sum(ReasoningTokens) AS reasoning
       FROM tenantry.ai_usage_by_hour WHERE TenantId = 'batch-${batches}-0'`,
    );
    // Read from the SDK's own attributes, by the names that the server knows.
    const expected = { calls: 1, input: 1_300, output: 60, cache_read: 1_000, cache_write: 200, reasoning: 25 };
    expect(usage).toEqual(expected);
  });
});

describe("the AI SDK's own telemetry", () => {
  it('counts once around a marked model', async () => {
    const usage = {
      inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 5, text: 5, reasoning: 0 },
    };
    const finishReason = { unified: 'stop', raw: 'stop' } as const;
    const model = withAiMarks(
      new MockLanguageModelV3({
        doGenerate: { content: [{ type: 'text', text: 'hello' }], finishReason, usage, warnings: [] },
      }),
    );
    const settings = { recordInputs: false, recordOutputs: false };
    const spans = await world.spansOf(async () => {
      await generateText({ model, prompt: 'SECRET-PROMPT', experimental_telemetry: { isEnabled: true, ...settings } });
    });
    expect(counted(spans).map(({ name }) => name)).toEqual(['ai.generateText.doGenerate']);
    expect(await engineCounts(spans)).toEqual([1]);
  });
});

describe('recordAiCall after the fact', () => {
  const answer = (id: string | undefined) => ({
    ...(id === undefined ? {} : { id }),
    object: 'chat.completion',
    model: 'gpt-4o-2024-08-06',
    usage: { prompt_tokens: 1_000, completion_tokens: 200 },
  });
  const request = (work: (span: Span) => Promise<void> | void) => () =>
    trace.getTracer('app').startActiveSpan('GET /', { kind: SpanKind.SERVER }, async (span) => {
      await work(span);
      span.end();
    });

  it('writes nothing when a span of that answer has ended, found by its id or by its figures', async () => {
    for (const id of ['chatcmpl-9', undefined]) {
      const spans = await world.spansOf(
        request(async () => {
          const named = id === undefined ? {} : { 'gen_ai.response.id': id };
          await instrumented(CHAT, { ...USAGE, ...named }, async () => {});
          recordAiCall(answer(id));
        }),
      );
      expect(counted(spans).map(({ name }) => name)).toEqual(['chat']);
    }
  });

  it('counts another answer of the same size, and each of its own', async () => {
    const spans = await world.spansOf(
      request(async () => {
        await instrumented(CHAT, { ...USAGE, 'gen_ai.response.id': 'one' }, async () => {});
        recordAiCall(answer('two'));
        recordAiCall(answer(undefined), { model: 'a' });
        recordAiCall(answer(undefined), { model: 'b' });
      }),
    );
    expect(counted(spans).map(({ name }) => name)).toEqual(['chat', 'chat', 'chat a', 'chat b']);
  });

  it('does not count an answer that aiCall had', async () => {
    const spans = await world.spansOf(
      request(async () => recordAiCall(await aiCall({ model: 'm' }, () => openai.chat.completions.create(chatBody)))),
    );
    expect(counted(spans)).toHaveLength(1);
  });

  it("fills in an app's own span of the call that has no usage yet", async () => {
    const spans = await world.spansOf(() => instrumented(CHAT, {}, async () => recordAiCall(answer('three'))));
    expect(spans).toHaveLength(1);
    expect(spans[0]?.attributes).toMatchObject({ ...CHAT, ...USAGE, 'gen_ai.response.id': 'three' });
  });

  it('leaves the request span alone', async () => {
    const spans = await world.spansOf(request(() => recordAiCall(answer('four'), { startedAt: NOW - 250 })));
    const [call, server] = spans;
    expect(server?.attributes['gen_ai.operation.name']).toBeUndefined();
    expect(call?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
    expect(call?.startTime[0]).toBe(Math.floor((NOW - 250) / 1_000));
  });
});

describe('isModelCall', () => {
  const cases: AttributeInput[] = [
    {},
    CHAT,
    USAGE,
    { 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-4o' },
    { 'gen_ai.operation.name': 'EMBEDDINGS' },
    { 'gen_ai.operation.name': 'execute_tool', ...USAGE },
    { 'gen_ai.operation.name': 'invoke_agent', ...USAGE },
    { 'openinference.span.kind': 'AGENT', 'llm.token_count.prompt': 3 },
    { 'openinference.span.kind': 'LLM', 'llm.token_count.prompt': 3 },
    { 'traceloop.span.kind': 'workflow', 'gen_ai.usage.input_tokens': 3 },
    { 'traceloop.span.kind': 'llm' },
    { 'llm.request.type': 'chat' },
    { 'ai.operationId': 'ai.generateText', 'ai.usage.promptTokens': 3 },
    { 'ai.operationId': 'ai.generateText.doGenerate' },
    { 'ai.operationId': 'ai.embed.doEmbed', 'ai.usage.tokens': 3 },
    { 'ai.operationId': 'ai.toolCall' },
    { 'ai.operationId': 'ai.generateText', 'gen_ai.operation.name': 'chat' },
    { 'gen_ai.operation.name': '', 'gen_ai.usage.output_tokens': 0 },
    { 'http.route': '/chat', 'db.system.name': 'postgresql' },
  ];

  it('says of every kind of span what the engine says', async () => {
    const engine = await engineCounts(...cases.map((attributes) => [{ name: 'x', attributes }]));
    expect(cases.map((attributes) => Number(isModelCall(attributes)))).toEqual(engine);
    expect(engine.filter((count) => count === 1).length).toBeGreaterThan(5);
  });
});
