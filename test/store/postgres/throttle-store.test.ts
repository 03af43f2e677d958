import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Actor, StaffActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import type { NewThrottle } from '../../../src/domain/throttle-record.ts';
import { AnomalyStore } from '../../../src/store/postgres/anomaly-store.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };

let db: TestPostgres;
let throttles: ThrottleStore;
let tenants = 0;
/** A tenant that no other test uses. */
let tenantId: TenantId;

function wanted(changes: Partial<NewThrottle> = {}): NewThrottle {
  return {
    tenantId,
    scope: { service: 'shop', route: '/orders/:id' },
    limit: { requestsPerSecond: 2.5, burst: 5 },
    mode: 'enforce',
    expiresInSeconds: 300,
    reason: '31 requests/s, 10 times its usual 3.1',
    ...changes,
  };
}

async function databaseNow(): Promise<number> {
  const [row] = await runSql(db.ownerUrl, 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now');
  return Number(row?.['now']);
}

const revision = async () => {
  const [row] = await runSql(db.ownerUrl, `select revision::int from tenantry.revisions where stream = 'flags'`);
  return row?.['revision'];
};

beforeAll(async () => {
  db = await startTestPostgres();
  throttles = new ThrottleStore(db.postgres);
});
afterAll(() => db.stop());
beforeEach(() => {
  tenants += 1;
  tenantId = `tenant-${tenants}` as TenantId;
});

describe('ThrottleStore.create', () => {
  it('returns and keeps the whole throttle, with its expiry on the clock of the database', async () => {
    const before = await databaseNow();
    const record = await throttles.create(SRE, wanted());
    const after = await databaseNow();
    const { id, expiresAt, revision: made } = record.flag;
    expect(record).toEqual({
      flag: {
        kind: 'throttle',
        id,
        tenantId,
        scope: { service: 'shop', route: '/orders/:id' },
        limit: { requestsPerSecond: 2.5, burst: 5 },
        mode: 'enforce',
        reason: wanted().reason,
        expiresAt,
        revision: made,
      },
      createdBy: 'sam',
      createdAt: record.createdAt,
      liftedAt: null,
      liftedBy: null,
      anomalyId: null,
      acks: [],
    });
    expect(record.createdAt).toBeGreaterThanOrEqual(Math.floor(before));
    expect(record.createdAt).toBeLessThanOrEqual(after);
    expect(expiresAt - record.createdAt).toBe(300_000);
    expect(await throttles.list(SRE, { tenantId, activeOnly: true, limit: 10 })).toEqual([record]);
  });

  it('replaces the one in force for the same tenant and scope, in one revision', async () => {
    const older = await throttles.create(DETECTOR, wanted());
    const newer = await throttles.create(SRE, wanted({ limit: { requestsPerSecond: 1, burst: 1 } }));
    expect(newer.flag.revision).toBe(older.flag.revision + 1);
    const all = await throttles.list(SRE, { tenantId, activeOnly: false, limit: 10 });
    expect(all.map((record) => [record.flag.id, record.liftedBy])).toEqual([
      [newer.flag.id, null],
      [older.flag.id, 'sam'],
    ]);
    const rows = await runSql(
      db.ownerUrl,
      `select lifted_revision::int from tenantry.flags where id = '${older.flag.id}'`,
    );
    expect(rows).toEqual([{ lifted_revision: newer.flag.revision }]);
  });

  it('leaves throttles of other scopes and tenants alone', async () => {
    await throttles.create(SRE, wanted());
    await throttles.create(SRE, wanted({ scope: { service: 'shop' } }));
    await throttles.create(SRE, wanted({ scope: {} }));
    await throttles.create(SRE, wanted({ tenantId: `${tenantId}-other` as TenantId }));
    expect(await throttles.list(SRE, { tenantId, activeOnly: true, limit: 10 })).toHaveLength(3);
  });

  it('leaves exactly one in force when many are made at once', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => throttles.create(SRE, wanted())));
    const revisions = made.map((record) => record.flag.revision).sort((a, b) => a - b);
    expect(new Set(revisions).size).toBe(20);
    const active = await throttles.list(SRE, { tenantId, activeOnly: true, limit: 30 });
    expect(active.map((record) => record.flag.revision)).toEqual([revisions.at(-1)]);
  });

  it.each<[string, Partial<NewThrottle>]>([
    ['no time', { expiresInSeconds: 0 }],
    ['more than a day', { expiresInSeconds: 86_401 }],
    ['no number of seconds', { expiresInSeconds: Number.NaN }],
    ['a negative rate', { limit: { requestsPerSecond: -1, burst: 1 } }],
    ['an endless rate', { limit: { requestsPerSecond: Number.POSITIVE_INFINITY, burst: 1 } }],
    ['no burst', { limit: { requestsPerSecond: 1, burst: 0 } }],
    ['no reason', { reason: '' }],
    ['the unknown tenant', { tenantId: '(unknown)' as TenantId }],
    ["somebody else's finding", { anomalyId: '00000000-0000-4000-8000-000000000000' }],
    ['a finding that is no id', { anomalyId: 'x' }],
  ])('refuses %s and leaves no trace', async (_, changes) => {
    const before = await revision();
    await expect(throttles.create(SRE, wanted(changes))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(await revision()).toBe(before);
  });

  it("refuses a finding of another tenant, which would show that tenant's id", async () => {
    const anomaly = await new AnomalyStore(db.postgres).open({
      id: crypto.randomUUID(),
      tenantId: `${tenantId}-other` as TenantId,
      metric: 'requests',
      startedAt: 1_700_000_000_000,
      detectedAt: 1_700_000_030_000,
      endedAt: null,
      value: 30,
      baseline: 10,
      ratio: 3,
      rule: 'rule/1',
      reason: 'test',
    });
    await expect(throttles.create(SRE, wanted({ anomalyId: anomaly.id }))).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });

  it('cannot be made to outlive a day, not even past this program', async () => {
    await throttles.create(SRE, wanted());
    await expect(
      runSql(
        db.ownerUrl,
        `update tenantry.flags set expires_at = created_at + interval '25 hours' where tenant_id = '${tenantId}'`,
      ),
    ).rejects.toMatchObject({ constraint: 'flags_end_by_themselves' });
  });
});

describe('ThrottleStore.lift', () => {
  it('ends a throttle once, with a revision of its own', async () => {
    const { flag } = await throttles.create(DETECTOR, wanted());
    const lifted = await throttles.lift(SRE, flag.id);
    expect(lifted).toMatchObject({ flag: { id: flag.id, revision: flag.revision }, liftedBy: 'sam' });
    expect(lifted?.liftedAt).toBeGreaterThan(0);
    expect(await throttles.list(SRE, { tenantId, activeOnly: true, limit: 10 })).toEqual([]);
    const after = await revision();
    expect(after).toBe(flag.revision + 1);
    expect(await throttles.lift(SRE, flag.id)).toBeUndefined();
    expect(await revision()).toBe(after);
  });

  it('by many at once gives it to one, and leaves no empty revision', async () => {
    const { flag } = await throttles.create(DETECTOR, wanted());
    const results = await Promise.all(Array.from({ length: 8 }, () => throttles.lift(SRE, flag.id)));
    expect(results.filter((record) => record !== undefined)).toHaveLength(1);
    expect(await revision()).toBe(flag.revision + 1);
  });

  it('finds nothing under an unknown, a malformed or an expired id', async () => {
    expect(await throttles.lift(SRE, crypto.randomUUID())).toBeUndefined();
    expect(await throttles.lift(SRE, "x' or true --")).toBeUndefined();
    const { flag } = await throttles.create(SRE, wanted({ expiresInSeconds: 0.05 }));
    await expect.poll(() => throttles.list(SRE, { tenantId, activeOnly: true, limit: 1 })).toEqual([]);
    expect(await throttles.lift(SRE, flag.id)).toBeUndefined();
  });
});

describe('ThrottleStore.list', () => {
  it('drops a throttle from those in force at its expiry, with nobody doing anything', async () => {
    const { flag } = await throttles.create(SRE, wanted({ expiresInSeconds: 0.2 }));
    expect(await throttles.list(SRE, { tenantId, activeOnly: true, limit: 1 })).toHaveLength(1);
    await expect.poll(() => throttles.list(SRE, { tenantId, activeOnly: true, limit: 1 })).toEqual([]);
    const [over] = await throttles.list(SRE, { tenantId, activeOnly: false, limit: 1 });
    expect(over).toMatchObject({ flag: { id: flag.id }, liftedAt: null });
  });

  it('gives tenants their own only, whatever they ask for, and no acks', async () => {
    const other = `${tenantId}-other` as TenantId;
    const { flag } = await throttles.create(SRE, wanted());
    await throttles.create(SRE, wanted({ tenantId: other }));
    await runSql(
      db.ownerUrl,
      `insert into tenantry.flag_acks (key_id, service, instance_id, revision) values ('k', 'shop', 'i-1', ${flag.revision})`,
    );
    const tenant: Actor = { kind: 'tenant', subject: 't', role: 'tenant_admin', tenantId };
    for (const filter of [{}, { tenantId: other }, { tenantId }]) {
      const seen = await throttles.list(tenant, { ...filter, activeOnly: false, limit: 10 });
      expect(seen.map((record) => [record.flag.tenantId, record.acks])).toEqual([[tenantId, []]]);
    }
    const [asStaff] = await throttles.list(SRE, { tenantId, activeOnly: false, limit: 10 });
    expect(asStaff?.acks).toEqual([{ instanceId: 'i-1', service: 'shop', ackedAt: expect.any(Number) }]);
  });

  it('counts an ack for the throttles that were in force at its revision, with the first time', async () => {
    const first = await throttles.create(SRE, wanted());
    const ack = (service: string, instance: string, at: number) =>
      `insert into tenantry.flag_acks (key_id, service, instance_id, revision) values ('k', '${service}', '${instance}', ${at})`;
    await runSql(
      db.ownerUrl,
      ack('shop', 'old', first.flag.revision - 1),
      ack('billing', 'elsewhere', first.flag.revision),
      ack('shop', 'now', first.flag.revision),
    );
    const second = await throttles.create(SRE, wanted());
    await runSql(db.ownerUrl, ack('shop', 'now', second.flag.revision), ack('shop', 'late', second.flag.revision));
    const [newer, older] = await throttles.list(SRE, { tenantId, activeOnly: false, limit: 2 });
    expect(older?.acks.map((entry) => entry.instanceId)).toEqual(['now']);
    expect(newer?.acks.map((entry) => entry.instanceId)).toEqual(['now', 'late']);
  });

  it('is audited: who made and who lifted what', async () => {
    const first = await throttles.create(DETECTOR, wanted());
    const second = await throttles.create(SRE, wanted());
    await throttles.lift(SRE, second.flag.id);
    const log = await new AuditLog(db.postgres).list(SRE, { tenantId, limit: 10 });
    expect(log.map(({ action, subject, role, resource }) => [action, subject, role, resource])).toEqual([
      ['throttle.lift', 'sam', 'sre', `throttle/${second.flag.id}`],
      ['throttle.create', 'sam', 'sre', `throttle/${second.flag.id}`],
      ['throttle.create', 'detector', 'system', `throttle/${first.flag.id}`],
    ]);
    expect(log[1]?.after).toMatchObject({ replaced: [first.flag.id], reason: wanted().reason });
  });
});
