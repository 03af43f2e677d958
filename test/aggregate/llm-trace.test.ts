/** An hour of real LLM calls, the whole way through the engine: tokens and cost to the last one. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Figures, type MeasuredFigures } from '../../src/aggregate/figures.ts';
import { HOUR_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { testCosts } from '../support/price-books.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

/** Azure LLM inference trace 2023, "conv" (CC-BY 4.0; Patel et al., Splitwise, ISCA 2024). */
const TRACE = new URL('../../../shared/data/llm-trace/AzureLLMInferenceTrace_conv.csv', import.meta.url);
const TENANTS = 40;
const CALLS_A_REQUEST = 500;
/** US dollars per million tokens in and out on any day of 2026, as the providers publish them. */
const MODELS = { 'gpt-4o': [2.5, 10], 'gpt-4o-mini': [0.15, 0.6] } as const;
type Model = keyof typeof MODELS;

interface Call {
  readonly tenant: string;
  readonly model: Model;
  readonly at: number;
  readonly input: number;
  readonly output: number;
}

function readTrace(end: number): Call[] {
  const rows = readFileSync(TRACE, 'utf8').trim().split('\n').slice(1);
  const parsed = rows.map((row) => {
    const [time = '', input, output] = row.split(',');
    return {
      time: Date.parse(`${time.slice(0, 23).replace(' ', 'T')}Z`),
      input: Number(input),
      output: Number(output),
    };
  });
  const shift = end - Math.max(...parsed.map(({ time }) => time)) - 60_000;
  return parsed.map(({ time, input, output }, index) => ({
    // A few tenants make most calls, as in life.
    tenant: `tenant-${Math.floor((((index * 7_919) % 1_000) ** 2 / 1e6) * TENANTS)}`,
    model: index % 3 === 0 ? 'gpt-4o' : 'gpt-4o-mini',
    at: time + shift,
    input,
    output,
  }));
}

const available = existsSync(TRACE);

describe.skipIf(!available)(
  `the real trace${available ? '' : ' (skipped: ../shared/data/llm-trace is not here)'}`,
  () => {
    const now = Date.now();
    let store: TestClickHouse;
    let calls: Call[];
    let items: readonly MeasuredFigures[];

    beforeAll(async () => {
      store = await startTestClickHouse();
      calls = readTrace(now);
      const requests = [];
      for (let from = 0; from < calls.length; from += CALLS_A_REQUEST) {
        requests.push(otlpRequest(calls.slice(from, from + CALLS_A_REQUEST).map(spanOf)));
      }
      await store.insert(segmentOf(requests, { receivedAt: now }), 'trace');
      const figures = new Figures(store.clickhouse, testCosts(store.clickhouse));
      ({ items } = await figures.tenants({
        window: { from: now - 3 * HOUR_MS, to: now },
        sort: 'ai_cost_micro',
        order: 'desc',
        search: undefined,
        limit: 1_000,
        offset: 0,
        onlyTenant: undefined,
      }));
    });
    afterAll(async () => store.stop());

    it('has every call', () => {
      expect(calls.length).toBeGreaterThan(19_000);
      expect(items.reduce((sum, item) => sum + item.ai_calls, 0)).toBe(calls.length);
    });

    it('adds up tokens per tenant exactly, and cost as recomputed call by call', () => {
      const expected = new Map<string, { input: number; output: number; costMicro: number }>();
      for (const { tenant, model, input, output } of calls) {
        const [inputPrice, outputPrice] = MODELS[model];
        const sum = expected.get(tenant) ?? { input: 0, output: 0, costMicro: 0 };
        sum.input += input;
        sum.output += output;
        sum.costMicro += input * inputPrice + output * outputPrice;
        expected.set(tenant, sum);
      }
      expect(items.map(({ tenant_id }) => tenant_id).toSorted()).toEqual([...expected.keys()].toSorted());
      for (const item of items) {
        const sum = expected.get(item.tenant_id);
        expect(item).toMatchObject({
          ai_input_tokens: sum?.input,
          ai_output_tokens: sum?.output,
          ai_unpriced_calls: 0,
        });
        // Rounded once.
        expect(Math.abs((item.ai_cost_micro ?? 0) - (sum?.costMicro ?? 0))).toBeLessThanOrEqual(0.501);
      }
    });
  },
);

function spanOf({ tenant, model, at, input, output }: Call) {
  return otlpSpan({
    kind: 3,
    start: at,
    attributes: {
      tenant_id: tenant,
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.response.model': model,
      'gen_ai.usage.input_tokens': input,
      'gen_ai.usage.output_tokens': output,
    },
  });
}
