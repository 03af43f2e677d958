import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LastSeenRow, lastSeen } from '../../src/aggregate/queries/across-tenants/last-seen.ts';
import type { TenantMetricsRow } from '../../src/api/tenant-metrics-ports.ts';
import { directoryDesk } from '../../src/app/lifecycle.ts';
import { tenantMetrics } from '../../src/app/tenant-metrics.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { AnalyticsReader } from '../../src/domain/analytics-query.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { ThrottleRecord } from '../../src/domain/throttle-record.ts';
import { floorTo, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { DedicatedStore } from '../../src/store/postgres/dedicated-store.ts';
import { QuotaStore } from '../../src/store/postgres/quota-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const NOW = floorTo(Date.now(), MINUTE_MS);
const id = (text: string) => text as TenantId;
/** Ten tenants, each with ten requests more than the one before; and requests of nobody. */
const TENANTS = Array.from({ length: 10 }, (_, index) => ({ tenant: `t-${index}`, requests: (index + 1) * 10 }));
const TOTAL = TENANTS.reduce((sum, { requests }) => sum + requests, 0);

let store: TestClickHouse;
beforeAll(async () => {
  store = await startTestClickHouse();
  const span = (tenant_id: string | undefined, index: number, start: number) =>
    otlpSpan({
      kind: 2,
      start,
      durationMs: tenant_id === 't-0' ? 900 : 10,
      attributes: {
        ...(tenant_id === undefined ? {} : { tenant_id }),
        'http.route': '/r',
        'http.response.status_code': index % 10 === 0 ? 500 : 200,
      },
    });
  const inWindow = (index: number) => NOW - 4 * MINUTE_MS + (index % 60) * 1_000;
  const spans = TENANTS.flatMap(({ tenant, requests }) =>
    Array.from({ length: requests }, (_, index) => span(tenant, index, inWindow(index))),
  );
  const nobody = Array.from({ length: 7 }, (_, index) => span(undefined, index, inWindow(index)));
  // Outside of the window, and the only sign of life of `old-timer`.
  const before = [span('t-9', 1, NOW - 30 * MINUTE_MS), span('old-timer', 1, NOW - 26 * HOUR_MS)];
  await store.insert(segmentOf([otlpRequest([...spans, ...nobody, ...before])], { receivedAt: NOW }), 'seed');
});
afterAll(async () => store.stop());

function metrics(top: number, throttled: readonly string[] = [], found: readonly string[] = []) {
  const active = throttled.map((tenant) => ({ flag: { tenantId: id(tenant), mode: 'enforce' } }) as ThrottleRecord);
  const shadow = { flag: { tenantId: id('t-5'), mode: 'shadow' } } as ThrottleRecord;
  return tenantMetrics({
    config: { TENANTRY_METRICS_TENANTS_TOP: top },
    clickhouse: store.clickhouse,
    aiCosts: {
      byTenant: async () =>
        new Map([
          [id('t-9'), { costMicro: 5n, unpricedCalls: 0 }],
          [id('t-0'), { costMicro: null, unpricedCalls: 2 }],
          [id('t-1'), { costMicro: 3n, unpricedCalls: 1 }],
        ]),
    },
    throttles: { list: async () => [...active, shadow] },
    anomalies: { openOnes: async () => found.map((tenant) => ({ tenantId: id(tenant) })) },
  });
}
const sum = (rows: readonly TenantMetricsRow[], of: (row: TenantMetricsRow) => number) =>
  rows.reduce((all, row) => all + of(row), 0);

describe('metrics of tenants', () => {
  it.each([0, 1, 3, 10, 20])('with the top %i are whole in sum, and bounded', async (top) => {
    const { rows, window } = await metrics(top).read(NOW + 20_000);
    expect(window).toEqual({ from: NOW - 5 * MINUTE_MS, to: NOW });
    expect(sum(rows, (row) => row.requests)).toBe(TOTAL + 7);
    expect(sum(rows, (row) => row.errors)).toBe(TOTAL / 10 + 1);
    const named = rows.map(({ tenant }) => tenant).filter((tenant) => !tenant.startsWith('('));
    expect(named.toSorted()).toEqual(
      TENANTS.slice(Math.max(0, 10 - top))
        .map(({ tenant }) => tenant)
        .toSorted(),
    );
    expect(rows.find(({ tenant }) => tenant === '(unknown)')?.requests).toBe(7);
  });

  it('merge the latency of the others from their sketches', async () => {
    const { rows } = await metrics(9).read(NOW + 20_000);
    const p95 = (tenant: string) => rows.find((row) => row.tenant === tenant)?.p95Ms ?? 0;
    // Only t-0 is left for the others, and it is slow.
    expect(Math.abs(p95('(other)') / 900 - 1)).toBeLessThan(0.02);
    expect(Math.abs(p95('t-9') / 10 - 1)).toBeLessThan(0.02);
  });

  it('put throttles, findings and costs with whom they belong to; unknown costs are not zero', async () => {
    const answer = await metrics(2, ['t-9', 't-3', 't-4'], ['t-8', 't-8', 't-0']).read(NOW + 20_000);
    const row = (tenant: string) => answer.rows.find((one) => one.tenant === tenant);
    expect(answer.throttledTenants).toBe(3);
    expect(row('t-9')).toMatchObject({ isThrottled: true, openAnomalies: 0, aiCostMicro: 5n });
    expect(row('t-8')).toMatchObject({ isThrottled: false, openAnomalies: 2, aiCostMicro: 0n });
    expect(row('(other)')).toMatchObject({ isThrottled: true, openAnomalies: 1, aiCostMicro: 3n, aiUnpricedCalls: 3 });
    const alone = await metrics(9).read(NOW + 20_000);
    expect(alone.rows.find(({ tenant }) => tenant === '(other)')).toMatchObject({ aiCostMicro: null });
  });

  it('leave out the minute whose spans may still be on their way', async () => {
    const { window } = await metrics(1).read(NOW + 14_000);
    expect(window.to).toBe(NOW - MINUTE_MS);
  });
});

describe('last seen', () => {
  it('is told to the minute, the hour or the day, as far as it is known', async () => {
    const rows = await store.clickhouse.rows<LastSeenRow>(lastSeen([id('t-9'), id('old-timer'), id('nobody')], NOW));
    const of = (tenant: string) => rows.find(({ tenant_id }) => tenant_id === tenant);
    expect(rows).toHaveLength(2);
    expect(of('t-9')).toMatchObject({ step_seconds: 60 });
    expect(of('old-timer')).toMatchObject({ step_seconds: 3_600, at: floorTo(NOW - 26 * HOUR_MS, HOUR_MS) / 1_000 });
    const [later] = await store.clickhouse.rows<LastSeenRow>(lastSeen([id('old-timer')], NOW + 100 * HOUR_MS));
    expect(later).toMatchObject({ step_seconds: 86_400, at: floorTo(NOW - 26 * HOUR_MS, 24 * HOUR_MS) / 1_000 });
  });
});

describe('the directory of tenants', () => {
  const sal: StaffActor = { kind: 'staff', subject: 'sal', role: 'sales' };
  const page = { offset: 0, limit: 10, now: NOW };
  let db: TestPostgres;
  beforeAll(async () => {
    db = await startTestPostgres();
    const directory = new TenantDirectory(db.postgres);
    await directory.remember(['t-9', 't-8', 'quiet'].map(id));
    await directory.setPlan(sal, id('t-9'), 'team');
    const quotas = new QuotaStore(db.postgres);
    await quotas.putSeats(sal, id('t-9'), 3n, NOW - HOUR_MS);
    await quotas.putSeats(sal, id('t-9'), 4n, NOW - MINUTE_MS);
    await quotas.putBillingDay(sal, id('t-9'), 15);
    await new DedicatedStore(db.postgres).putPlacement(sal, id('t-9'), { placement: 'dedicated', reason: 'law' });
  });
  afterAll(() => db.stop());

  it('brings what people said and what telemetry saw together', async () => {
    const lifecycle = directoryDesk({ postgres: db.postgres, clickhouse: store.clickhouse, log: silentLog });
    const { total, lastSeenKnown, entries } = await lifecycle.list(sal, page);
    expect([total, lastSeenKnown]).toEqual([3, true]);
    expect(entries.map(({ tenantId }) => tenantId)).toEqual(['quiet', 't-8', 't-9']);
    expect(entries[0]).toMatchObject({ plan: null, planSince: null, lastSeen: null, placement: 'pooled', seats: null });
    expect(entries[2]).toMatchObject({
      ...{ plan: 'team', placement: 'dedicated', placementReason: 'law', billingDay: 15, seats: 4n },
      ...{ status: 'active', lastSeen: { stepMs: MINUTE_MS }, planSince: expect.any(Number) },
    });
    expect((await lifecycle.list(sal, { ...page, search: 'T-' })).total).toBe(2);
    expect((await lifecycle.list(sal, { ...page, tenantId: id('t-8') })).entries).toHaveLength(1);
    expect((await lifecycle.list(sal, { ...page, offset: 2 })).entries.map(({ tenantId }) => tenantId)).toEqual([
      't-9',
    ]);
    // Text that means something to LIKE is text.
    expect((await lifecycle.list(sal, { ...page, search: '%' })).total).toBe(0);
  });

  it('stays readable while telemetry cannot be read, and says so', async () => {
    const clickhouse: AnalyticsReader = { rows: () => Promise.reject(new Error('the store is down')) };
    const lifecycle = directoryDesk({ postgres: db.postgres, clickhouse, log: silentLog });
    const { lastSeenKnown, entries } = await lifecycle.list(sal, page);
    expect(lastSeenKnown).toBe(false);
    expect(entries.map(({ lastSeen: seen }) => seen)).toEqual([null, null, null]);
  });
});
