import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Actor, StaffActor } from '../../../src/domain/actor.ts';
import type { Anomaly } from '../../../src/domain/anomaly.ts';
import { type TenantId, UNKNOWN_TENANT } from '../../../src/domain/tenant-id.ts';
import { AnomalyStore } from '../../../src/store/postgres/anomaly-store.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };

let db: TestPostgres;
let count = 0;
let tenantId: TenantId;
let other: TenantId;
let asTenant: Actor;

beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());
beforeEach(() => {
  count += 1;
  tenantId = `tenant-${count}` as TenantId;
  other = `other-${count}` as TenantId;
  asTenant = { kind: 'tenant', subject: 't', role: 'viewer', tenantId };
});

describe('TenantDirectory', () => {
  it('enters tenants once, passes over malformed ids, and asks nothing about those it knows', async () => {
    const directory = new TenantDirectory(db.postgres);
    await directory.remember([tenantId, other, tenantId, UNKNOWN_TENANT, '../x' as TenantId]);
    const [first] = await runSql(
      db.ownerUrl,
      `select first_seen_at from tenantry.tenants where tenant_id = '${tenantId}'`,
    );
    await new TenantDirectory(db.postgres).remember([tenantId]);
    const rows = await runSql(
      db.ownerUrl,
      `select first_seen_at from tenantry.tenants where tenant_id = '${tenantId}'`,
    );
    expect(rows).toEqual([first]);
    const transactions = async () => (await runSql(db.ownerUrl, 'select txid_current()::text::int as id'))[0]?.['id'];
    const before = Number(await transactions());
    for (let round = 0; round < 20; round += 1) await directory.remember([tenantId, other]);
    expect(Number(await transactions()) - before).toBe(1);
  });

  it('survives many writers that enter the same tenants in different orders', async () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `crowd-${index}` as TenantId);
    const writers = Array.from({ length: 10 }, (_, index) =>
      new TenantDirectory(db.postgres).remember(index % 2 === 0 ? ids : [...ids].reverse()),
    );
    await Promise.all(writers);
    const rows = await runSql(
      db.ownerUrl,
      `select count(*)::int as n from tenantry.tenants where tenant_id like 'crowd-%'`,
    );
    expect(rows).toEqual([{ n: 5_000 }]);
  });

  it('knows plans and tenants as far as the actor may see them', async () => {
    const directory = new TenantDirectory(db.postgres);
    await directory.setPlan(ADMIN, tenantId, 'gold');
    await directory.setPlan(ADMIN, other, 'silver');
    expect(await directory.plans(ADMIN, [tenantId, other, 'nobody' as TenantId])).toEqual(
      new Map([
        [tenantId, 'gold'],
        [other, 'silver'],
      ]),
    );
    expect(await directory.plans(asTenant, [tenantId, other])).toEqual(new Map([[tenantId, 'gold']]));
    expect([await directory.exists(ADMIN, other), await directory.exists(asTenant, other)]).toEqual([true, false]);
    expect(await directory.exists(asTenant, tenantId)).toBe(true);
    expect(await directory.list(asTenant, { limit: 10, offset: 0 })).toEqual([
      { tenantId, displayName: null, plan: 'gold', status: 'active', firstSeenAt: expect.any(Number) },
    ]);
    await directory.setPlan(ADMIN, tenantId, null);
    expect(await directory.plans(ADMIN, [tenantId])).toEqual(new Map());
  });

  it('records a change of plan with what it was before, and refuses odd names', async () => {
    const directory = new TenantDirectory(db.postgres);
    await directory.setPlan(ADMIN, tenantId, 'gold');
    await directory.setPlan(ADMIN, tenantId, 'silver');
    const [entry] = await new AuditLog(db.postgres).list(ADMIN, { tenantId, limit: 1 });
    expect(entry).toMatchObject({ action: 'tenant.plan', before: { plan: 'gold' }, after: { plan: 'silver' } });
    await expect(directory.setPlan(ADMIN, tenantId, '')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(directory.setPlan(ADMIN, '/' as TenantId, 'gold')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('AnomalyStore', () => {
  const T0 = 1_750_000_000_123;
  const finding = (changes: Partial<Anomaly> = {}): Anomaly => ({
    id: crypto.randomUUID(),
    tenantId,
    metric: 'requests',
    startedAt: T0,
    detectedAt: T0 + 30_000,
    endedAt: null,
    value: 31.5,
    baseline: 3.1,
    ratio: 10.16,
    rule: 'owner-rule/1',
    reason: '31.5 requests/s, 10 times the usual 3.1',
    ...changes,
  });

  it('keeps a finding whole, through new figures to its end', async () => {
    const store = new AnomalyStore(db.postgres);
    const anomaly = finding();
    expect(await store.open(anomaly)).toEqual(anomaly);
    expect(await store.openOnes()).toContainEqual(anomaly);
    const worse = { ...anomaly, value: 62, ratio: 20, reason: 'twice as much' };
    expect(await store.update(worse)).toBe(true);
    expect(await store.close({ ...worse, value: 40 }, T0 + 60_000)).toBe(true);
    const window = { from: T0, to: T0 + 1 };
    expect(await store.list(ADMIN, { window, tenantId, limit: 10 })).toEqual([
      { ...worse, value: 40, endedAt: T0 + 60_000, throttleId: null },
    ]);
    expect(await store.update(worse)).toBe(false);
    expect(await store.close(worse, T0 + 90_000)).toBe(false);
    expect((await store.openOnes()).map((open) => open.id)).not.toContain(anomaly.id);
  });

  it('keeps one open per tenant and metric, whoever finds it again, and opens another after its end', async () => {
    const store = new AnomalyStore(db.postgres);
    const first = await store.open(finding());
    const again = await Promise.all(
      Array.from({ length: 8 }, (_, index) => store.open(finding({ value: 40 + index }))),
    );
    expect(new Set(again.map((anomaly) => anomaly.id))).toEqual(new Set([first.id]));
    expect(await store.open(finding({ metric: 'ai_tokens' }))).not.toMatchObject({ id: first.id });
    await store.close(first, T0 + 60_000);
    expect(await store.open(finding())).not.toMatchObject({ id: first.id });
  });

  it('lists those that overlap the half-open window, newest first', async () => {
    const store = new AnomalyStore(db.postgres);
    const early = await store.open(finding());
    await store.close(early, T0 + 10_000);
    const late = await store.open(finding({ startedAt: T0 + 20_000 }));
    const ids = async (from: number, to: number) =>
      (await store.list(ADMIN, { window: { from, to }, tenantId, limit: 10 })).map((anomaly) => anomaly.id);
    expect(await ids(T0, T0 + 20_001)).toEqual([late.id, early.id]);
    expect(await ids(T0, T0 + 20_000)).toEqual([early.id]);
    expect(await ids(T0 + 9_999, T0 + 10_000)).toEqual([early.id]);
    expect(await ids(T0 + 10_000, T0 + 20_000)).toEqual([]);
    expect(await ids(T0 - 10, T0)).toEqual([]);
    expect(await ids(T0 + 1e9, T0 + 2e9)).toEqual([late.id]);
  });

  it('shows tenants their own only, and the throttle that a finding led to', async () => {
    const store = new AnomalyStore(db.postgres);
    const mine = await store.open(finding());
    await store.open(finding({ tenantId: other }));
    const throttle = await new ThrottleStore(db.postgres).create(
      { kind: 'system', subject: 'detector' },
      {
        tenantId,
        scope: {},
        limit: { requestsPerSecond: 1, burst: 1 },
        mode: 'shadow',
        expiresInSeconds: 60,
        reason: 'test',
        anomalyId: mine.id,
      },
    );
    expect(throttle.anomalyId).toBe(mine.id);
    const window = { from: T0, to: T0 + 1 };
    for (const filter of [
      { window, limit: 10 },
      { window, limit: 10, tenantId: other },
    ]) {
      const seen = await store.list(asTenant, filter);
      expect(seen.map((anomaly) => [anomaly.id, anomaly.throttleId])).toEqual([[mine.id, throttle.flag.id]]);
    }
  });
});

describe('AuditLog', () => {
  it('appends and pages, newest first', async () => {
    const log = new AuditLog(db.postgres);
    for (const action of ['a.one', 'a.two', 'a.three']) {
      await log.append({ ...ADMIN, requestId: 'r-1' }, { action, resource: 'test', tenantId, after: { n: 1 } });
    }
    const [newest, second] = await log.list(ADMIN, { tenantId, limit: 2 });
    expect([newest?.action, second?.action]).toEqual(['a.three', 'a.two']);
    expect(newest).toMatchObject({ subject: 'ada', role: 'admin', requestId: 'r-1', before: null, after: { n: 1 } });
    const rest = await log.list(ADMIN, { tenantId, limit: 10, beforeSeq: second?.seq ?? 0 });
    expect(rest.map((entry) => entry.action)).toEqual(['a.one']);
  });

  it('names the request by which something was done, whoever did it and in whatever transaction', async () => {
    const person = { kind: 'tenant', subject: 'grace', role: 'tenant_admin', tenantId, requestId: 'r-own' } as const;
    const entry = (action: string) => ({ action, resource: 'test', tenantId });
    await db.postgres.inChangeTransaction(person, (transaction) => transaction.audit(entry('b.own')));
    await db.postgres.inChangeTransaction({ ...ADMIN, requestId: 'r-staff' }, (transaction) =>
      transaction.audit(entry('b.staff')),
    );
    await db.postgres.inStaffTransaction({ kind: 'system', subject: 'keeper' }, async (transaction) => {
      await transaction.audit(entry('b.in-name-of'), person);
      await transaction.audit(entry('b.by-itself'));
    });
    await db.postgres.inStaffTransaction({ ...ADMIN, subject: 'new reader', requestId: 'r-read' }, (transaction) =>
      transaction.query('select 1'),
    );
    const records = await new AuditLog(db.postgres).list(ADMIN, { limit: 5 });
    expect(records.map(({ action, requestId }) => [action, requestId])).toEqual([
      ['staff.read', 'r-read'],
      ['b.by-itself', null],
      ['b.in-name-of', 'r-own'],
      ['b.staff', 'r-staff'],
      ['b.own', 'r-own'],
    ]);
  });

  it('does not keep the record of a change that was undone', async () => {
    await expect(
      db.postgres.inStaffTransaction(ADMIN, async (transaction) => {
        await transaction.audit({ action: 'a.undone', resource: 'test', tenantId });
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await new AuditLog(db.postgres).list(ADMIN, { tenantId, limit: 10 })).toEqual([]);
  });
});
