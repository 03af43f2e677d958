import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MeterUsageSource } from '../../src/aggregate/meter-usage-source.ts';
import { UsageReader } from '../../src/aggregate/usage-reader.ts';
import { UsageRollups } from '../../src/aggregate/usage-rollups.ts';
import { BURST_CLERK, BurstDesk } from '../../src/app/burst-desk.ts';
import { BurstLoop } from '../../src/app/burst-loop.ts';
import { QuotaDesk } from '../../src/app/quota-desk.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { NO_TERMS, type PlanQuota } from '../../src/domain/plan.ts';
import type { QuotaStanding } from '../../src/domain/quota.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo, HOUR_MS } from '../../src/domain/window.ts';
import { BurstReader } from '../../src/store/postgres/burst-reader.ts';
import { BurstStore } from '../../src/store/postgres/burst-store.ts';
import { PlanStore } from '../../src/store/postgres/plan-store.ts';
import { QuotaStore } from '../../src/store/postgres/quota-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const ANN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
/** Noon of a day that is over and still accepted: today's hours depend on when the test runs. */
const TODAY = floorTo(Date.now(), DAY_MS);
const YESTERDAY = TODAY - DAY_MS;
const NOON = YESTERDAY + 12 * HOUR_MS;
const id = (text: string) => text as TenantId;

let clickhouse: TestClickHouse;
let db: TestPostgres;
let plans: PlanStore;
let store: QuotaStore;
let directory: TenantDirectory;
let desk: QuotaDesk;
let burst: BurstReader;

/** Requests of a tenant, one second apart from `at` on. */
async function send(tenant: string, requests: number, at: number): Promise<void> {
  const spans = Array.from({ length: requests }, (_, index) =>
    otlpSpan({
      ...{ kind: 2, start: at + index * 1_000, durationMs: 5 },
      attributes: { tenant_id: tenant, 'http.route': '/orders', 'http.response.status_code': 200 },
    }),
  );
  await clickhouse.insert(
    segmentOf([otlpRequest(spans, { 'service.name': 'web' })], { receivedAt: at + requests * 1_000 }),
    randomUUID(),
  );
}

beforeAll(async () => {
  [clickhouse, db] = await Promise.all([startTestClickHouse(), startTestPostgres()]);
  plans = new PlanStore(db.postgres);
  store = new QuotaStore(db.postgres);
  directory = new TenantDirectory(db.postgres);
  burst = new BurstReader(db.postgres);
  const usage = new UsageReader([
    new UsageRollups(clickhouse.clickhouse),
    new MeterUsageSource(clickhouse.clickhouse, async () => []),
  ]);
  desk = new QuotaDesk({
    tenants: (actor, page) => store.tenants(actor, page),
    versions: (actor) => plans.versions(actor),
    covered: (actor, tenants, from) => burst.covered(actor, tenants, from),
    sources: (actor) => ({
      usage,
      aiCost: { byTenant: async () => new Map() },
      meters: async () => [],
      seats: (tenants, at) => store.seats(actor, tenants, at),
    }),
    zone: () => 0,
  });
});
afterAll(async () => {
  await Promise.all([clickhouse.stop(), db.stop()]);
});

const quota = (changes: Partial<PlanQuota>): PlanQuota => ({
  ...{ key: 'requests', period: 'day', limit: 100n, kind: 'hard', burst: null },
  ...changes,
});

/** Backdated, as an operator does who enters what held before. */
async function onPlan(tenant: string, plan: string, since: number): Promise<void> {
  await directory.setPlan(ANN, id(tenant), plan);
  await db.postgres.inStaffTransaction(ANN, async (transaction) => {
    transaction.unaudited('the past of a test');
    await transaction.query(
      `insert into tenantry.tenant_plan_history (tenant_id, effective_from, plan, set_by)
       values ($1, to_timestamp($2::float8 / 1000), $3, 'test')`,
      [tenant, since, plan],
    );
  });
}

async function standingOf(tenant: string, at: number, now: number): Promise<readonly QuotaStanding[]> {
  const question = { tenants: [id(tenant)], offset: 0, limit: 10, at, now, withForecast: true };
  return (await desk.standing(ANN, question)).standings;
}

describe('from spans to the state of a quota', () => {
  test('what was sent is what is used, day by day, and the forecast tells when it is used up', async () => {
    await plans.put(ANN, 'small', { ...NO_TERMS, quotas: [quota({}), quota({ key: 'seats', limit: 4n })] }, 0);
    await onPlan('acme', 'small', NOON - 10 * DAY_MS);
    await directory.setPlan(ANN, id('quiet'), 'small');
    await send('acme', 72, NOON - 3 * HOUR_MS);
    await send('acme', 5, NOON - DAY_MS);
    const [requests, seats] = await standingOf('acme', NOON, NOON);
    expect(requests).toMatchObject({
      plan: 'small',
      window: { from: YESTERDAY, to: TODAY },
      used: 72n,
      share: 0.72,
      state: 'reached_70',
    });
    expect(seats).toMatchObject({ used: null, state: 'unknown', forecast: null });
    await send('acme', 30, NOON - HOUR_MS);
    expect((await standingOf('acme', NOON, NOON))[0]).toMatchObject({
      used: 102n,
      state: 'reached_100',
      forecast: { kind: 'already_met' },
    });
    expect((await standingOf('acme', NOON - DAY_MS, NOON))[0]).toMatchObject({ used: 5n, state: 'ok', forecast: null });
  });

  test('silence is zero while others are heard, and unknown while nobody is', async () => {
    await onPlan('silent', 'small', 0);
    expect((await standingOf('silent', NOON, NOON))[0]).toMatchObject({ used: 0n, state: 'ok' });
    const longAgo = NOON - 40 * DAY_MS;
    expect((await standingOf('silent', longAgo, NOON))[0]).toMatchObject({ used: null, state: 'unknown' });
  });

  test('a past period is judged by the plan of that time, in both senses', async () => {
    await plans.put(ANN, 'grown', { ...NO_TERMS, quotas: [quota({ limit: 10n })] }, 0);
    await plans.put(ANN, 'grown', { ...NO_TERMS, quotas: [quota({ limit: 1_000n })] }, YESTERDAY);
    await onPlan('bolt', 'grown', 0);
    await onPlan('bolt', 'small', YESTERDAY - 2 * DAY_MS - 1);
    await onPlan('bolt', 'grown', YESTERDAY - DAY_MS);
    const limitAt = async (at: number) =>
      (await standingOf('bolt', at, NOON)).find((one) => one.quota.key === 'requests');
    expect((await limitAt(NOON))?.quota.limit).toBe(1_000n);
    // The day before: on the same plan, which included less.
    expect((await limitAt(NOON - DAY_MS))?.quota.limit).toBe(10n);
    // Two days before, on another plan; three days before it changed in the last moment, which is what counts.
    expect(await limitAt(NOON - 2 * DAY_MS)).toMatchObject({ plan: 'small', quota: { limit: 100n } });
    expect(await limitAt(NOON - 3 * DAY_MS)).toMatchObject({ plan: 'small' });
    expect(await limitAt(NOON - 4 * DAY_MS)).toMatchObject({ plan: 'grown' });
  });

  test('seats are what was said last, and months begin on the billing day', async () => {
    await plans.put(ANN, 'team', { ...NO_TERMS, quotas: [quota({ key: 'seats', period: 'month', limit: 10n })] }, 0);
    await onPlan('crane', 'team', 0);
    await store.putSeats(ANN, id('crane'), 7n, NOON - DAY_MS);
    await store.putSeats(ANN, id('crane'), 9n, NOON);
    expect((await standingOf('crane', NOON, NOON - 1))[0]).toMatchObject({ used: 7n, state: 'reached_70' });
    expect((await standingOf('crane', NOON, NOON))[0]).toMatchObject({ used: 9n, state: 'reached_90' });
    await store.putBillingDay(ANN, id('crane'), 15);
    const from = (await standingOf('crane', NOON, NOON))[0]?.window.from ?? 0;
    expect(new Date(from).getUTCDate()).toBe(15);
  });

  test('tenants see their own', async () => {
    const viewer = { kind: 'tenant', subject: 'v', role: 'viewer', tenantId: id('silent') } as const;
    const question = { offset: 0, limit: 10, at: NOON, now: NOON, withForecast: false };
    const { standings } = await desk.standing(viewer, { ...question, tenants: [id('acme')] });
    expect(standings).toEqual([]);
    const own = await desk.standing(viewer, question);
    expect(new Set(own.standings.map((one) => one.tenantId))).toEqual(new Set(['silent']));
  });
});

describe('credits by themselves', () => {
  test('are earned when a period is over for long enough, pay for what is too much, and only once', async () => {
    const terms = { accrualPercent: 50, capacity: 1_000n, expiresAfterDays: 30 };
    await plans.put(ANN, 'premium', { ...NO_TERMS, quotas: [quota({ limit: 20n, burst: terms })] }, 0);
    await onPlan('delta', 'premium', 0);
    await send('delta', 10, NOON - DAY_MS);
    await send('delta', 23, NOON);
    const ledger = new BurstDesk(new BurstStore(db.postgres));
    const isLeader = async () => true;
    const loop = new BurstLoop({ leadership: { isLeader }, quotas: desk, burst: ledger, settleMs: 6 * HOUR_MS });
    const accountOf = async () =>
      (await burst.accounts(BURST_CLERK, { tenantId: id('delta'), offset: 0, limit: 1 }))[0];
    // Not yet: what is sent late may still come.
    await loop.tick(YESTERDAY + 5 * HOUR_MS);
    const early = (await accountOf())?.lots ?? [];
    expect(early.map((lot) => lot.window.to)).not.toContain(YESTERDAY);
    // The day before yesterday left 10 of 20 over; yesterday took 3 more than it had.
    const running = NOON + HOUR_MS;
    for (let round = 0; round < 2; round += 1) await loop.tick(running);
    const lotOf = async () => (await accountOf())?.lots.find((lot) => lot.window.to === YESTERDAY);
    expect(await lotOf()).toMatchObject({ earned: 5n });
    expect((await accountOf())?.spent).toBe(3n);
    expect((await standingOf('delta', NOON, running))[0]).toMatchObject({ used: 23n, burstSpent: 3n });
  });
});
