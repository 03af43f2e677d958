import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stateDesk } from '../../../src/app/lifecycle.ts';
import { endedSuspension } from '../../../src/control/tenant-state.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { FlagChange } from '../../../src/domain/flag-wire.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import type { StateCommand, TenantStanding } from '../../../src/domain/tenant-state.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { ChangeListener } from '../../../src/store/postgres/change-listener.ts';
import { FlagFeed } from '../../../src/store/postgres/flag-feed.ts';
import { KeyStore } from '../../../src/store/postgres/key-store.ts';
import { PlanSchedule } from '../../../src/store/postgres/lifecycle-plans.ts';
import { TenantStateStore } from '../../../src/store/postgres/lifecycle-state.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const ROBOT: StaffActor = { kind: 'staff', subject: 'signup', role: 'automation' };

let db: TestPostgres;
let directory: TenantDirectory;
let states: TenantStateStore;
let feed: FlagFeed;
let listener: ChangeListener;
let count = 0;
let tenantId: TenantId;

beforeAll(async () => {
  db = await startTestPostgres();
  directory = new TenantDirectory(db.postgres);
  states = new TenantStateStore(db.postgres);
  listener = new ChangeListener({ url: db.appUrl, log: silentLog });
  feed = new FlagFeed({ postgres: db.postgres, changes: listener, log: silentLog });
  for (const plan of ['starter', 'growth', 'trial']) await directory.setPlan(ADMIN, 'plans-exist' as TenantId, plan);
});
afterAll(() => db.stop());
beforeEach(async () => {
  count += 1;
  tenantId = `tenant-${count}` as TenantId;
});

const sql = (text: string) => runSql(db.ownerUrl, text);
const suspend = (changes: object = {}): StateCommand => ({
  ...{ kind: 'suspend', effect: 'refuse', reasonCode: 'payment', reason: 'unpaid', until: null, ...changes },
});
const act = (command: StateCommand, actor = ADMIN, version?: number) =>
  stateDesk(states).command(actor, tenantId, command, version);
const auditOf = async (tenant: TenantId) => {
  const entries = await new AuditLog(db.postgres).list(ADMIN, { tenantId: tenant, limit: 50 });
  return entries.map(({ action }) => action).filter((action) => action !== 'staff.read');
};
const told = async () => {
  await feed.refresh();
  return (await feed.snapshot(tenantId)).flags.filter(({ kind }) => kind === 'suspend');
};
const ended = (standing: TenantStanding, now: number) => {
  const next = endedSuspension(standing, now);
  return next === undefined ? ({ kind: 'unchanged' } as const) : ({ kind: 'changed', next } as const);
};

describe('the state of a tenant', () => {
  beforeEach(() => directory.remember([tenantId]));

  it('is told to apps in the transaction that decides it, and audited with before and after', async () => {
    expect(await act(suspend())).toMatchObject({ status: 'suspended', version: 1, changedBy: 'ada', byPerson: true });
    expect(await told()).toMatchObject([{ status: 'suspended', effect: 'refuse', reason_code: 'payment' }]);
    const changes: FlagChange[] = [];
    const stop = feed.subscribe(tenantId, (change) => changes.push(change));
    await act(suspend({ effect: 'read_only' }));
    expect(await told()).toMatchObject([{ effect: 'read_only' }]);
    stop();
    // One revision: no app is without a word in between.
    expect(changes.length).toBe(1);
    expect(changes).toMatchObject([{ upserts: [{ effect: 'read_only' }] }]);
    expect(changes[0]?.removals.length).toBe(1);
    await act({ kind: 'close', reason: 'left' });
    expect(await told()).toMatchObject([{ status: 'closed', effect: 'refuse' }]);
    await act({ kind: 'reopen', reason: 'came back' });
    expect(await told()).toEqual([]);
    expect(await auditOf(tenantId)).toEqual(['tenant.reopen', 'tenant.close', 'tenant.suspend', 'tenant.suspend']);
    const [row] = await sql(`select status from tenantry.tenants where tenant_id = '${tenantId}'`);
    expect(row).toEqual({ status: 'active' });
  });

  it('is decided by one of two who decide at once on what both saw', async () => {
    const outcomes = await Promise.allSettled([
      act(suspend({ reason: 'one' }), ADMIN, 0),
      act({ kind: 'close', reason: 'two' }, ADMIN, 0),
      act(suspend({ reason: 'three' }), ADMIN, 0),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    expect((await states.read(ADMIN, tenantId))?.version).toBe(1);
    expect((await told()).length).toBe(1);
  });

  it('of a suspension ends at its time: for apps by the flag, in the tables by the next look', async () => {
    const until = Date.now() + 150;
    await act(suspend({ until }));
    const [flag] = await told();
    expect(flag?.ttl_ms).toBeLessThanOrEqual(150);
    await expect.poll(async () => (await feed.snapshot(tenantId)).flags, { interval: 20 }).toEqual([]);
    await expect.poll(() => states.endDue(ended), { interval: 20 }).toBe(1);
    expect(await states.read(ADMIN, tenantId)).toMatchObject({ status: 'active', version: 2, byPerson: false });
    expect(await states.endDue(ended)).toBe(0);
    expect(await auditOf(tenantId)).toEqual(['tenant.suspension_end', 'tenant.suspend']);
    expect(await states.held()).not.toContain(tenantId);
  });

  it('without an end is told anew before its flag ends, and never for longer than it lasts', async () => {
    await act(suspend());
    const [before] = await told();
    expect(await states.renewFlags()).toBe(0);
    await sql(`update tenantry.flags set created_at = created_at - interval '3 days', expires_at = expires_at - interval '3 days'
               where tenant_id = '${tenantId}'`);
    expect(await states.renewFlags()).toBe(1);
    const [after, ...more] = await told();
    expect(more).toEqual([]);
    expect(after?.id).not.toBe(before?.id);
    expect(after?.ttl_ms).toBeGreaterThan(6.9 * 86_400_000);
    const until = Date.now() + 2 * 86_400_000;
    await act(suspend({ until }));
    expect(await states.renewFlags()).toBe(0);
    expect(Date.parse((await told())[0]?.expires_at ?? '')).toBeCloseTo(until, -2);
  });

  it('moves the list of keys on when a tenant is closed and opened, and not when it is suspended', async () => {
    const revision = async () =>
      Number((await sql(`select revision from tenantry.revisions where stream = 'keys'`))[0]?.['revision']);
    const before = await revision();
    await act(suspend());
    expect(await revision()).toBe(before);
    await act({ kind: 'close', reason: 'left' });
    await act({ kind: 'reopen', reason: 'back' });
    expect(await revision()).toBe(before + 2);
  });

  it('of a closed tenant is in the list of keys that ingest reads, and of no other', async () => {
    const keys = new KeyStore({ postgres: db.postgres, changes: listener, bootstrapKeys: [], log: silentLog });
    await keys.create(ADMIN, { name: 'theirs', scopes: ['ingest'], tenantId });
    await keys.create(ADMIN, { name: 'ours', scopes: ['ingest'] });
    const closed = async () => {
      await keys.refresh();
      return keys.snapshot().keys.filter((key) => key.closed === true);
    };
    await act(suspend());
    expect(await closed()).toEqual([]);
    await act({ kind: 'close', reason: 'left' });
    expect(await closed()).toMatchObject([{ tenantId }]);
    await act({ kind: 'reopen', reason: 'back' });
    expect(await closed()).toEqual([]);
  });

  it('keeps automation from throttling the tenant, whatever it decided a moment ago', async () => {
    const throttle = (anomalyId: string | undefined) =>
      new ThrottleStore(db.postgres).create(ADMIN, {
        ...{ tenantId, scope: {}, limit: { requestsPerSecond: 5, burst: 5 }, mode: 'enforce' as const, reason: 'x' },
        ...{ expiresInSeconds: 60, ...(anomalyId === undefined ? {} : { anomalyId }) },
      });
    const anomalyId = randomUUID();
    await act(suspend({ effect: 'read_only' }));
    await expect(throttle(anomalyId)).rejects.toMatchObject({
      message: 'No throttle was made: a person has suspended or closed the tenant since it was decided.',
    });
    expect(await throttle(undefined)).toMatchObject({ flag: { tenantId } });
    expect([(await states.held()).has(tenantId), (await states.closed()).has(tenantId)]).toEqual([true, false]);
  });

  it('of nobody is undefined, and nothing is written for it', async () => {
    const nobody = 'never-named' as TenantId;
    expect(await stateDesk(states).command(ADMIN, nobody, suspend(), undefined)).toBeUndefined();
    expect(await states.read(ADMIN, nobody)).toBeUndefined();
  });

  it('that a person decided is left alone by automation', async () => {
    await act(suspend());
    await expect(act({ kind: 'resume', reason: 'x' }, ROBOT)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await told()).length).toBe(1);
  });
});

describe('a change of plan that comes later', () => {
  let schedule: PlanSchedule;
  beforeEach(async () => {
    schedule = new PlanSchedule(db.postgres);
    await directory.setPlan(ADMIN, tenantId, 'starter');
  });
  const due = (ms: number) => ({ plan: 'growth', effectiveFrom: Date.now() + ms, why: 'change' as const });

  it('holds from its own moment on, however late it is carried out, and for everybody at once', async () => {
    const change = due(30);
    await schedule.schedule(ADMIN, tenantId, change);
    expect(await schedule.standing(ADMIN, tenantId)).toMatchObject({ plan: 'starter', scheduled: { plan: 'growth' } });
    await expect.poll(() => schedule.applyDue(), { interval: 10 }).toBe(1);
    const standing = await schedule.standing(ADMIN, tenantId);
    expect(standing).toMatchObject({ plan: 'growth', scheduled: null, steps: [{ plan: 'growth', setBy: 'ada' }, {}] });
    expect(standing?.steps[0]?.effectiveFrom).toBe(change.effectiveFrom);
    expect(await schedule.applyDue()).toBe(0);
    expect(await auditOf(tenantId)).toEqual(['tenant.plan', 'tenant.plan_scheduled', 'tenant.plan']);
  });

  it('is carried out once by several servers', async () => {
    await schedule.schedule(ADMIN, tenantId, due(1));
    let applied = 0;
    await expect
      .poll(async () => {
        const done = await Promise.all([1, 2, 3, 4].map(() => new PlanSchedule(db.postgres).applyDue()));
        applied += done.reduce((sum, one) => sum + one, 0);
        return applied;
      })
      .toBe(1);
    const rows = await sql(`select plan from tenantry.tenant_plan_history where tenant_id = '${tenantId}'`);
    expect(rows.length).toBe(2);
  });

  it('is replaced by another, dropped by hand, and dropped by a change at once', async () => {
    await schedule.schedule(ADMIN, tenantId, due(60_000));
    await schedule.schedule(ADMIN, tenantId, { ...due(60_000), plan: null });
    expect((await schedule.standing(ADMIN, tenantId))?.scheduled).toMatchObject({ plan: null });
    expect([await schedule.cancel(ADMIN, tenantId), await schedule.cancel(ADMIN, tenantId)]).toEqual([true, false]);
    await schedule.schedule(ADMIN, tenantId, due(60_000));
    await directory.setPlan(ADMIN, tenantId, 'trial');
    expect((await schedule.standing(ADMIN, tenantId))?.scheduled).toBeNull();
    await expect(schedule.schedule(ADMIN, tenantId, { ...due(1), plan: 'grwoth' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });

  it('is seen by the tenant itself, and by no other', async () => {
    await schedule.schedule(ADMIN, tenantId, due(60_000));
    const of = (own: TenantId) => ({ kind: 'tenant', subject: 't', role: 'viewer', tenantId: own }) as const;
    expect(await schedule.standing(of(tenantId), tenantId)).toMatchObject({ scheduled: { plan: 'growth' } });
    expect(await schedule.standing(of('plans-exist' as TenantId), tenantId)).toBeUndefined();
  });
});
