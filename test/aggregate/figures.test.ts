import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AiPricer, Figures, type TenantListQuestion } from '../../src/aggregate/figures.ts';
import { readMetricSeries } from '../../src/aggregate/metric-series-reader.ts';
import { METRICS, type MetricName } from '../../src/aggregate/metrics.ts';
import { spendOf } from '../../src/cost/ai-spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, type SpanInput, segmentOf } from '../support/spans.ts';

/** Twelve days that end two minutes before now, so that hours and days of every alignment lie inside. */
const END = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 2 * MINUTE_MS;
const START = END - 12 * DAY_MS;
const TENANTS = ['acme', 'bolt', 'Acme-2', 'o.brien:1', '42'];

interface Sample {
  readonly tenant: string;
  readonly at: number;
  readonly durationMs: number;
  readonly error: boolean;
  readonly tokens: number;
  readonly model: string;
}

/** A fixed stream of pseudo-random numbers (mulberry32), so that a failure can be repeated. */
function randomStream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = randomStream(7);
const samples: Sample[] = Array.from({ length: 4_000 }, () => ({
  tenant: TENANTS[Math.floor(random() ** 2 * TENANTS.length)] ?? 'acme',
  at: START + Math.floor(random() * 12 * DAY_MS),
  durationMs: Math.exp(random() * 6),
  error: random() < 0.1,
  tokens: Math.floor(random() * 5_000),
  model: random() < 0.8 ? 'gpt-4o' : 'model-nobody-knows',
}));

const price: AiPricer = (usages, at) => spendOf(usages, at);
let store: TestClickHouse;
let figures: Figures;

beforeAll(async () => {
  store = await startTestClickHouse();
  figures = new Figures(store.clickhouse, price);
  const byDay = new Map<number, Sample[]>();
  for (const sample of samples) {
    const day = Math.floor(sample.at / DAY_MS);
    byDay.set(day, [...(byDay.get(day) ?? []), sample]);
  }
  for (const [day, list] of byDay) {
    const spans = list.flatMap(spansOf).map(otlpSpan);
    await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: (day + 1) * DAY_MS }), `day-${day}`);
  }
});
afterAll(async () => store.stop());

function spansOf(sample: Sample): SpanInput[] {
  const tenant_id = sample.tenant;
  return [
    {
      kind: 2,
      start: sample.at,
      durationMs: sample.durationMs,
      attributes: {
        tenant_id,
        'http.request.method': 'GET',
        'http.route': '/r',
        'http.response.status_code': sample.error ? 500 : 200,
        'tenantry.cache.hits': 1,
      },
    },
    {
      kind: 3,
      start: sample.at,
      durationMs: 2,
      attributes: { tenant_id, 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
    },
    {
      kind: 3,
      start: sample.at,
      attributes: {
        tenant_id,
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.response.model': sample.model,
        'gen_ai.usage.input_tokens': sample.tokens,
        'gen_ai.usage.output_tokens': 10,
      },
    },
    { start: sample.at, attributes: random() < 0.5 ? { tenant_id } : {} },
  ];
}

function expectedFigures(window: { from: number; to: number }) {
  const from = Math.floor(window.from / MINUTE_MS) * MINUTE_MS;
  const to = Math.ceil(window.to / MINUTE_MS) * MINUTE_MS;
  const inside = samples.filter(({ at }) => at >= from && at < to);
  return new Map(
    TENANTS.map((tenant) => {
      const own = inside.filter((sample) => sample.tenant === tenant);
      const durations = own.map(({ durationMs }) => durationMs).toSorted((left, right) => left - right);
      return [
        tenant,
        {
          requests: own.length,
          errors: own.filter(({ error }) => error).length,
          db_calls: own.length,
          cache_hits: own.length,
          ai_calls: own.length,
          ai_input_tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
          ai_output_tokens: 10 * own.length,
          ai_unpriced_calls: own.filter(({ model }) => model !== 'gpt-4o').length,
          p95: durations[Math.floor(0.95 * (durations.length - 1))],
        },
      ];
    }),
  );
}

const question = (overrides: Partial<TenantListQuestion> = {}): TenantListQuestion => ({
  window: { from: START, to: END },
  sort: 'requests',
  order: 'desc',
  search: undefined,
  limit: 100,
  offset: 0,
  onlyTenant: undefined,
  ...overrides,
});

describe('the list of tenants', () => {
  const windows = [
    { from: START, to: END },
    { from: START + 17 * MINUTE_MS, to: END - 3 * HOUR_MS },
    { from: START + 1.3 * DAY_MS, to: START + 1.3 * DAY_MS + 40 * MINUTE_MS },
    ...Array.from({ length: 8 }, () => {
      const from = START + Math.floor(random() * 10 * DAY_MS);
      return { from, to: from + Math.floor(random() ** 2 * (END - from)) + 1 };
    }),
  ];

  it.each(windows)('is exact from $from to $to, across minutes, hours and days', async (window) => {
    const { items } = await figures.tenants(question({ window }));
    for (const [tenant, expected] of expectedFigures(window)) {
      const found = items.find(({ tenant_id }) => tenant_id === tenant);
      if (expected.requests === 0) {
        expect(found).toBeUndefined();
        continue;
      }
      const { p95, ...sums } = expected;
      expect(found).toMatchObject(sums);
      expect(Math.abs((found?.p95_ms ?? 0) / (p95 ?? 1) - 1)).toBeLessThan(0.01);
      expect(found?.db_ms).toBeCloseTo(2 * expected.db_calls, 6);
    }
  });

  it('prices what can be priced and says how many calls could not', async () => {
    const { items } = await figures.tenants(question());
    const own = samples.filter(({ tenant, model }) => tenant === 'acme' && model === 'gpt-4o');
    // gpt-4o: 2.5 and 10 US dollars per million tokens = 2.5 and 10 micro-dollars a token.
    const expected = own.reduce((sum, { tokens }) => sum + tokens * 2.5 + 10 * 10, 0);
    const found = items.find(({ tenant_id }) => tenant_id === 'acme');
    expect(Math.abs((found?.ai_cost_micro ?? 0) - expected)).toBeLessThan(12);
  });

  it.each([
    'requests',
    'errors',
    'p95_ms',
    'db_calls',
    'db_ms',
    'ai_input_tokens',
    'ai_output_tokens',
    'ai_cost_micro',
    'tenant_id',
  ] as const)('sorts by %s, both ways, and pages without a gap', async (sort) => {
    const all = (await figures.tenants(question({ sort }))).items;
    const keys = all.map((item) => item[sort] ?? 0);
    expect(keys).toEqual(keys.toSorted((left, right) => (left < right ? 1 : left > right ? -1 : 0)));
    const pages = [];
    for (let offset = 0; offset < 8; offset += 2) {
      const page = await figures.tenants(question({ sort, limit: 2, offset }));
      expect(page.total).toBe(all.length);
      pages.push(...page.items);
    }
    expect(pages.map(({ tenant_id }) => tenant_id)).toEqual(all.map(({ tenant_id }) => tenant_id));
    const ascending = await figures.tenants(question({ sort, order: 'asc', limit: 1 }));
    expect(ascending.items[0]?.[sort]).toEqual(all.findLast((item) => item[sort] !== null)?.[sort]);
    // What is unknown comes last in both directions.
  });

  it('finds tenants by a part of their id in any case, and takes hostile text as text', async () => {
    const ids = async (search: string) =>
      (await figures.tenants(question({ search }))).items.map(({ tenant_id }) => tenant_id).toSorted();
    expect(await ids('ACME')).toEqual(['Acme-2', 'acme']);
    expect(await ids('%')).toEqual([]);
    expect(await ids("' OR 1=1 --")).toEqual([]);
    expect(await ids('\\')).toEqual([]);
  });

  it('tells one tenant about itself alone', async () => {
    const answer = await figures.tenants(question({ onlyTenant: 'bolt' as TenantId }));
    expect(answer.items.map(({ tenant_id }) => tenant_id)).toEqual(['bolt']);
    expect(answer).toMatchObject({ total: 1, attributedShare: null, dataUntil: null });
    const everybody = await figures.tenants(question());
    expect(answer.items[0]).toEqual(everybody.items.find(({ tenant_id }) => tenant_id === 'bolt'));
  });

  it('says which share of spans had a tenant, and up to when there is data', async () => {
    const { attributedShare, dataUntil } = await figures.tenants(question());
    expect(attributedShare).toBeGreaterThan(0.8);
    expect(attributedShare).toBeLessThan(0.95);
    const newest = Math.max(...samples.map(({ at }) => at));
    expect(dataUntil).toBe(Math.floor(newest / MINUTE_MS) * MINUTE_MS + MINUTE_MS);
  });

  it('has a sparkline whose sum is the count of a window of whole steps', async () => {
    const window = { from: Math.ceil(START / DAY_MS) * DAY_MS, to: Math.ceil(START / DAY_MS) * DAY_MS + 8 * DAY_MS };
    const { items, sparkStepSeconds } = await figures.tenants(question({ window }));
    for (const { requests, requests_spark } of items) {
      expect(requests_spark).toHaveLength((8 * DAY_MS) / (sparkStepSeconds * 1_000));
      expect(requests_spark.reduce((sum, count) => sum + count, 0)).toBe(requests);
    }
  });
});

describe('a metric over time', () => {
  const window = { from: Math.ceil(START / DAY_MS) * DAY_MS, to: Math.ceil(START / DAY_MS) * DAY_MS + 4 * DAY_MS };
  const series = (metric: MetricName, stepSeconds: number, groupBy?: 'route' | 'model') =>
    readMetricSeries(store.clickhouse, { tenantId: 'acme' as TenantId, metric, window, stepSeconds, groupBy }, END);
  const total = (points: [number, number | null][]) => points.reduce((sum, [, value]) => sum + (value ?? 0), 0);

  it.each([3_600, 86_400, 5_400])('adds up to the list in steps of %i seconds', async (step) => {
    const { items } = await figures.tenants(question({ window }));
    const acme = items.find(({ tenant_id }) => tenant_id === 'acme');
    for (const metric of ['requests', 'errors', 'db_calls', 'cache_hits', 'ai_input_tokens'] as const) {
      const { series: lines, unit } = await series(metric, step);
      expect(unit).toBe(METRICS[metric].unit);
      expect(total(lines[0]?.points ?? [])).toBe(acme?.[metric]);
    }
  });

  it('splits into groups that add up to the whole', async () => {
    const whole = await series('ai_input_tokens', 86_400);
    const byModel = await series('ai_input_tokens', 86_400, 'model');
    expect(byModel.series.map(({ group }) => group)).toEqual([{ model: 'gpt-4o' }, { model: 'model-nobody-knows' }]);
    const sum = byModel.series.reduce((all, { points }) => all + total(points), 0);
    expect(sum).toBe(total(whole.series[0]?.points ?? []));
  });

  it('says null, not zero, for percentiles of silence and for the future', async () => {
    const future = { from: END - 2 * MINUTE_MS, to: END + HOUR_MS };
    const ask = (metric: MetricName) =>
      readMetricSeries(
        store.clickhouse,
        { tenantId: 'nobody' as TenantId, metric, window: future, stepSeconds: 60, groupBy: undefined },
        END,
      );
    const requests = (await ask('requests')).series[0]?.points ?? [];
    expect(requests[0]?.[1]).toBe(0);
    expect(requests.at(-1)?.[1]).toBeNull();
    expect((await ask('p95_ms')).series[0]?.points.every(([, value]) => value === null)).toBe(true);
    expect((await ask('error_rate')).series[0]?.points.every(([, value]) => value === null)).toBe(true);
  });

  it('refuses a group that the metric does not have', async () => {
    await expect(series('requests', 3_600, 'model')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
