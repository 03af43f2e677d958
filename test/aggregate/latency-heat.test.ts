import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketCounts, countBelow, HEAT_BOUNDS_MS, HEAT_LEVELS } from '../../src/aggregate/latency-heat.ts';
import { readLatencyHeat } from '../../src/aggregate/latency-heat-reader.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { seeded } from '../support/detect-random.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const FROM = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS;
const WINDOW = { from: FROM, to: FROM + HOUR_MS };
const STEP_S = 600;
const ROUTES = ['GET /orders', 'GET /search', 'POST /orders'];
let store: TestClickHouse;

interface Request {
  readonly tenant: string;
  readonly route: string;
  readonly at: number;
  readonly ms: number;
  readonly failed: boolean;
}

const random = seeded('heat', 11);
/** Two humps, as routes with and without a cache have, and one that nobody must overlook. */
const REQUESTS: Request[] = Array.from({ length: 3_000 }, (_, index) => ({
  tenant: index % 3 === 0 ? 'south' : 'north',
  route: ROUTES[index % 7 === 0 ? 2 : index % 2] ?? '',
  // The third ten minutes are silent.
  at: FROM + ((index * 1_103) % 6 === 2 ? 5 : (index * 1_103) % 6) * 10 * MINUTE_MS + (index % 600) * 1_000,
  ms: index === 300 ? 45_000 : Math.exp(random() * 2 + (random() < 0.4 ? 5.5 : 1.5)),
  failed: index % 50 === 0,
}));

beforeAll(async () => {
  store = await startTestClickHouse();
  const spans = REQUESTS.map(({ tenant, route, at, ms, failed }) =>
    otlpSpan({
      ...{ kind: 2, start: at, durationMs: ms },
      attributes: {
        tenant_id: tenant,
        'http.request.method': route.split(' ')[0] ?? '',
        'http.route': route.split(' ')[1] ?? '',
        'http.response.status_code': failed ? 500 : 200,
      },
    }),
  );
  await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: Date.now() }), 'heat');
});
afterAll(() => store.stop());

const heat = (changes: { tenant?: string; route?: string; stepSeconds?: number; routes?: number } = {}) =>
  readLatencyHeat(store.clickhouse, {
    tenantId: (changes.tenant ?? 'north') as TenantId,
    window: { from: WINDOW.from + 1, to: WINDOW.to },
    stepSeconds: changes.stepSeconds ?? STEP_S,
    route: changes.route,
    routes: changes.routes ?? 10,
  });

function expectedCounts(requests: readonly Request[]): number[] {
  const counts = [...HEAT_BOUNDS_MS, 0].map(() => 0);
  for (const { ms } of requests) {
    const bound = HEAT_BOUNDS_MS.findIndex((upper) => ms < upper);
    const index = bound === -1 ? HEAT_BOUNDS_MS.length : bound;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('counts of a bucket from quantiles', () => {
  const quantile = (sorted: readonly number[], level: number) => sorted[Math.floor(level * (sorted.length - 1))] ?? 0;

  it('are exact up to a hundred values, and within a hundredth beyond', () => {
    const stream = seeded('buckets', 3);
    for (const size of [1, 2, 3, 7, 50, 101, 102, 400, 5_000]) {
      const sorted = Array.from({ length: size }, () => Math.exp(stream() * 10)).toSorted((a, b) => a - b);
      const values = HEAT_LEVELS.map((level) => quantile(sorted, level));
      const counts = bucketCounts(size, values);
      expect(sum(counts)).toBe(size);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(0);
      for (const bound of HEAT_BOUNDS_MS) {
        const error = Math.abs(
          countBelow(bound, size, HEAT_LEVELS, values) - sorted.filter((value) => value < bound).length,
        );
        expect(error).toBeLessThanOrEqual(size <= 101 ? 0 : Math.ceil(size / 200));
      }
    }
  });

  it('never lose the slowest one of very many', () => {
    const values = HEAT_LEVELS.map((level) => (level === 1 ? 45_000 : 5));
    const counts = bucketCounts(1_000_000, values);
    const slowest = HEAT_BOUNDS_MS.findIndex((upper) => upper > 45_000);
    expect(counts[slowest]).toBeGreaterThanOrEqual(1);
  });

  it('are all zero where there was no request', () => {
    expect(bucketCounts(0, [])).toEqual([...HEAT_BOUNDS_MS, 0].map(() => 0));
  });
});

describe('the heat map of a tenant', () => {
  it('has every step, with the requests of the spans in the right buckets', async () => {
    const { steps, window, boundsMs } = await heat();
    expect([window, boundsMs]).toEqual([WINDOW, HEAT_BOUNDS_MS]);
    expect(steps.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4, 5].map((index) => FROM + index * STEP_S * 1_000));
    for (const step of steps) {
      const own = REQUESTS.filter(
        ({ tenant, at }) => tenant === 'north' && at >= step.at && at < step.at + STEP_S * 1_000,
      );
      expect(step.requests).toBe(own.length);
      expect(step.errors).toBe(own.filter(({ failed }) => failed).length);
      expect(sum(step.counts)).toBe(own.length);
      const expected = expectedCounts(own);
      // The sketch's half percent moves a request over a bound now and then.
      const moved = step.counts.reduce((total, count, index) => total + Math.abs(count - (expected[index] ?? 0)), 0);
      expect(moved).toBeLessThanOrEqual(own.length * 0.06);
    }
    expect(steps.some(({ requests }) => requests === 0)).toBe(true);
  });

  it('of one route holds that route alone', async () => {
    const { steps, routes } = await heat({ route: 'GET /search' });
    const own = REQUESTS.filter(({ tenant, route }) => tenant === 'north' && route === 'GET /search');
    expect(sum(steps.map(({ requests }) => requests))).toBe(own.length);
    expect(routes.map(({ route, requests }) => [route, requests])).toEqual([['GET /search', own.length]]);
  });

  it('lists routes, busiest first, with percentiles of the window and of each step', async () => {
    const { routes, totalRoutes, steps } = await heat({ routes: 2 });
    expect([routes.length, totalRoutes]).toEqual([2, 3]);
    for (const route of routes) {
      const own = REQUESTS.filter(({ tenant, route: of }) => tenant === 'north' && of === route.route);
      expect([route.tenantId, route.requests]).toEqual(['north', own.length]);
      const sorted = own.map(({ ms }) => ms).toSorted((a, b) => a - b);
      const exact = sorted[Math.floor(0.95 * (sorted.length - 1))] ?? 0;
      expect(Math.abs(route.p95Ms / exact - 1)).toBeLessThan(0.02);
      expect(route.totalMs).toBeCloseTo(sum(own.map(({ ms }) => ms)), -1);
      expect(route.steps.length).toBe(steps.length);
      expect(sum(route.steps.map((step) => step?.requests ?? 0))).toBe(own.length);
    }
    expect(routes[0]?.requests).toBeGreaterThanOrEqual(routes[1]?.requests ?? 0);
  });

  it('is empty for somebody without requests', async () => {
    const { steps, routes, totalRoutes } = await heat({ tenant: 'nobody' });
    expect([sum(steps.map(({ requests }) => requests)), routes, totalRoutes]).toEqual([0, [], 0]);
  });
});
