import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DedicatedAdviser } from '../../src/app/dedicated-adviser.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { Costs } from '../../src/domain/cost.ts';
import { DEFAULT_DEDICATED_TERMS, type DedicatedTerms } from '../../src/domain/dedicated.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo, HOUR_MS } from '../../src/domain/window.ts';
import { DedicatedStore } from '../../src/store/postgres/dedicated-store.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const ANN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
const TODAY = floorTo(Date.now(), DAY_MS);
const id = (text: string) => text as TenantId;
const TERMS: DedicatedTerms = {
  ...{ ...DEFAULT_DEDICATED_TERMS, sharePercent: 25, days: 2, atLeastDays: 2 },
  offers: [{ name: 'own', priceMicro: 100n, migrationMicro: 50n, cpuCores: null, storageBytes: null }],
  // A thousandth of a request at once each, so that minutes of a test come to whole units.
  pools: [{ pool: 'time:web', units: 100, unitCapacity: 0.001, unitPriceMicro: 40n }],
};

let clickhouse: TestClickHouse;
let db: TestPostgres;
let store: DedicatedStore;
beforeAll(async () => {
  [clickhouse, db] = await Promise.all([startTestClickHouse(), startTestPostgres()]);
  store = new DedicatedStore(db.postgres);
});
afterAll(async () => {
  await Promise.all([clickhouse.stop(), db.stop()]);
});

/** So many minutes of requests of a tenant on a day. */
async function busy(tenant: string, minutes: number, daysAgo: number): Promise<void> {
  const start = TODAY - daysAgo * DAY_MS + 3 * HOUR_MS;
  const spans = Array.from({ length: minutes }, (_, index) =>
    otlpSpan({
      ...{ kind: 2, start: start + index * 1_000, durationMs: 60_000 },
      attributes: { tenant_id: tenant, 'http.route': '/orders', 'http.response.status_code': 200 },
    }),
  );
  const request = otlpRequest(spans, { 'service.name': 'web' });
  await clickhouse.insert(segmentOf([request], { receivedAt: start + HOUR_MS }), randomUUID());
}

test('from spans to advice: who is large on enough days, and what an instance of its own would come to', async () => {
  for (const daysAgo of [1, 2]) {
    await busy('acme', 6, daysAgo);
    await busy('bolt', 2, daysAgo);
    for (const small of ['c', 'd', 'e', 'f', '(unknown)']) await busy(small, 1, daysAgo);
  }
  // Large on one day only.
  await busy('spike', 8, 1);
  const asked: unknown[] = [];
  const costs = async (question: unknown): Promise<Costs> => {
    asked.push(question);
    const item = { costMicro: 321n, parts: new Map(), estimatedMicro: 0n, unpricedCalls: 0 };
    return {
      ...{ currency: 'USD', window: { from: 0, to: 0 }, billMicro: 1_000n, items: [{ tenantId: id('acme'), ...item }] },
      ...{ sharedMicro: 0n, idleMicro: 0n, unallocatedMicro: 679n, estimatedMicro: 0n, residualMicro: null },
      otherCurrencies: [],
    };
  };
  const adviser = new DedicatedAdviser({
    clickhouse: clickhouse.clickhouse,
    costs: { costs },
    terms: (actor) => store.terms(actor),
  });
  await store.putTerms(ANN, TERMS);
  const advice = await adviser.advice(ANN, TODAY + HOUR_MS);
  // 6 of 21 and of 13 minutes; 6 minutes of a day are 4.17 thousandths of a request at once: four units for 160.
  expect(advice).toMatchObject([
    {
      ...{ tenantId: 'acme', verdict: 'worth_it', pooledCostMicro: 321n, poolSavesMicro: 160n, breakEvenMonths: 1 },
      pools: [{ pool: 'time:web', largeDays: 2, share: 0.3529, freedUnits: 4 }],
    },
  ]);
  expect(advice[0]?.pools[0]?.meanRate).toBeCloseTo(6 / (24 * 60), 9);
  expect(asked).toMatchObject([{ tenants: ['acme'], currency: 'USD' }]);
});

describe('what people say of placement', () => {
  test('is kept: terms whole, and audited with what was there before', async () => {
    expect(await store.terms(ANN)).toEqual(TERMS);
    const other = { ...TERMS, currency: 'EUR', pools: [] };
    await store.putTerms(ANN, other);
    expect(await store.terms(ANN)).toEqual(other);
    const [entry] = await db.postgres.inStaffTransaction(ANN, (transaction) =>
      transaction.query<{ before: { currency: string }; after: { currency: string } }>(
        `select before, after from tenantry.audit_log where action = 'dedicated-offers.set' order by seq desc limit 1`,
      ),
    );
    expect([entry?.before.currency, entry?.after.currency]).toEqual(['USD', 'EUR']);
  });

  test('is where the tenant is, for itself too, and audited', async () => {
    const viewer = (tenantId: TenantId) => ({ kind: 'tenant', subject: 'v', role: 'viewer', tenantId }) as const;
    expect(await store.placement(ANN, id('acme'))).toBe('pooled');
    await store.putPlacement(ANN, id('acme'), { placement: 'dedicated', reason: 'moved' });
    expect(await store.placement(viewer(id('acme')), id('acme'))).toBe('dedicated');
    expect(await store.placement(viewer(id('bolt')), id('acme'))).toBe('pooled');
    await store.putPlacement(ANN, id('acme'), { placement: 'pooled', reason: 'back' });
    expect(await store.placement(ANN, id('acme'))).toBe('pooled');
    const audited = await db.postgres.inStaffTransaction(ANN, (transaction) =>
      transaction.query<{ after: unknown }>(
        `select after from tenantry.audit_log where action = 'tenant.placement' order by seq`,
      ),
    );
    expect(audited.map(({ after }) => after)).toEqual([
      { placement: 'dedicated', reason: 'moved' },
      { placement: 'pooled', reason: 'back' },
    ]);
  });
});
