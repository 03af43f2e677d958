import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StaffActor, TenantActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { DeletionStore } from '../../../src/store/postgres/deletion-store.ts';
import { EmbedStore } from '../../../src/store/postgres/embed-store.ts';
import { MemberStore } from '../../../src/store/postgres/member-store.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'bob', role: 'admin' };
const NOBODY = '00000000-0000-4000-8000-000000000001';

let db: TestPostgres;
let members: MemberStore;
let deletions: DeletionStore;
/** A request that says no more than why. */
const wish = (reason: string) => ({ reason, legalBasis: '', waitingMs: 14 * 86_400_000 });
let embeds: EmbedStore;
let audit: AuditLog;
let tenant: TenantId;
let person: TenantActor;
let stranger: TenantActor;
let count = 0;

const personOf = (tenantId: TenantId): TenantActor => ({
  ...{ kind: 'tenant', subject: `ada@${tenantId}`, role: 'tenant_admin', tenantId },
});

beforeAll(async () => {
  db = await startTestPostgres();
  const directory = new TenantDirectory(db.postgres);
  members = new MemberStore(db.postgres, directory);
  deletions = new DeletionStore(db.postgres, directory);
  embeds = new EmbedStore(db.postgres);
  audit = new AuditLog(db.postgres);
}, 60_000);
afterAll(() => db.stop());
// A tenant that nobody has seen before, each time.
beforeEach(() => {
  count += 1;
  tenant = `t-${count}` as TenantId;
  person = personOf(tenant);
  stranger = personOf(`stranger-${count}` as TenantId);
});

const addOf = (email: string, role: 'tenant_admin' | 'viewer' = 'viewer') =>
  members.add(person, tenant, { email, role, state: 'invited' });
const trail = async () => {
  const records = await audit.list(ADMIN, { tenantId: tenant, limit: 50 });
  return records.toReversed().map(({ subject, role, action }) => `${subject} ${role} ${action}`);
};

describe('members', () => {
  test('are added, changed and removed by the tenant itself, each on record in their name', async () => {
    const { memberId } = await addOf('x@example.com');
    await members.change(person, tenant, memberId, { role: 'member', state: 'active' });
    await members.remove(ADMIN, tenant, memberId);
    expect(await members.list(person, tenant)).toMatchObject([
      { memberId, role: 'member', state: 'removed', addedBy: person.subject, addedByOperator: false },
    ]);
    expect(await trail()).toEqual([
      `${person.subject} tenant_admin member.add`,
      `${person.subject} tenant_admin member.change`,
      'bob admin member.remove',
    ]);
  });

  test('come back after they were removed, as a new row', async () => {
    const first = await addOf('x@example.com');
    await members.remove(person, tenant, first.memberId);
    const second = await addOf('x@example.com');
    expect((await members.list(person, tenant)).map(({ memberId, state }) => [memberId, state])).toEqual([
      [second.memberId, 'invited'],
      [first.memberId, 'removed'],
    ]);
  });

  test('are listed once', async () => {
    await addOf('x@example.com');
    await expect(addOf('x@example.com')).rejects.toMatchObject({ code: 'CONFLICT' });
    const both = await Promise.allSettled([addOf('y@example.com'), addOf('y@example.com')]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('of another tenant are neither seen nor changed, whatever is asked', async () => {
    const { memberId } = await addOf('x@example.com');
    expect(await members.list(stranger, tenant)).toEqual([]);
    expect(await members.find(stranger, tenant, memberId)).toBeUndefined();
    expect(await members.change(stranger, tenant, memberId, { role: 'tenant_admin' })).toBeUndefined();
    expect(await members.remove(stranger, tenant, memberId)).toBeUndefined();
    // Row security and no WHERE refuses this one: the row would be of a tenant that is not the actor's.
    await expect(
      members.add(stranger, tenant, { email: 'z@example.com', role: 'viewer', state: 'invited' }),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await members.list(person, tenant)).toMatchObject([{ memberId, role: 'viewer', state: 'invited' }]);
  });

  test('the last admin can be neither removed nor made less', async () => {
    const { memberId } = await addOf('x@example.com', 'tenant_admin');
    const refused = { code: 'CONFLICT', message: expect.stringContaining('last admin') };
    await expect(members.remove(person, tenant, memberId)).rejects.toMatchObject(refused);
    await expect(members.change(person, tenant, memberId, { role: 'viewer' })).rejects.toMatchObject(refused);
    await expect(members.remove(ADMIN, tenant, memberId)).rejects.toMatchObject(refused);
    expect((await members.change(person, tenant, memberId, { state: 'active' }))?.state).toBe('active');
    await addOf('y@example.com', 'tenant_admin');
    expect((await members.remove(person, tenant, memberId))?.state).toBe('removed');
  });

  test('two admins who remove each other at the same moment leave one', async () => {
    const one = await addOf('x@example.com', 'tenant_admin');
    const two = await addOf('y@example.com', 'tenant_admin');
    const ends = await Promise.allSettled([
      members.remove(person, tenant, one.memberId),
      members.remove(person, tenant, two.memberId),
    ]);
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const left = (await members.list(person, tenant)).filter(({ state }) => state !== 'removed');
    expect(left).toHaveLength(1);
  });

  test('one that is not there is no error', async () => {
    expect(await members.remove(person, tenant, NOBODY)).toBeUndefined();
  });
});

describe('requests to be deleted', () => {
  test('stand for 14 days, once, and are taken back', async () => {
    const made = await deletions.request(person, tenant, wish('We move on.'));
    expect(made.notBefore - made.requestedAt).toBeGreaterThanOrEqual(14 * 86_400_000 - 1_000);
    expect(made).toMatchObject({ state: 'requested', requestedBy: person.subject, requestedByOperator: false });
    await expect(deletions.request(ADMIN, tenant, wish('again'))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await deletions.cancel(stranger, tenant, made.requestId)).toBeUndefined();
    await expect(deletions.request(stranger, tenant, wish('theirs'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await deletions.cancel(person, tenant, made.requestId)).toMatchObject({ state: 'cancelled' });
    expect(await deletions.cancel(person, tenant, made.requestId)).toBeUndefined();
    expect(await trail()).toEqual([
      'deletions system tenant.close',
      `${person.subject} tenant_admin deletion.request`,
      'deletions system tenant.reopen',
      `${person.subject} tenant_admin deletion.cancel`,
    ]);
    expect((await deletions.request(person, tenant, wish('after all'))).state).toBe('requested');
  });

  test('a legal hold refuses them, and shows on those that stand', async () => {
    const before = await deletions.request(person, tenant, wish('We move on.'));
    await deletions.hold(ADMIN, tenant, 'Case 7');
    const [shown] = await deletions.list(person, { tenantId: undefined, openOnly: true, limit: 10 });
    expect(shown).toMatchObject({ requestId: before.requestId, legalHold: true });
    await deletions.cancel(person, tenant, before.requestId);
    for (const who of [person, ADMIN]) {
      const refusal = await deletions.request(who, tenant, wish('now')).catch((error: Error) => error);
      expect(refusal).toMatchObject({ code: 'CONFLICT' });
      expect(String(refusal)).not.toContain('Case 7');
    }
    expect(await deletions.release(ADMIN, tenant)).toBe(true);
    expect(await deletions.release(ADMIN, tenant)).toBe(false);
    expect((await deletions.request(person, tenant, wish('now'))).legalHold).toBe(false);
  });

  test('after the waiting period only the operator can stop one', async () => {
    const { requestId } = await deletions.request(person, tenant, wish('We move on.'));
    await db.postgres.inStaffTransaction(ADMIN, async (transaction) => {
      transaction.unaudited('the test lets time pass');
      await transaction.query(
        `update tenantry.deletion_requests set requested_at = now() - interval '15 days', not_before = now() - interval '1 day'
         where request_id = $1`,
        [requestId],
      );
    });
    await expect(deletions.cancel(person, tenant, requestId)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await deletions.cancel(ADMIN, tenant, requestId)).toMatchObject({ state: 'cancelled', endedBy: 'bob' });
  });

  test('are shown to their own tenant and to staff', async () => {
    await deletions.request(person, tenant, wish('We move on.'));
    const all = { tenantId: undefined, openOnly: false, limit: 1_000 };
    expect((await deletions.list(person, all)).map(({ tenantId }) => tenantId)).toEqual([tenant]);
    expect(await deletions.list(stranger, { ...all, tenantId: tenant })).toEqual([]);
    expect((await deletions.list(ADMIN, all)).length).toBeGreaterThan(1);
  });
});

describe('tokens of frames', () => {
  const wanted = (expiresAt = Date.now() + 60_000) => ({
    ...{ tenantId: tenant, user: 'ada', views: ['usage', 'quotas'] as const, expiresAt },
  });

  test('are good until they are taken back, for their tenant alone', async () => {
    const { tokenId } = await embeds.issue(ADMIN, wanted());
    expect(await embeds.isGood(tenant, tokenId)).toBe(true);
    expect(await embeds.isGood(stranger.tenantId, tokenId)).toBe(false);
    expect(await embeds.isGood(tenant, NOBODY)).toBe(false);
    expect(await embeds.revoke(ADMIN, tokenId)).toBe(true);
    expect(await embeds.isGood(tenant, tokenId)).toBe(false);
    expect(await embeds.revoke(ADMIN, tokenId)).toBe(false);
    expect(await trail()).toEqual(['bob admin embed-token.create', 'bob admin embed-token.revoke']);
  });

  test('are listed while they live, and swept out a day after', async () => {
    const old = await embeds.issue(ADMIN, wanted());
    await db.postgres.inStaffTransaction(ADMIN, async (transaction) => {
      transaction.unaudited('the test lets time pass');
      await transaction.query(
        `update tenantry.embed_tokens set created_at = now() - interval '2 days', expires_at = now() - interval '25 hours'
         where token_id = $1`,
        [old.tokenId],
      );
    });
    const fresh = await embeds.issue(ADMIN, wanted());
    expect(await embeds.list(ADMIN, { tenantId: tenant, limit: 10 })).toMatchObject([
      { tokenId: fresh.tokenId, user: 'ada', views: ['usage', 'quotas'], createdBy: 'bob', revokedAt: null },
    ]);
    expect(await embeds.isGood(tenant, old.tokenId)).toBe(false);
  });
});

test("a change of a tenant's people without a record is undone", async () => {
  await addOf('x@example.com');
  const silent = db.postgres.inChangeTransaction(person, (transaction) =>
    transaction.query("update tenantry.members set role = 'tenant_admin'"),
  );
  await expect(silent).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await members.list(person, tenant)).toMatchObject([{ role: 'viewer' }]);
});

test('what a change leaves behind cannot run with the rights that its record is written with', async () => {
  let leaked: Promise<unknown> | undefined;
  await db.postgres.inChangeTransaction(person, async (transaction) => {
    await transaction.audit({ action: 'test.leak', resource: 'test' });
    leaked = new Promise((resolve) => setImmediate(resolve)).then(() => transaction.query('select 1'));
    leaked.catch(() => undefined);
  });
  await expect(leaked).rejects.toMatchObject({ code: 'INTERNAL' });
});
