/** From the real clients to the rollup that bills: tokens exact to the last one, for each provider. */
import Anthropic from '@anthropic-ai/sdk';
import { generateText } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { CohereClientV2 } from 'cohere-ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toolCall, withAiMarks } from '../../src/middleware/ai.ts';
import { type AiWorld, startAiWorld } from '../support/middleware-ai-world.ts';
import { type SpanStore, startSpanStore } from '../support/span-store.ts';
import { type AttributeInput, otlpRequest, otlpSpan } from '../support/spans.ts';

let world: AiWorld;
let store: SpanStore;

beforeAll(async () => {
  world = await startAiWorld();
  store = await startSpanStore(Date.now());
});
afterAll(async () => {
  await world.stop();
  await store.stop();
});

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
    // Only its end matters.
  }
}

async function callEverybody(): Promise<void> {
  const key = 'SECRET-KEY';
  const openai = withAiMarks(new OpenAI({ baseURL: world.server.url, apiKey: key, maxRetries: 0 }));
  const anthropic = withAiMarks(
    new Anthropic({ baseURL: world.server.url, apiKey: key, maxRetries: 0, openTelemetry: false }),
  );
  const cohere = withAiMarks(new CohereClientV2({ environment: world.server.url, token: key }));
  const messages = [{ role: 'user' as const, content: 'SECRET-PROMPT' }];

  const chat = { model: 'gpt-4o', messages };
  await toolCall({ tool: 'ask', args: { question: 'SECRET-PROMPT' } }, () => openai.chat.completions.create(chat));
  await drain(await openai.chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } }));
  await openai.responses.create({ model: 'gpt-4.1', input: 'SECRET-PROMPT' });
  await openai.embeddings.create({ model: 'text-embedding-3-small', input: 'SECRET-PROMPT' });
  await anthropic.messages.create({ model: 'claude-sonnet-5-5', max_tokens: 9, messages });
  await drain(await anthropic.messages.create({ model: 'claude-sonnet-5-5', max_tokens: 9, messages, stream: true }));
  await cohere.chat({ model: 'command-a-03-2025', messages });
  await drain(await cohere.chatStream({ model: 'command-a-03-2025', messages }));
  await cohere.rerank({ model: 'rerank-v3.5', query: 'SECRET-PROMPT', documents: ['SECRET'] });
  await cohere.embed({ model: 'embed-v4.0', texts: ['SECRET'], inputType: 'search_query' });
  const usage = {
    inputTokens: { total: 10, noCache: 3, cacheRead: 5, cacheWrite: 2 },
    outputTokens: { total: 7, text: 3, reasoning: 4 },
  };
  const model = new MockLanguageModelV3({
    provider: 'google.generative-ai',
    modelId: 'gemini-2.5-pro',
    doGenerate: {
      content: [{ type: 'text', text: 'x' }],
      finishReason: { unified: 'stop', raw: 'STOP' },
      usage,
      warnings: [],
    },
  });
  await generateText({ model: withAiMarks(model), prompt: 'SECRET-PROMPT' });
}

it('keeps every token of every provider', async () => {
  const spans = await world.spansOf(callEverybody);
  const start = Date.now() - 1_000;
  const sent = spans.map(({ name, kind, attributes }) =>
    otlpSpan({ name, kind: kind + 1, start, attributes: attributes as AttributeInput }),
  );
  await store.take([otlpRequest(sent)]);
  const rows = await store.clickhouse.inspect<Record<string, unknown>>(
    `SELECT TenantId, Provider, Model, Operation, sum(Calls) AS calls, sum(InputTokens) AS input,
            sum(OutputTokens) AS output, sum(CacheReadTokens) AS cache_read, sum(CacheWriteTokens) AS cache_write,
            sum(ReasoningTokens) AS reasoning
     FROM tenantry.ai_usage_by_hour GROUP BY ALL ORDER BY Provider, Model`,
  );
  expect(rows.map((row) => Object.values(row))).toEqual([
    ['acme', 'anthropic', 'claude-sonnet-5-5-20260901', 'chat', 2, 2_600, 120, 2_000, 400, 50],
    ['acme', 'cohere', 'command-a-03-2025', 'chat', 2, 1_000, 140, 256, 0, 0],
    ['acme', 'cohere', 'embed-v4.0', 'embeddings', 1, 33, 0, 0, 0, 0],
    ['acme', 'cohere', 'rerank-v3.5', 'rerank', 1, 0, 0, 0, 0, 0],
    ['acme', 'gcp.gemini', 'gemini-2.5-pro', 'chat', 1, 10, 7, 5, 2, 4],
    ['acme', 'openai', 'gpt-4.1-2025-04-14', 'chat', 1, 2_000, 90, 500, 100, 40],
    ['acme', 'openai', 'gpt-4o-2024-08-06', 'chat', 2, 2_000, 400, 600, 0, 100],
    ['acme', 'openai', 'text-embedding-3-small', 'embeddings', 1, 77, 0, 0, 0, 0],
  ]);
});
