import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stateDesk } from '../../../src/app/lifecycle.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { NewTenant } from '../../../src/domain/onboarding.ts';
import { NO_RETENTION } from '../../../src/domain/retention.ts';
import { DEFAULT_SPEND_LADDER } from '../../../src/domain/spend.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { RetentionStore } from '../../../src/store/postgres/lifecycle-retention.ts';
import { TenantStateStore } from '../../../src/store/postgres/lifecycle-state.ts';
import { OnboardingStore } from '../../../src/store/postgres/onboarding.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { TenantRoster } from '../../../src/store/postgres/tenant-roster.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const ROBOT: StaffActor = { kind: 'staff', subject: 'signup', role: 'automation' };

let db: TestPostgres;
let directory: TenantDirectory;
let count = 0;
let tenantId: TenantId;

beforeAll(async () => {
  db = await startTestPostgres();
  directory = new TenantDirectory(db.postgres);
  for (const plan of ['starter', 'trial']) await directory.setPlan(ADMIN, 'plans-exist' as TenantId, plan);
});
afterAll(() => db.stop());
beforeEach(() => {
  count += 1;
  tenantId = `tenant-${count}` as TenantId;
});

const sql = (text: string) => runSql(db.ownerUrl, text);
const auditOf = async (tenant: TenantId) => {
  const entries = await new AuditLog(db.postgres).list(ADMIN, { tenantId: tenant, limit: 50 });
  return entries.map(({ action }) => action);
};

describe('signing a tenant up', () => {
  const wanted = (changes: Partial<NewTenant> = {}): NewTenant => ({
    ...{ tenantId, profile: { displayName: 'Acme', owner: 'kim' }, plan: 'trial', seats: 25n, billingDay: 15 },
    caps: [
      {
        ...{ period: 'month', amountMicro: 50_000_000, currency: 'USD', key: null, model: null, timeZone: 'UTC' },
        ...{ ladder: DEFAULT_SPEND_LADDER, onUnavailable: 'open', onUnpriced: 'allow' },
      },
    ],
    members: [{ email: 'ada@acme.example', role: 'tenant_admin', state: 'invited' }],
    ingestKey: { name: 'first' },
    trial: { endsAt: Date.now() + 14 * 86_400_000, thenPlan: 'starter' },
    retention: { ...NO_RETENTION, spans: 3 },
    terms: { plan: 'trial', seats: 25, members: [{ email: 'ada@acme.example', role: 'tenant_admin' }] },
    ...changes,
  });
  const onboard = (changes: Partial<NewTenant> = {}, key?: string, actor = ADMIN) =>
    new OnboardingStore(db.postgres).onboard(actor, wanted(changes), key);
  const counts = async () => {
    const tables = [
      'keys',
      'members',
      'caps',
      'seats',
      'tenant_plan_schedule',
      'tenant_retention',
      'tenant_onboardings',
    ];
    const parts = tables.map(
      (table) => `(select count(*)::int from tenantry.${table} where tenant_id = '${tenantId}') as ${table}`,
    );
    return (await sql(`select ${parts.join(', ')}`))[0];
  };
  const ONE = {
    keys: 1,
    members: 1,
    caps: 1,
    seats: 1,
    tenant_plan_schedule: 1,
    tenant_retention: 1,
    tenant_onboardings: 1,
  };
  const NONE = Object.fromEntries(Object.keys(ONE).map((name) => [name, 0]));

  it('says everything at once, and shows the key once', async () => {
    const made = await onboard();
    expect(made).toMatchObject({ created: true, replayed: false, onboardedBy: 'ada' });
    expect(made.key).toMatch(/^tk_/);
    const { entries } = await new TenantRoster(db.postgres).list(ADMIN, { tenantId, offset: 0, limit: 1 });
    expect(entries).toMatchObject([
      {
        ...{ displayName: 'Acme', plan: 'trial', seats: 25n, billingDay: 15, status: 'active', state: null },
        scheduledPlan: { plan: 'starter' },
      },
    ]);
    expect(await counts()).toEqual(ONE);
    const actions = await auditOf(tenantId);
    for (const action of ['tenant.onboard', 'tenant.plan', 'tenant.profile', 'member.add', 'cap.set', 'key.create']) {
      expect(actions).toContain(action);
    }
    const stored = JSON.stringify(
      await sql(`select * from tenantry.tenant_onboardings where tenant_id = '${tenantId}'`),
    );
    expect(stored).not.toContain(made.key);
  });

  it('twice with the same words is once, also at the same moment, and tells the key no second time', async () => {
    const made = await Promise.all([onboard({}, 'a'), onboard({}, 'a'), onboard()]);
    expect(made.filter(({ replayed }) => !replayed).length).toBe(1);
    expect(made.filter(({ key }) => key !== null).length).toBe(1);
    expect(new Set(made.map(({ keyId }) => keyId)).size).toBe(1);
    expect(await counts()).toEqual(ONE);
    expect(await onboard({ trial: { endsAt: 5 } })).toMatchObject({ replayed: true });
  });

  it('twice with other words says which, and changes nothing', async () => {
    await onboard();
    const before = await counts();
    await expect(onboard({ terms: { plan: 'starter', seats: 25, owner: 'kim' } })).rejects.toMatchObject({
      ...{ code: 'CONFLICT', pointer: '/members' },
      message: expect.stringContaining('members, owner, plan differ'),
    });
    expect(await counts()).toEqual(before);
  });

  it('under an idempotency key that was sent with another tenant is refused, but from somebody else', async () => {
    const other = `${tenantId}-b` as TenantId;
    await onboard({}, 'order-17');
    await expect(onboard({ tenantId: other }, 'order-17')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await onboard({ tenantId: other }, 'order-17', ROBOT)).toMatchObject({ created: true });
  });

  it('is all or nothing', async () => {
    const twice = { email: 'ada@acme.example', role: 'viewer', state: 'invited' } as const;
    const [first] = wanted().members;
    if (first === undefined) throw new Error('no member');
    for (const [wrong, code] of [
      [{ members: [first, twice] }, 'CONFLICT'],
      [{ plan: 'trail' }, 'BAD_REQUEST'],
      [{ trial: { endsAt: Date.now() + 1e9, thenPlan: 'no such plan' } }, 'BAD_REQUEST'],
      [{ trial: { endsAt: Date.now() - 1 } }, 'BAD_REQUEST'],
      [{ ingestKey: { name: '' } }, 'BAD_REQUEST'],
    ] as const) {
      await expect(onboard(wrong)).rejects.toMatchObject({ code });
    }
    expect(await counts()).toEqual(NONE);
    expect(await sql(`select 1 from tenantry.tenants where tenant_id = '${tenantId}'`)).toEqual([]);
  });

  it('adopts a tenant that appeared by its first span, and not one that is closed', async () => {
    await directory.remember([tenantId]);
    expect(await onboard()).toMatchObject({ created: false, replayed: false });
    const closed = `${tenantId}-c` as TenantId;
    await directory.remember([closed]);
    await stateDesk(new TenantStateStore(db.postgres)).command(
      ADMIN,
      closed,
      { kind: 'close', reason: 'left' },
      undefined,
    );
    await expect(onboard({ tenantId: closed })).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('runs of retention', () => {
  it('are one at a time, asked for or due, and outlive a server that is gone', async () => {
    const store = new RetentionStore(db.postgres);
    expect(await store.begin(() => false)).toBeUndefined();
    const asked = await store.ask(ADMIN);
    await expect(store.ask(ADMIN)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await store.begin(() => true)).toMatchObject({ id: asked.id, state: 'running' });
    expect(await store.begin(() => true)).toBeUndefined();
    await sql(`update tenantry.retention_runs set seen_at = seen_at - interval '11 minutes'`);
    const next = await store.begin((last) => last?.state === 'failed');
    expect(next).toMatchObject({ state: 'running', askedBy: 'tenant-retention' });
    if (next === undefined) throw new Error('no run');
    await store.progress(next.id, { tenants: 2, tablesTotal: 9, tablesDone: 3, rowsRemoved: 5_000_000_000 });
    expect((await store.runs(ADMIN, 5))[0]).toMatchObject({ tablesDone: 3, rowsRemoved: 5_000_000_000 });
    await store.finish(next.id, null);
    expect((await store.runs(ADMIN, 5)).map(({ state }) => state)).toEqual(['done', 'failed']);
  });
});
