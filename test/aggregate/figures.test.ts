import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Figures, type TenantListQuestion } from '../../src/aggregate/figures.ts';
import { readMetricSeries } from '../../src/aggregate/metric-series-reader.ts';
import { METRICS, type MetricName } from '../../src/aggregate/metrics.ts';
import { isReservedTenant, type TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import {
  cpuOf,
  END,
  expectedFigures,
  random,
  type Sample,
  START,
  samples,
  spansOf,
  TENANTS,
  useOf,
} from '../support/aggregate-samples.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { metricsSegmentOf, otlpMetrics } from '../support/metrics.ts';
import { testCosts } from '../support/price-books.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

let store: TestClickHouse;
let figures: Figures;

beforeAll(async () => {
  store = await startTestClickHouse();
  figures = new Figures(store.clickhouse, testCosts(store.clickhouse));
  const byDay = new Map<number, Sample[]>();
  for (const sample of samples) {
    const day = Math.floor(sample.at / DAY_MS);
    byDay.set(day, [...(byDay.get(day) ?? []), sample]);
  }
  for (const [day, list] of byDay) {
    const spans = list.flatMap(spansOf).map(otlpSpan);
    await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: (day + 1) * DAY_MS }), `day-${day}`);
    const metrics = metricsSegmentOf([otlpMetrics(useOf(list))], { receivedAt: (day + 1) * DAY_MS });
    await store.insert(metrics, `use-${day}`, 'metrics');
  }
});
afterAll(async () => store.stop());

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
    'cpu_seconds',
    'tenant_id',
  ] as const)('sorts by %s, both ways, and pages without a gap', async (sort) => {
    const all = (await figures.tenants(question({ sort }))).items;
    const tenants = all.filter(({ tenant_id }) => !isReservedTenant(tenant_id));
    expect(tenants).toHaveLength(TENANTS.length);
    const keys = tenants.map((item) => item[sort] ?? 0);
    expect(keys).toEqual(keys.toSorted((left, right) => (left < right ? 1 : left > right ? -1 : 0)));
    const pages = [];
    for (let offset = 0; offset < 8; offset += 2) {
      const page = await figures.tenants(question({ sort, limit: 2, offset }));
      expect(page.total).toBe(all.length);
      pages.push(...page.items);
    }
    expect(pages.map(({ tenant_id }) => tenant_id)).toEqual(all.map(({ tenant_id }) => tenant_id));
    const ascending = await figures.tenants(question({ sort, order: 'asc' }));
    expect(ascending.items[0]?.[sort]).toEqual(tenants.findLast((item) => item[sort] !== null)?.[sort]);
    // What is no tenant comes behind all tenants in both directions, however much it is.
    for (const { items } of [{ items: all }, ascending]) {
      const names = items.slice(TENANTS.length).map(({ tenant_id }) => tenant_id);
      expect(names.toSorted()).toEqual(['(unattributed)', '(unknown)']);
    }
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
  const series = (metric: MetricName, stepSeconds: number, groupBy?: 'route' | 'model' | 'service') =>
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

  it('has the use of processes by service, exact as well', async () => {
    const own = samples.filter(({ tenant, at }) => tenant === 'acme' && at >= window.from && at < window.to);
    const tokens = own.reduce((sum, sample) => sum + sample.tokens, 0);
    const nanoseconds = own.reduce((sum, sample) => sum + Math.round(cpuOf(sample) * 1e9), 0);
    const sums = async (metric: MetricName) => {
      const answer = await series(metric, 3_600, 'service');
      expect(answer.series.map(({ group }) => group)).toEqual([{ service: 'shop' }]);
      return total(answer.series[0]?.points ?? []);
    };
    expect(await sums('cpu_seconds')).toBeCloseTo(nanoseconds / 1e9, 9);
    expect(await sums('cpu_samples')).toBe(4 * own.length);
    expect(await sums('network_receive_bytes')).toBe(tokens);
    expect(await sums('network_transmit_bytes')).toBe(3 * tokens);
    expect(await sums('event_loop_seconds')).toBeCloseTo(nanoseconds / 2e9, 5);
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
    expect((await ask('cpu_seconds')).series[0]?.points.every(([, value]) => value === null)).toBe(true);
  });

  it('refuses a group that the metric does not have', async () => {
    await expect(series('requests', 3_600, 'model')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
