/** Every request of a scripted run, through the app, the exporter, ingest, the spool and the rollups, to the API's figures. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MetricName, MetricSeries, TenantFigures, TenantList } from '../../src/api/contract.ts';
import type { PlannedRequest } from '../../src/demo/requests.ts';
import type { ServerDuration } from '../../src/demo/server-durations.ts';
import { type DemoTenant, makeTenants, UNPRICED_MODEL } from '../../src/demo/tenants.ts';
import { type FlowSaas, startSaas } from '../support/flow-saas.ts';
import { callsOf, costMicro, expectedFigures, mixedScript, repeatedQuestions, sumOf } from '../support/flow-script.ts';
import { endEverything, type FlowTenantry, startTenantry } from '../support/flow-tenantry.ts';

const SEED = 1;
const tenants = makeTenants(12, SEED);
const script = mixedScript(tenants);
const repeats = repeatedQuestions(script);
const everything = [...script, ...repeats];

let tenantry: FlowTenantry;
let saas: FlowSaas | undefined;
let durations: readonly ServerDuration[];
let list: TenantList;
let window: string;

const of = <T extends { tenant: string }>(tenant: DemoTenant, all: readonly T[]) =>
  all.filter((one) => one.tenant === tenant.id);
const figuresOf = (tenant: DemoTenant): TenantFigures => {
  const found = list.items.find((item) => item.tenant_id === tenant.id);
  if (found === undefined) throw new Error(`${tenant.id} is not in the list`);
  return found;
};
const callsOfTenant = (tenant: DemoTenant) => of(tenant, script).flatMap((request) => callsOf(tenant, request));

/** Sums (or, with one step for everything, values) of a metric by group; '' without a group. */
async function series(
  tenant: DemoTenant,
  metric: MetricName,
  groupBy?: string,
  step = 86_400,
): Promise<Record<string, number>> {
  const group = groupBy === undefined ? '' : `&group_by=${groupBy}`;
  const { status, body } = await tenantry.ask<MetricSeries>(
    `/v1/tenants/${tenant.id}/metrics?metric=${metric}&step=${step}${group}&${window}`,
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return Object.fromEntries(
    body.series.map((one) => [Object.values(one.group)[0] ?? '', sumOf(one.points, ([, value]) => value ?? 0)]),
  );
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string, pick: (item: T) => number = () => 1) {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + pick(item);
  return counts;
}

/** The value at rank floor(q x (n - 1)), in milliseconds: what a quantile of n measured values is. */
function quantileMs(measured: readonly ServerDuration[], q: number): number {
  const sorted = measured.map(({ durationNs }) => durationNs).toSorted((left, right) => left - right);
  return (sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN) / 1e6;
}

function expectWithinOnePercent(actual: number | null, exact: number, what: string): void {
  expect(actual, what).not.toBeNull();
  expect(Math.abs((actual ?? 0) / exact - 1), `${what}: ${actual} against ${exact}`).toBeLessThanOrEqual(0.01);
}

beforeAll(async () => {
  tenantry = await startTenantry();
  saas = await startSaas(tenantry, { tenants: tenants.length, seed: SEED });
  const startedAt = Date.now();
  const first = await saas.run(script);
  const again = await saas.run(repeats);
  expect(first.counts.total).toBe(script.length);
  expect(
    sumOf(Object.values(again.counts.tenants), ({ modelCalls }) => modelCalls),
    'answers left the cache',
  ).toBe(0);
  durations = [...first.durations, ...again.durations];
  await saas.exported();
  await tenantry.loaded();
  window = `from=${new Date(startedAt - 60_000).toISOString()}&to=${new Date(Date.now() + 60_000).toISOString()}`;
  list = (await tenantry.ask<TenantList>(`/v1/tenants?limit=1000&${window}`)).body;
});
afterAll(async () => {
  const status = await saas?.stop();
  await endEverything();
  expect(status).toBe(0);
});

describe('the list of tenants', () => {
  it('has exactly the tenants that sent something, and says that every span had a tenant', () => {
    expect(script.length).toBeGreaterThanOrEqual(600);
    expect(list.items.map((item) => item.tenant_id).toSorted()).toEqual(tenants.map(({ id }) => id).toSorted());
    expect(list.total).toBe(tenants.length);
    expect(list.attributed_share).toBe(1);
  });

  it.each(tenants)('counts every request, error, database call, cache lookup and token of $id', (tenant) => {
    expect(figuresOf(tenant)).toMatchObject(expectedFigures(tenant, of(tenant, script), of(tenant, repeats)));
  });

  it.each(tenants)('has the percentiles of $id within 1 % of those of the measured durations', (tenant) => {
    const measured = of(tenant, durations);
    expect(measured).toHaveLength(of(tenant, everything).length);
    const { p50_ms, p95_ms, p99_ms } = figuresOf(tenant);
    expectWithinOnePercent(p50_ms, quantileMs(measured, 0.5), 'P50');
    expectWithinOnePercent(p95_ms, quantileMs(measured, 0.95), 'P95');
    expectWithinOnePercent(p99_ms, quantileMs(measured, 0.99), 'P99');
  });

  it('prices AI usage as the price package does, and leaves the cost of an unknown model unknown', () => {
    const onlyUnpriced = tenants.filter(({ models }) => models.every((model) => model === UNPRICED_MODEL));
    expect(onlyUnpriced).toHaveLength(1);
    for (const tenant of tenants) {
      const { ai_cost_micro: cost, ai_calls, ai_unpriced_calls } = figuresOf(tenant);
      if (onlyUnpriced.includes(tenant)) {
        expect(cost).toBeNull();
        expect(ai_unpriced_calls).toBe(ai_calls);
        continue;
      }
      const exact = costMicro(callsOfTenant(tenant));
      expect(exact).toBeGreaterThan(100);
      // One micro-dollar for rounding once a day, should the run have crossed midnight UTC.
      expect(Math.abs((cost ?? 0) - exact), `${tenant.id}: ${cost} against ${exact}`).toBeLessThanOrEqual(1);
    }
  });

  it('sorts by cost with the unknown one last', async () => {
    const { body } = await tenantry.ask<TenantList>(`/v1/tenants?sort=ai_cost_micro&limit=1000&${window}`);
    const costs = body.items.map((item) => item.ai_cost_micro);
    expect(costs.at(-1)).toBeNull();
    const known = costs.slice(0, -1).map(Number);
    expect(known).toEqual(known.toSorted((left, right) => right - left));
    expect(known).toHaveLength(tenants.length - 1);
  });
});

describe('the series of a tenant', () => {
  it('count the requests of each tenant and route', async () => {
    for (const tenant of tenants) {
      const planned = countBy(of(tenant, everything), ({ route }) => route);
      expect(Object.keys(planned)).toHaveLength(5);
      expect(await series(tenant, 'requests', 'route'), tenant.id).toEqual(planned);
    }
  });

  it('count errors where they happened, and nowhere else', async () => {
    for (const tenant of tenants) {
      const failed = of(tenant, script).filter(({ assist }) => assist?.fail === true).length;
      const errors = await series(tenant, 'errors', 'route');
      expect(errors['POST /api/assist'], tenant.id).toBe(failed);
      expect(sumOf(Object.values(errors), Number), tenant.id).toBe(failed);
    }
  });

  it('have the latency percentiles of each route', async () => {
    for (const tenant of tenants.slice(0, 4)) {
      const p95 = await series(tenant, 'p95_ms', 'route');
      for (const [route, value] of Object.entries(p95)) {
        // The app's own spans name the template alone; no two methods share one here.
        const measured = of(tenant, durations).filter((one) => route.endsWith(` ${one.route}`));
        expectWithinOnePercent(value, quantileMs(measured, 0.95), `${tenant.id} ${route}`);
      }
    }
  });

  it('tell inserts from selects', async () => {
    for (const tenant of tenants) {
      const { db_calls } = figuresOf(tenant);
      const comments = of(tenant, script).filter(({ route }) => route === 'POST /api/projects/:id/comments').length;
      expect(await series(tenant, 'db_calls', 'db_operation')).toEqual({
        INSERT: comments,
        SELECT: db_calls - comments,
      });
    }
  });

  it.each([
    ['ai_calls', () => 1],
    ['ai_input_tokens', ({ input }) => input],
    ['ai_output_tokens', ({ output }) => output],
    ['ai_cache_read_tokens', ({ cacheRead }) => cacheRead],
    ['ai_reasoning_tokens', ({ reasoning }) => reasoning],
  ] as const satisfies readonly (readonly [MetricName, (call: ReturnType<typeof callsOf>[number]) => number])[])(
    'have exact %s by model; agents are not counted beside the calls they made',
    async (metric, pick) => {
      for (const tenant of tenants) {
        const expected = countBy(callsOfTenant(tenant), ({ model }) => model.name, pick);
        expect(await series(tenant, metric, 'model'), tenant.id).toEqual(expected);
      }
      expect(tenants.some(({ usesAgent }) => usesAgent)).toBe(true);
    },
  );

  it.each([60, 3_600, 86_400])('add up to the list in steps of %i s', async (step) => {
    const sums = [
      'requests',
      'errors',
      'request_bytes',
      'response_bytes',
      'db_calls',
      'cache_hits',
      'cache_misses',
      'ai_calls',
      'ai_input_tokens',
      'ai_output_tokens',
    ] as const;
    for (const tenant of tenants.slice(0, 3)) {
      const figures = figuresOf(tenant);
      for (const metric of sums) {
        expect(await series(tenant, metric, undefined, step), `${tenant.id} ${metric}`).toEqual({
          '': figures[metric],
        });
      }
    }
  });
});

describe('what is not there', () => {
  it('is not invented: before the run there was nothing', async () => {
    const hourAgo = Date.now() - 3_600_000;
    const before = `from=${new Date(hourAgo - 3_600_000).toISOString()}&to=${new Date(hourAgo).toISOString()}`;
    const { body } = await tenantry.ask<TenantList>(`/v1/tenants?${before}`);
    expect(body).toMatchObject({ items: [], total: 0, next_cursor: null, attributed_share: null });
  });

  it('is answered as unknown: a tenant that nobody has seen', async () => {
    const request: PlannedRequest = { tenant: 'nobody', route: 'GET /api/projects' };
    const { status } = await tenantry.ask(`/v1/tenants/${request.tenant}/metrics?metric=requests`);
    expect(status).toBe(404);
  });
});
