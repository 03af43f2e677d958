import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StaffActor, TenantActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { ChangeListener } from '../../../src/store/postgres/change-listener.ts';
import type { NewKey } from '../../../src/store/postgres/key-rows.ts';
import { KeyStore } from '../../../src/store/postgres/key-store.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const MINUTE = 60_000;
const HOUR = 3_600_000;

let db: TestPostgres;
let keys: KeyStore;
let now: number;

function keyStore(): KeyStore {
  const changes = new ChangeListener({ url: db.appUrl, log: silentLog });
  return new KeyStore({ postgres: db.postgres, changes, bootstrapKeys: [], log: silentLog, now: () => now });
}

beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());
beforeEach(async () => {
  now = Date.now();
  keys = keyStore();
  await keys.refresh();
});

const make = (more: Partial<NewKey> = {}) => keys.create(ADMIN, { name: 'checkout', scopes: ['ingest'], ...more });

async function rotated(id: string, graceSeconds: number, more: { expiresAt?: number } = {}) {
  const made = await keys.rotate(ADMIN, id, { graceSeconds, ...more });
  if (made === undefined) throw new Error('the key was not rotated');
  return made;
}

/** Which of the secrets are taken now. */
const taken = async (...secrets: string[]) =>
  Promise.all(secrets.map(async (secret) => (await keys.verify(secret)) !== undefined));

describe('a rotated key', () => {
  it('is the same key with a new secret; the old one works to the end of its grace, and not a moment longer', async () => {
    const tenantId = 'rotating' as TenantId;
    const { key: old, record } = await make({ tenantId, service: 'shop' });
    const { key: fresh, record: after } = await rotated(record.id, 3_600);
    expect(fresh).toMatch(/^tk_[\w-]{43}$/);
    expect(fresh).not.toBe(old);
    expect(after).toMatchObject({ id: record.id, name: 'checkout', tenantId, service: 'shop', expiresAt: null });
    expect(after.rotatedBy).toBe('ada');
    const whoIs = { keyId: record.id, scopes: ['ingest'], tenantId };
    expect([await keys.verify(old), await keys.verify(fresh)]).toEqual([whoIs, whoIs]);
    now = (after.previousUntil ?? 0) - 1;
    await keys.refresh();
    expect(await taken(old, fresh)).toEqual([true, true]);
    now += 1;
    expect(await taken(old, fresh)).toEqual([false, true]);
    expect((after.previousUntil ?? 0) - (after.rotatedAt ?? 0)).toBeGreaterThan(HOUR - 1_000);
    expect((after.previousUntil ?? 0) - (after.rotatedAt ?? 0)).toBeLessThanOrEqual(HOUR);
  });

  it('keeps neither secret, only their hashes', async () => {
    const { key: old, record } = await make();
    const { key: fresh } = await rotated(record.id, 60);
    const dump = JSON.stringify([
      await runSql(db.ownerUrl, 'select * from tenantry.keys'),
      await runSql(db.ownerUrl, 'select * from tenantry.audit_log'),
      keys.snapshot(),
      await keys.list(ADMIN),
    ]);
    for (const secret of [old, fresh]) {
      expect(dump).not.toContain(secret.slice(3));
      expect(dump).toContain(createHash('sha256').update(secret).digest('hex'));
    }
  });

  it('without a grace ends the old secret at once', async () => {
    const { key: old, record } = await make();
    const { key: fresh, record: after } = await rotated(record.id, 0);
    expect(await taken(old, fresh)).toEqual([false, true]);
    expect(after.previousUntil).toBeNull();
  });

  it('is not rotated again while two secrets work, but for an emergency: then both end', async () => {
    const { key: first, record } = await make();
    const { key: second } = await rotated(record.id, 3_600);
    await expect(keys.rotate(ADMIN, record.id, { graceSeconds: 3_600 })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await taken(first, second)).toEqual([true, true]);
    const { key: third } = await rotated(record.id, 0);
    expect(await taken(first, second, third)).toEqual([false, false, true]);
  });

  it('is rotated again when the grace is over, and when the old secret was ended before', async () => {
    const { key: first, record } = await make();
    const { key: second } = await rotated(record.id, 3_600);
    const ended = await keys.endPrevious(ADMIN, record.id);
    expect(ended).toMatchObject({ id: record.id, previousUntil: null });
    expect(await taken(first, second)).toEqual([false, true]);
    expect(await keys.endPrevious(ADMIN, record.id)).toBeUndefined();
    const { key: third } = await rotated(record.id, 3_600);
    expect(await taken(second, third)).toEqual([true, true]);
    await runSql(
      db.ownerUrl,
      `update tenantry.keys set previous_until = now() - interval '1 second' where id = '${record.id}'`,
    );
    const { key: fourth } = await rotated(record.id, 3_600);
    expect(await taken(second, third, fourth)).toEqual([false, true, true]);
  });

  it('keeps its end, which the old secret does not outlive; a new end is for the new secret alone', async () => {
    const expiresAt = now + HOUR;
    const { key: old, record } = await make({ expiresAt });
    const { record: kept } = await rotated(record.id, 7_200);
    expect(kept).toMatchObject({ expiresAt, previousUntil: expiresAt });
    await keys.endPrevious(ADMIN, record.id);
    const { key: fresh, record: longer } = await rotated(record.id, 7_200, { expiresAt: now + 10 * HOUR });
    expect(longer).toMatchObject({ expiresAt: now + 10 * HOUR, previousUntil: expiresAt });
    now = expiresAt;
    await keys.refresh();
    expect(await taken(old, fresh)).toEqual([false, true]);
  });

  it('ends with both its secrets when it is revoked, and is not rotated any more', async () => {
    const { key: old, record } = await make();
    const { key: fresh } = await rotated(record.id, 3_600);
    expect(await keys.revoke(ADMIN, record.id)).toBe(true);
    expect(await taken(old, fresh)).toEqual([false, false]);
    expect(keys.snapshot().keys.filter(({ id }) => id === record.id)).toEqual([]);
    expect(await keys.rotate(ADMIN, record.id, { graceSeconds: 0 })).toBeUndefined();
    expect(await keys.endPrevious(ADMIN, record.id)).toBeUndefined();
  });

  it('that has expired, is unknown, or is none at all is not rotated', async () => {
    const { record } = await make({ expiresAt: now + HOUR });
    await runSql(
      db.ownerUrl,
      `update tenantry.keys set created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where id = '${record.id}'`,
    );
    for (const id of [record.id, '00000000-0000-4000-8000-000000000009', 'bootstrap', "x' or true --"]) {
      expect(await keys.rotate(ADMIN, id, { graceSeconds: 0 })).toBeUndefined();
    }
  });

  it('stands twice in what ingest reads, the old secret with its end', async () => {
    const { key: old, record } = await make({ service: 'shop' });
    const before = keys.snapshot().revision;
    const { key: fresh, record: after } = await rotated(record.id, 60);
    const snapshot = keys.snapshot();
    const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');
    expect(snapshot.revision).toBeGreaterThan(before);
    expect(snapshot.keys.filter(({ id }) => id === record.id)).toEqual([
      { id: record.id, sha256: hash(fresh), scopes: ['ingest'], service: 'shop' },
      {
        ...{ id: record.id, sha256: hash(old), scopes: ['ingest'], service: 'shop' },
        ...{ expiresAt: after.previousUntil, previous: true },
      },
    ]);
  });

  it('rotated by two at once has one of their secrets, and neither caller is told of a secret that does not work', async () => {
    const { key: first, record } = await make();
    const both = await Promise.allSettled([
      keys.rotate(ADMIN, record.id, { graceSeconds: 60 }),
      keys.rotate(ADMIN, record.id, { graceSeconds: 60 }),
    ]);
    const good = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value?.key ?? ''] : []));
    expect(good).toHaveLength(1);
    expect(await taken(first, ...good)).toEqual([true, true]);
  });

  it('is on record, without secrets or hashes', async () => {
    const { record } = await make({ tenantId: 'on-record' as TenantId });
    await rotated(record.id, 60);
    await keys.endPrevious(ADMIN, record.id);
    const trail = await new AuditLog(db.postgres).list(ADMIN, { tenantId: 'on-record' as TenantId, limit: 2 });
    expect(trail).toMatchObject([
      { action: 'key.end_previous', resource: `key/${record.id}`, subject: 'ada', after: { previousUntil: null } },
      { action: 'key.rotate', resource: `key/${record.id}`, subject: 'ada', after: { graceSeconds: 60 } },
    ]);
    expect(JSON.stringify(trail)).not.toMatch(/[0-9a-f]{64}/);
  });
});

describe("a tenant's own people", () => {
  const personOf = (tenantId: string): TenantActor => ({
    ...{ kind: 'tenant', subject: `grace@${tenantId}`, role: 'tenant_admin', tenantId: tenantId as TenantId },
  });

  it('rotate the keys that they made, and on nobody else’s a finger', async () => {
    const person = personOf('rotate-own');
    const own = await keys.createOwn(person, { name: 'import' });
    const bound = await make({ tenantId: person.tenantId });
    const wide = await make();
    for (const stranger of [personOf('rotate-stranger'), person]) {
      const theirs = stranger === person ? [bound, wide] : [own, bound, wide];
      for (const { record, key } of theirs) {
        expect(await keys.rotate(stranger, record.id, { graceSeconds: 0 })).toBeUndefined();
        expect(await keys.endPrevious(stranger, record.id)).toBeUndefined();
        expect(await taken(key)).toEqual([true]);
      }
    }
    const fresh = await keys.rotate(person, own.record.id, { graceSeconds: 60 });
    expect(await taken(own.key, fresh?.key ?? '')).toEqual([true, true]);
    expect(await keys.endPrevious(personOf('rotate-stranger'), own.record.id)).toBeUndefined();
    expect(await taken(own.key)).toEqual([true]);
    expect(await keys.endPrevious(person, own.record.id)).toBeDefined();
    const [last] = await new AuditLog(db.postgres).list(ADMIN, { tenantId: person.tenantId, limit: 1 });
    expect(last).toMatchObject({ action: 'key.end_previous', subject: person.subject, role: 'tenant_admin' });
  });
});

describe('when a key was used', () => {
  const recordOf = async (id: string) => (await keys.list(ADMIN)).find((record) => record.id === id);

  it('is known of ingest, too, and of the old secret apart', async () => {
    const { record } = await make();
    await rotated(record.id, 3_600);
    const at = Date.now() + 1_000;
    keys.noteUse([
      { keyId: record.id, at, previousAt: at - 10 },
      { keyId: record.id, at: at - 500, previousAt: at - 500 },
      { keyId: 'bootstrap', at },
    ]);
    now += MINUTE;
    await keys.refresh();
    expect(await recordOf(record.id)).toMatchObject({ lastUsedAt: at, previousUsedAt: at - 10 });
    // Told later, of an earlier time: what is known stays.
    keys.noteUse([{ keyId: record.id, at: at - 900 }]);
    now += MINUTE;
    await keys.refresh();
    expect(await recordOf(record.id)).toMatchObject({ lastUsedAt: at, previousUsedAt: at - 10 });
  });

  it('of a secret from before the last rotation is told of no other secret', async () => {
    const { record, key: old } = await make();
    await rotated(record.id, 3_600);
    now = Date.now() - 5_000;
    await keys.verify(old);
    await keys.endPrevious(ADMIN, record.id);
    await rotated(record.id, 3_600);
    now += 2 * MINUTE;
    await keys.refresh();
    expect(await recordOf(record.id)).toMatchObject({ previousUsedAt: null, lastUsedAt: expect.any(Number) });
  });
});
