import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readQueryVolume, readSlowQueries } from '../../src/aggregate/query-volume-reader.ts';
import { QUERY_VOLUME_SORTS, type QueryVolumeSort } from '../../src/aggregate/query-volume-sql.ts';
import { readCompute } from '../../src/aggregate/usage-compute.ts';
import { UsageRollups } from '../../src/aggregate/usage-rollups.ts';
import { startUsage } from '../../src/app/usage.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';
import { insertUsage, tenantId, USAGE_END, USAGE_START, usagePast, usageSent } from '../support/usage-samples.ts';

const HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 30 * HOUR_MS;
const WINDOW = { from: HOUR, to: HOUR + 27 * HOUR_MS };
const past = usagePast(600, 23);
let store: TestClickHouse;

interface Call {
  readonly tenant: string;
  readonly at: number;
  readonly table: string;
  readonly ms: number;
  readonly rows?: number;
  readonly failed?: boolean;
  readonly traceId?: Buffer;
}

/** Two tenants with two statements each, one of them the same; a part of it a day later. */
const CALLS: Call[] = [
  ...Array.from({ length: 40 }, (_, index) => ({ tenant: 'north', at: HOUR + index, table: 'shared', ms: 10 })),
  ...Array.from({ length: 20 }, (_, index) => ({
    tenant: 'north',
    at: HOUR + 26 * HOUR_MS + index,
    table: 'shared',
    ms: 20,
  })),
  ...Array.from({ length: 3 }, (_, index) => ({
    tenant: 'north',
    at: HOUR + index,
    table: 'dear',
    ms: 300 + index,
    rows: 5,
  })),
  { tenant: 'north', at: HOUR + 9, table: 'dear', ms: 900, failed: true, traceId: Buffer.alloc(16, 0xab) },
  ...Array.from({ length: 5 }, (_, index) => ({ tenant: 'south', at: HOUR + index, table: 'shared', ms: 100 })),
  { tenant: 'south', at: HOUR, table: 'odd', ms: 1 },
];

beforeAll(async () => {
  store = await startTestClickHouse();
  const spans = CALLS.map(({ tenant, at, table, ms, rows, failed, traceId }) =>
    otlpSpan({
      kind: 3,
      start: at,
      durationMs: ms,
      attributes: {
        tenant_id: tenant,
        'db.system.name': 'postgresql',
        'db.query.text': `SELECT * FROM ${table} WHERE id = 'value of ${tenant}'`,
        ...(rows === undefined ? {} : { 'db.response.returned_rows': rows }),
      },
      more: {
        ...(failed === true ? { status: { code: 2 } } : {}),
        ...(traceId === undefined ? {} : { trace_id: traceId }),
      },
    }),
  );
  await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: Date.now() }), 'queries');
  await insertUsage(store, past);
});
afterAll(() => store.stop());

const volume = (by: 'tenant' | 'query', tenant?: string, sort: QueryVolumeSort = 'total_ms', limit = 100) =>
  readQueryVolume(store.clickhouse, { window: WINDOW, by, tenant: tenant as TenantId | undefined, sort, limit });
const named = (query: string) => /FROM (\w+)/.exec(query)?.[1];

describe('query volume', () => {
  it('of a tenant has its statements with calls, time, errors, rows and percentiles', async () => {
    const { items, total, window } = await volume('tenant', 'north');
    expect(window).toEqual(WINDOW);
    expect(total).toBe(2);
    expect(items).toMatchObject([
      {
        tenantId: 'north',
        query: 'SELECT * FROM dear WHERE id = ?',
        calls: 4,
        errors: 1,
        slowCalls: 4,
        totalMs: 1_803,
        rows: 15,
        tenants: 1,
        services: ['shop'],
      },
      { query: 'SELECT * FROM shared WHERE id = ?', calls: 60, errors: 0, slowCalls: 0, totalMs: 800, rows: null },
    ]);
    expect(Math.abs((items[1]?.p95Ms ?? 0) / 20 - 1)).toBeLessThan(0.02);
    expect(Math.abs((items[1]?.p50Ms ?? 0) / 10 - 1)).toBeLessThan(0.02);
    expect((items[0]?.timeShare ?? 0) + (items[1]?.timeShare ?? 0)).toBeCloseTo(1, 9);
  });

  it('of each tenant keeps them apart, over all tenants puts the same statement together', async () => {
    const own = (items: Awaited<ReturnType<typeof volume>>['items']) =>
      items
        .filter(({ query }) => query.includes('shared'))
        .map(({ tenantId: tenant, calls, tenants }) => [tenant, calls, tenants]);
    expect(own((await volume('tenant')).items)).toEqual([
      ['north', 60, 1],
      ['south', 5, 1],
    ]);
    expect(own((await volume('query')).items)).toEqual([[null, 65, 2]]);
    const apart = await volume('tenant', 'south');
    expect(apart.items.map(({ query }) => named(query))).toEqual(['shared', 'odd']);
    expect((await volume('tenant', 'nobody')).items).toEqual([]);
  });

  it.each(QUERY_VOLUME_SORTS)('is sorted by %s, what was not measured last', async (sort) => {
    const { items } = await volume('tenant', undefined, sort);
    const keys = items.map((item) => {
      const figures = {
        total_ms: item.totalMs,
        calls: item.calls,
        errors: item.errors,
        slow_calls: item.slowCalls,
        rows: item.rows,
        mean_ms: item.totalMs / item.calls,
        p95_ms: item.p95Ms,
      };
      return figures[sort] ?? -1;
    });
    expect(keys).toEqual(keys.toSorted((left, right) => right - left));
  });

  it('says how many statements there are beyond the limit, and cuts edges at whole hours', async () => {
    const { items, total } = await volume('tenant', 'north', 'calls', 1);
    expect([items.length, total]).toEqual([1, 2]);
    const first = await readQueryVolume(store.clickhouse, {
      window: { from: HOUR + 5, to: HOUR + 6 },
      ...{ by: 'tenant', tenant: tenantId('north'), sort: 'calls', limit: 5 },
    });
    expect(first.window).toEqual({ from: HOUR, to: HOUR + HOUR_MS });
    expect(first.items[0]?.calls).toBe(40);
  });
});

describe('slow queries', () => {
  const slow = (tenant: string, ms: number, limit = 10) =>
    readSlowQueries(store.clickhouse, {
      tenantId: tenant as TenantId,
      window: WINDOW,
      minDurationNs: BigInt(ms) * 1_000_000n,
      limit,
    });

  it('are the single calls, slowest first, with their trace and without values', async () => {
    const found = await slow('north', 200);
    expect(found.map(({ durationMs }) => durationMs)).toEqual([900, 302, 301, 300]);
    expect(found[0]).toMatchObject({
      tenantId: 'north',
      traceId: 'ab'.repeat(16),
      startedAt: HOUR + 9,
      failed: true,
      rows: null,
      query: 'SELECT * FROM dear WHERE id = ?',
    });
    expect(found[1]).toMatchObject({ failed: false, rows: 5, service: 'shop', dbSystem: 'postgresql' });
    const { items } = await volume('tenant', 'north');
    expect(found[0]?.hash).toBe(items[0]?.hash);
  });

  it('are those from the threshold on, of one tenant, as many as asked for', async () => {
    expect(await slow('north', 901)).toEqual([]);
    expect((await slow('south', 100)).map(({ tenantId: tenant }) => tenant)).toEqual(new Array(5).fill('south'));
    expect(await slow('north', 0, 2)).toHaveLength(2);
  });
});

describe('compute', () => {
  const window = { from: USAGE_START, to: USAGE_END };

  it('is CPU time where a service reports it and request time elsewhere, never both', async () => {
    const services = await new UsageRollups(store.clickhouse).services(window, ['cpu_ns']);
    expect(services.get('web')?.has('cpu_ns')).toBe(true);
    expect(services.get('batch')?.has('cpu_ns')).toBe(false);
    const basisOf = (service: string) => (services.get(service)?.has('cpu_ns') === true ? 'cpu_time' : 'request_time');
    const computes = await readCompute(store.clickhouse, { window }, basisOf);
    const of = (tenant: string) => computes.find((compute) => compute.tenantId === tenant);
    expect(of('acme')?.cpuNs).toBe(usageSent(past, 'acme', window).get('cpu_ns'));
    // All requests were served by `web`, which reports CPU time.
    expect(of('acme')?.requestNs).toBeNull();
    // It used `web` too, and none of its CPU time was sampled.
    expect(of('bolt')).toMatchObject({ cpuNs: 0n, requestNs: null, services: ['web'] });
    const byTime = await readCompute(store.clickhouse, { window, tenants: [tenantId('bolt')] }, () => 'request_time');
    expect(byTime).toMatchObject([{ cpuNs: null, requestNs: usageSent(past, 'bolt', window).get('busy_ns') }]);
    expect(await readCompute(store.clickhouse, { window: { from: 0, to: DAY_MS } }, basisOf)).toEqual([]);
  });

  it('comes with the services and what each of them measures', async () => {
    const { desk, reader, queries } = startUsage({
      clickhouse: store.clickhouse,
      config: { TENANTRY_SLOW_DB_CALL_MS: 250, TENANTRY_RETAIN_MINUTES_DAYS: 30, TENANTRY_RETAIN_HOURS_DAYS: 400 },
    });
    const question = { window, metrics: ['requests', 'db_rows', 'cpu_ns', 'meter:seats'] as const };
    const { services, tenants } = await desk.compute(question);
    const ofPast = services.filter(({ service }) => service !== 'shop');
    expect(ofPast.map(({ service, measures, computeBasis }) => [service, measures.toSorted(), computeBasis])).toEqual([
      ['batch', ['db_rows', 'requests'], 'request_time'],
      ['web', ['cpu_ns', 'requests'], 'cpu_time'],
    ]);
    expect(tenants.map(({ tenantId: tenant }) => tenant)).toContain('acme');
    expect(await desk.totals(question)).toEqual(await reader.totals(question));
    expect(queries.slowMs).toBe(250);
  });
});
