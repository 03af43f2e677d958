/** Cached tokens count once, wherever a span tells them; service tiers are kept apart. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { type AttributeInput, otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const NOW = Date.now();
const CALL = { 'gen_ai.operation.name': 'chat', 'gen_ai.response.model': 'm' };
const CASES: readonly (readonly [string, AttributeInput, object])[] = [
  [
    'inside the input, as OpenTelemetry says',
    {
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.usage.input_tokens': 1_000,
      'gen_ai.usage.cache_read.input_tokens': 300,
      'gen_ai.usage.cache_creation.input_tokens': 40,
    },
    { input: 1_000, read: 300, write: 40 },
  ],
  [
    'beside the input, when they are more than it',
    {
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.cache_read_input_tokens': 190_000,
      'gen_ai.usage.cache_creation_input_tokens': 20_000,
    },
    // The size class is that of the whole input, which the single counts are below.
    { input: 210_012, read: 190_000, write: 20_000, tier: 200_000 },
  ],
  [
    'beside the input, as the AI SDK 5 passes on what Anthropic says',
    { 'ai.model.provider': 'anthropic.messages', 'ai.usage.inputTokens': 1_000, 'ai.usage.cachedInputTokens': 300 },
    { input: 1_300, read: 300 },
  ],
  [
    'inside the input, as the AI SDK 6 adds them up',
    {
      'ai.model.provider': 'anthropic.messages',
      'ai.usage.inputTokens': 1_300,
      'ai.usage.cachedInputTokens': 300,
      'ai.usage.inputTokenDetails.noCacheTokens': 1_000,
      'ai.usage.inputTokenDetails.cacheWriteTokens': 50,
    },
    { input: 1_300, read: 300, write: 50 },
  ],
  [
    'inside the input of every other seller in the AI SDK 5',
    { 'ai.model.provider': 'openai.chat', 'ai.usage.inputTokens': 1_000, 'ai.usage.cachedInputTokens': 300 },
    { input: 1_000, read: 300 },
  ],
  [
    'beside it, when the instrumentation says so',
    {
      'gen_ai.usage.input_tokens': 1_000,
      'gen_ai.usage.cache_read_tokens': 300,
      'tenantry.ai.cache_tokens': 'beside',
    },
    { input: 1_300, read: 300 },
  ],
  [
    'inside it, when the instrumentation says so, whatever the figures look like',
    { 'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.cache_read_tokens': 300, 'tenantry.ai.cache_tokens': 'inside' },
    { input: 10, read: 300 },
  ],
  [
    'the tier of the answer',
    { 'openai.response.service_tier': 'flex', 'openai.request.service_tier': 'auto' },
    { service: 'flex' },
  ],
  [
    'the tier asked for, where the answer tells none',
    { 'gen_ai.openai.request.service_tier': 'Priority' },
    { service: 'priority' },
  ],
  ['the usual tier, by any other name', { 'openai.response.service_tier': 'default' }, {}],
  ['no tier that somebody made up', { 'gen_ai.response.service_tier': 'x'.repeat(100) }, {}],
  ['batches', { 'tenantry.ai.service_tier': 'batch' }, { service: 'batch' }],
];

let store: TestClickHouse;
let found: Map<string, object>;
beforeAll(async () => {
  store = await startTestClickHouse();
  const spans = CASES.map(([, attributes], index) =>
    otlpSpan({ kind: 3, start: NOW - 1_000, attributes: { tenant_id: `case-${index}`, ...CALL, ...attributes } }),
  );
  await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: NOW }), 'spans');
  const rows = await store.clickhouse.inspect<{ tenant: string }>(
    `SELECT TenantId AS tenant, InputTier AS tier, ServiceTier AS service, sum(InputTokens) AS input,
            sum(CacheReadTokens) AS read, sum(CacheWriteTokens) AS write, sum(Calls) AS calls
     FROM tenantry.ai_usage_by_day GROUP BY ALL`,
  );
  found = new Map(rows.map(({ tenant, ...row }) => [tenant, row]));
});
afterAll(async () => store.stop());

it.each(CASES.map(([what, , expected], index) => ({ what, expected, tenant: `case-${index}` })))(
  'are kept: $what',
  ({ expected, tenant }) => {
    const usual = { tier: 0, service: '', input: 0, read: 0, write: 0, calls: 1 };
    expect(found.get(tenant)).toEqual({ ...usual, ...expected });
  },
);
