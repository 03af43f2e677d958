import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import { NO_TERMS, type PlanTerms } from '../../../src/domain/plan.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { PlanStore } from '../../../src/store/postgres/plan-store.ts';
import { PlanTermsReader } from '../../../src/store/postgres/plan-terms.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const ANN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
const PAST = Date.UTC(2026, 0, 1);
const FUTURE = Date.UTC(2099, 0, 1);
const id = (text: string) => text as TenantId;

let db: TestPostgres;
let plans: PlanStore;
let directory: TenantDirectory;
beforeAll(async () => {
  db = await startTestPostgres();
  plans = new PlanStore(db.postgres);
  directory = new TenantDirectory(db.postgres);
});
afterAll(() => db.stop());

const growth = (changes: Partial<PlanTerms>): PlanTerms => ({ ...NO_TERMS, ...changes });

describe('the terms of traffic', () => {
  test('are those that hold now, and nothing for who is unknown or on no plan', async () => {
    await plans.put(ANN, 'growth', growth({ guaranteeRps: 5, ceilingRps: 50, weight: 2 }), PAST);
    await plans.put(ANN, 'growth', growth({ guaranteeRps: 7.5, ceilingRps: 70, weight: 3 }), PAST + 1);
    await plans.put(ANN, 'growth', growth({ guaranteeRps: 100, ceilingRps: 1_000 }), FUTURE);
    await directory.setPlan(ANN, id('acme'), 'growth');
    await directory.setPlan(ANN, id('bare'), 'unwritten');
    await directory.remember([id('free')]);
    const terms = await new PlanTermsReader(db.postgres).terms(['acme', 'bare', 'free', 'nobody'].map(id));
    expect(Object.fromEntries(terms)).toEqual({
      acme: { plan: 'growth', guaranteeRps: 7.5, ceilingRps: 70, weight: 3 },
      bare: { plan: 'unwritten', guaranteeRps: null, ceilingRps: null, weight: 1 },
      free: { plan: null, guaranteeRps: null, ceilingRps: null, weight: 1 },
      nobody: { plan: null, guaranteeRps: null, ceilingRps: null, weight: 1 },
    });
  });

  test('cannot promise more than their ceiling', async () => {
    const refused = plans.put(ANN, 'odd', growth({ guaranteeRps: 10, ceilingRps: 5 }));
    await expect(refused).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('a version of a plan', () => {
  test('comes back as it was written, whatever the size of its limits', async () => {
    const terms: PlanTerms = {
      quotas: [
        {
          key: 'storage_byte_hours',
          period: 'month',
          limit: 9_007_199_254_740_993n,
          kind: 'hard',
          burst: { accrualPercent: 10, capacity: 9_007_199_254_740_995n, expiresAfterDays: 90 },
        },
        { key: 'meter:exports', period: 'day', limit: 0n, kind: 'soft', burst: null },
      ],
      guaranteeRps: null,
      ceilingRps: 12.25,
      weight: 0.5,
      features: ['search', 'export'],
      tenantryFeatures: ['scim', 'audit_log'],
      price: { amountMicro: 99_000_000n, currency: 'EUR' },
    };
    const written = await plans.put(ANN, 'big', terms, PAST);
    expect(written).toEqual({ ...terms, plan: 'big', effectiveFrom: PAST, setBy: 'ann', setAt: expect.any(Number) });
    expect(await plans.list(ANN, 'big')).toEqual([{ plan: 'big', tenants: 0, versions: [written] }]);
  });

  test('of the same moment is replaced, and the audit log keeps what it was', async () => {
    await plans.put(ANN, 'fixed', growth({ ceilingRps: 1 }), PAST);
    await plans.put(ANN, 'fixed', growth({ ceilingRps: 2 }), PAST);
    const [{ versions } = { versions: [] }] = await plans.list(ANN, 'fixed');
    expect(versions.map((version) => version.ceilingRps)).toEqual([2]);
    const audited = await db.postgres.inStaffTransaction(ANN, (transaction) =>
      transaction.query<{ before: { ceilingRps: number }; after: { ceilingRps: number } }>(
        `select before, after from tenantry.audit_log where resource = 'plan/fixed' order by seq desc limit 1`,
      ),
    );
    expect(audited[0]).toMatchObject({ before: { ceilingRps: 1 }, after: { ceilingRps: 2 } });
  });
});

describe("a tenant's way through the plans", () => {
  test('is kept, each plan from when it was given, and not twice', async () => {
    const before = Date.now();
    for (const plan of ['starter', 'growth', 'growth', null]) await directory.setPlan(ANN, id('mover'), plan);
    const changes = await plans.changes(ANN, [id('mover')]);
    expect(changes.map(({ plan }) => plan)).toEqual(['starter', 'growth', null]);
    expect(changes.map(({ effectiveFrom }) => effectiveFrom)).toEqual(
      changes.map(({ effectiveFrom }) => effectiveFrom).toSorted((a, b) => a - b),
    );
    // Postgres and this process read the same clock.
    expect(changes[0]?.effectiveFrom).toBeGreaterThanOrEqual(before - 1);
  });

  test('is seen by the tenant itself and by no other', async () => {
    await directory.setPlan(ANN, id('alone'), 'starter');
    const viewer = (tenantId: TenantId) => ({ kind: 'tenant', subject: 'v', role: 'viewer', tenantId }) as const;
    expect(await plans.changes(viewer(id('alone')))).toMatchObject([{ tenantId: 'alone', plan: 'starter' }]);
    expect(await plans.changes(viewer(id('stranger')), [id('alone')])).toEqual([]);
  });
});
