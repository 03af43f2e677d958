import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AI_ATTRIBUTE_ALIASES, AI_WRAPPER_OPERATIONS } from '../../../src/domain/ai-attributes.ts';
import { AI_INPUT_TIER_STARTS, aiInputTierOf } from '../../../src/domain/ai-usage.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { type AttributeInput, otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const NOW = Date.now();
let store: TestClickHouse;
let tenants = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

/** Sends one span per attribute set as a new tenant and returns what that tenant's AI rollup says. */
async function usageOf(...spans: AttributeInput[]): Promise<Record<string, unknown>[]> {
  const [found = []] = await usageOfEach([spans]);
  return found;
}

/** The same for many tenants at once, in one segment: an insert costs more than its spans. */
async function usageOfEach(cases: readonly (readonly AttributeInput[])[]): Promise<Record<string, unknown>[][]> {
  const named = cases.map((spans) => {
    tenants += 1;
    return { tenant: `ai-${tenants}`, spans };
  });
  const request = otlpRequest(
    named.flatMap(({ tenant, spans }) =>
      spans.map((attributes) =>
        otlpSpan({ kind: 3, start: NOW - 1_000, attributes: { tenant_id: tenant, ...attributes } }),
      ),
    ),
  );
  await store.insert(segmentOf([request], { receivedAt: NOW }), `ai-to-${tenants}`);
  const rows = await store.clickhouse.inspect<Record<string, unknown>>(
    `SELECT TenantId AS tenant, Provider AS provider, Model AS model, Operation AS operation, InputTier AS tier,
            sum(Calls) AS calls, sum(InputTokens) AS input_tokens, sum(OutputTokens) AS output_tokens,
            sum(CacheReadTokens) AS cache_read_tokens, sum(CacheWriteTokens) AS cache_write_tokens,
            sum(ReasoningTokens) AS reasoning_tokens, sum(SearchUnits) AS search_units
     FROM tenantry.ai_usage_by_hour WHERE TenantId IN (${named.map(({ tenant }) => `'${tenant}'`).join()})
     GROUP BY ALL ORDER BY ALL`,
  );
  return named.map(({ tenant }) => rows.filter((row) => row['tenant'] === tenant).map(({ tenant: _, ...row }) => row));
}

describe('one call to a model', () => {
  it('has its model, provider and five kinds of tokens', async () => {
    const found = await usageOf({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.response.model': 'gpt-4o-2024-08-06',
      'gen_ai.usage.input_tokens': 1_000,
      'gen_ai.usage.output_tokens': 200,
      'gen_ai.usage.cache_read.input_tokens': 300,
      'gen_ai.usage.cache_creation.input_tokens': 40,
      'gen_ai.usage.reasoning.output_tokens': 50,
    });
    expect(found).toEqual([
      {
        provider: 'openai',
        model: 'gpt-4o-2024-08-06',
        operation: 'chat',
        tier: 0,
        calls: 1,
        input_tokens: 1_000,
        output_tokens: 200,
        cache_read_tokens: 300,
        cache_write_tokens: 40,
        reasoning_tokens: 50,
        search_units: 0,
      },
    ]);
  });

  const aliases = Object.entries(AI_ATTRIBUTE_ALIASES).flatMap(([attribute, names]) =>
    names.map((name) => [attribute, name] as const),
  );
  it('is read from every alias of every attribute', async () => {
    const usedValue = (attribute: string) => (attribute === 'model' || attribute === 'provider' ? 'some-text' : 77);
    const found = await usageOfEach(
      aliases.map(([attribute, name]) => [{ 'gen_ai.operation.name': 'chat', [name]: usedValue(attribute) }]),
    );
    const read = aliases.map(([attribute, name], index) => [name, attribute, found[index]?.[0]?.[attribute]]);
    expect(read).toEqual(aliases.map(([attribute, name]) => [name, attribute, usedValue(attribute)]));
    expect(read.length).toBeGreaterThan(30);
  });

  it('takes the first alias that is there, never the sum of several', async () => {
    const [found] = await usageOf({
      'gen_ai.operation.name': 'chat',
      'gen_ai.usage.input_tokens': 10,
      'gen_ai.usage.prompt_tokens': 10,
      'llm.token_count.prompt': 10,
    });
    expect(found?.['input_tokens']).toBe(10);
  });

  it("reads Langfuse's usage object", async () => {
    const [found] = await usageOf({
      'langfuse.observation.usage_details': '{"input": 12, "output": 3}',
      'gen_ai.operation.name': 'chat',
    });
    expect(found).toMatchObject({ input_tokens: 12, output_tokens: 3 });
  });

  it.each([
    ['-5', 0],
    ['1e9', 0],
    ['NaN', 0],
    ['12.0', 12],
    ['9'.repeat(30), 0],
    ['many', 0],
  ])('counts %s tokens as %i', async (text, expected) => {
    const [found] = await usageOf({ 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': text });
    expect(found).toMatchObject({ calls: 1, input_tokens: expected });
  });

  it('keeps calls of different input sizes apart, by the same bounds as the price book', async () => {
    const sizes = [0, 1, ...AI_INPUT_TIER_STARTS.flatMap((start) => [start, start + 1])];
    const found = await usageOf(
      ...sizes.map((size) => ({ 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': size })),
    );
    const expected = new Map<number, number>();
    for (const size of sizes) expected.set(aiInputTierOf(size), (expected.get(aiInputTierOf(size)) ?? 0) + 1);
    expect(new Map(found.map(({ tier, calls }) => [tier, calls]))).toEqual(expected);
  });
});

describe('usage is not counted twice', () => {
  const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 100, 'gen_ai.usage.output_tokens': 10 };

  it.each(AI_WRAPPER_OPERATIONS)('in a span of kind %s around the call', async (operation) => {
    const found = await usageOf({ ...chat, 'gen_ai.operation.name': operation }, chat);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ operation: 'chat', calls: 1, input_tokens: 100, output_tokens: 10 });
  });

  it('in OpenInference agents and chains, whatever their case', async () => {
    const found = await usageOf(
      { 'openinference.span.kind': 'AGENT', 'llm.token_count.prompt': 100 },
      { 'openinference.span.kind': 'LLM', 'llm.token_count.prompt': 100 },
    );
    expect(found.map(({ operation, input_tokens }) => [operation, input_tokens])).toEqual([['llm', 100]]);
  });

  it("in the outer span of Vercel's AI SDK", async () => {
    const found = await usageOf(
      { 'ai.operationId': 'ai.generateText', 'ai.usage.promptTokens': 100, 'ai.usage.completionTokens': 10 },
      {
        'ai.operationId': 'ai.generateText.doGenerate',
        'ai.usage.promptTokens': 100,
        'gen_ai.usage.input_tokens': 100,
      },
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ calls: 1, input_tokens: 100 });
  });

  it('in spans that are no AI at all', async () => {
    expect(await usageOf({ 'http.route': '/x', 'db.system': 'redis' }, { 'gen_ai.agent.name': 'only a name' })).toEqual(
      [],
    );
  });
});
