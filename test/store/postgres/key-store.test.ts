import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StaffActor, TenantActor } from '../../../src/domain/actor.ts';
import type { KeyScope } from '../../../src/domain/roles.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { ChangeListener } from '../../../src/store/postgres/change-listener.ts';
import { KeyStore } from '../../../src/store/postgres/key-store.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const BOOTSTRAP = { id: 'bootstrap', key: 'bootstrap-key-0123456789', scopes: ['ingest', 'flags'] } as const;

let db: TestPostgres;
let changes: ChangeListener;
let keys: KeyStore;
let now: number;

function keyStore(postgres: Postgres): { keys: KeyStore; changes: ChangeListener } {
  const listener = new ChangeListener({ url: db.appUrl, log: silentLog, pollMs: 600_000 });
  const store = new KeyStore({
    postgres,
    changes: listener,
    bootstrapKeys: [BOOTSTRAP],
    log: silentLog,
    now: () => now,
  });
  return { keys: store, changes: listener };
}

beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());
beforeEach(async () => {
  now = Date.now();
  ({ keys, changes } = keyStore(db.postgres));
  await keys.refresh();
  changes.start();
  await expect.poll(() => changes.listening).toBe(true);
});
afterEach(() => changes.stop());

describe('KeyStore.create', () => {
  it('gives a key of 256 random bits that verifies, and keeps only its hash', async () => {
    const { key, record } = await keys.create(ADMIN, { name: 'checkout', scopes: ['ingest'], service: 'checkout' });
    expect(key).toMatch(/^tk_[A-Za-z0-9_-]{43}$/);
    expect(await keys.verify(key)).toEqual({ keyId: record.id, scopes: ['ingest'], tenantId: undefined });
    const dump = JSON.stringify([
      await runSql(db.ownerUrl, 'select * from tenantry.keys'),
      await runSql(db.ownerUrl, 'select * from tenantry.audit_log'),
      keys.snapshot(),
      await keys.list(ADMIN),
    ]);
    expect(dump).not.toContain(key.slice(3));
    expect(dump).toContain(createHash('sha256').update(key).digest('hex'));
  });

  it('binds a key to a tenant, and enters that tenant', async () => {
    const tenantId = 'initech' as TenantId;
    const { key } = await keys.create(ADMIN, { name: 'theirs', scopes: ['flags'], tenantId });
    expect(await keys.verify(key)).toMatchObject({ tenantId: 'initech', scopes: ['flags'] });
  });

  it.each([
    ['no name', { name: '', scopes: ['ingest'] }],
    ['no scope', { name: 'x', scopes: [] }],
    ['a scope that does not exist', { name: 'x', scopes: ['admin'] }],
    ['an expiry in the past', { name: 'x', scopes: ['ingest'], expiresAt: 1_000 }],
  ])('refuses %s', async (_, wanted) => {
    const { scopes, ...rest } = wanted;
    await expect(keys.create(ADMIN, { ...rest, scopes: scopes as KeyScope[] })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});

describe('KeyStore.verify', () => {
  it('knows nothing of a wrong, a cut or an empty key', async () => {
    const { key } = await keys.create(ADMIN, { name: 'one', scopes: ['ingest'] });
    for (const wrong of [`${key}x`, key.slice(0, -1), '', 'tk_', key.toUpperCase()]) {
      expect(await keys.verify(wrong)).toBeUndefined();
    }
  });

  it('ends a key at its expiry and at its revocation', async () => {
    const { key: short } = await keys.create(ADMIN, { name: 's', scopes: ['ingest'], expiresAt: now + 60_000 });
    const { key, record } = await keys.create(ADMIN, { name: 'r', scopes: ['ingest'] });
    expect(await keys.verify(short)).toBeDefined();
    now += 60_000;
    await keys.refresh();
    expect(await keys.verify(short)).toBeUndefined();
    expect(await keys.revoke(ADMIN, record.id)).toBe(true);
    expect(await keys.verify(key)).toBeUndefined();
    expect(keys.snapshot().keys.map((entry) => entry.id)).not.toContain(record.id);
    expect(await keys.revoke(ADMIN, record.id)).toBe(false);
    expect(await keys.revoke(ADMIN, 'no-id')).toBe(false);
  });

  it('follows what another process does', async () => {
    const other = keyStore(db.postgres).keys;
    let told = 0;
    keys.onChange(() => {
      told += 1;
    });
    const { key, record } = await other.create(ADMIN, { name: 'elsewhere', scopes: ['flags'] });
    await expect.poll(() => keys.verify(key)).toMatchObject({ keyId: record.id });
    await other.revoke(ADMIN, record.id);
    await expect.poll(() => keys.verify(key)).toBeUndefined();
    expect(told).toBeGreaterThanOrEqual(2);
  });

  it('while the database is away knows old keys for five minutes, and does not say no to new ones', async () => {
    const gone = new Postgres({ url: db.appUrl, log: silentLog });
    const { keys: lonely } = keyStore(gone);
    await lonely.refresh();
    const { key } = await lonely.create(ADMIN, { name: 'old', scopes: ['ingest'] });
    await gone.close();
    expect(await lonely.verify('tk_unknown')).toBeUndefined();
    now += 60_000;
    expect(await lonely.verify(key)).toMatchObject({ scopes: ['ingest'] });
    await expect(lonely.verify('tk_unknown')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    now += 300_000;
    await expect(lonely.verify(key)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await lonely.verify(BOOTSTRAP.key)).toEqual({
      keyId: 'bootstrap',
      scopes: ['ingest', 'flags'],
      tenantId: undefined,
    });
  });

  it('knows the bootstrap key before the database was ever reached', async () => {
    const { keys: fresh } = keyStore(db.postgres);
    expect(await fresh.verify(BOOTSTRAP.key)).toMatchObject({ keyId: 'bootstrap' });
    await expect(fresh.verify('tk_unknown')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('notes when a key was used, about once a minute', async () => {
    const { key, record } = await keys.create(ADMIN, { name: 'used', scopes: ['ingest'] });
    const lastUsed = async () => (await keys.list(ADMIN)).find((entry) => entry.id === record.id)?.lastUsedAt;
    expect(await lastUsed()).toBeNull();
    await keys.verify(key);
    now += 60_000;
    await keys.refresh();
    expect(await lastUsed()).toEqual(expect.any(Number));
  });
});

describe('KeyStore.snapshot', () => {
  it('has every key that works, bootstrap included, and a revision that grows, also over restarts', async () => {
    const before = keys.snapshot();
    const { key, record } = await keys.create(ADMIN, {
      name: 'snap',
      scopes: ['ingest'],
      tenantId: 'acme' as TenantId,
      service: 'shop',
      expiresAt: now + 3_600_000,
    });
    const after = keys.snapshot();
    expect(after.revision).toBeGreaterThan(before.revision);
    expect(after.keys).toContainEqual({
      id: record.id,
      sha256: createHash('sha256').update(key).digest('hex'),
      scopes: ['ingest'],
      tenantId: 'acme',
      service: 'shop',
      expiresAt: now + 3_600_000,
    });
    expect(after.keys).toContainEqual({
      id: 'bootstrap',
      sha256: createHash('sha256').update(BOOTSTRAP.key).digest('hex'),
      scopes: ['ingest', 'flags'],
    });
    now += 1_000;
    const { keys: restarted } = keyStore(db.postgres);
    await restarted.refresh();
    expect(restarted.snapshot().revision).toBeGreaterThan(after.revision);
  });
});

describe('what is done to keys', () => {
  it('is audited without the key', async () => {
    const { record } = await keys.create(ADMIN, { name: 'audited', scopes: ['ingest'] });
    await keys.revoke(ADMIN, record.id);
    const log = await new AuditLog(db.postgres).list(ADMIN, { limit: 2 });
    expect(log.map(({ action, subject, resource }) => [action, subject, resource])).toEqual([
      ['key.revoke', 'ada', `key/${record.id}`],
      ['key.create', 'ada', `key/${record.id}`],
    ]);
  });
});

describe("keys of a tenant's own people", () => {
  const personOf = (tenantId: string): TenantActor => ({
    ...{ kind: 'tenant', subject: `grace@${tenantId}`, role: 'tenant_admin', tenantId: tenantId as TenantId },
  });

  it('send telemetry of their tenant, are ended by them, and are on record in their name', async () => {
    const person = personOf('own-keys');
    const { key, record } = await keys.createOwn(person, { name: 'import' });
    expect(await keys.verify(key)).toEqual({ keyId: record.id, scopes: ['ingest'], tenantId: 'own-keys' });
    expect(record).toMatchObject({ madeByTenant: true, createdBy: person.subject });
    expect(await keys.revokeOwn(personOf('stranger'), record.id)).toBe(false);
    expect(await keys.revokeOwn(person, record.id)).toBe(true);
    expect(await keys.verify(key)).toBeUndefined();
    const trail = await new AuditLog(db.postgres).list(ADMIN, { tenantId: person.tenantId, limit: 10 });
    expect(trail.map(({ subject, role, action }) => [subject, role, action])).toEqual([
      [person.subject, 'tenant_admin', 'key.revoke'],
      [person.subject, 'tenant_admin', 'key.create'],
    ]);
  });

  it('are listed with those that the operator bound to the tenant, which they cannot end; no others', async () => {
    const person = personOf('list-keys');
    const bound = await keys.create(ADMIN, { name: 'theirs', scopes: ['flags'], tenantId: person.tenantId });
    await keys.create(ADMIN, { name: 'everybody', scopes: ['ingest'] });
    await keys.create(ADMIN, { name: 'other', scopes: ['ingest'], tenantId: 'list-keys-2' as TenantId });
    const own = await keys.createOwn(person, { name: 'import' });
    expect((await keys.listOwn(person)).map(({ id }) => id)).toEqual([own.record.id, bound.record.id]);
    expect(await keys.revokeOwn(person, bound.record.id)).toBe(false);
    expect(await keys.verify(bound.key)).toBeDefined();
  });

  it('are fifty at most, however many are asked for at once; ended ones do not count', async () => {
    const person = personOf('many-keys');
    await keys.createOwn(person, { name: 'first' });
    await runSql(
      db.ownerUrl,
      `insert into tenantry.keys (name, sha256, scopes, tenant_id, created_by, made_by_tenant)
       select 'key', encode(sha256(('many' || n)::bytea), 'hex'), '{ingest}', 'many-keys', 'test', true
       from generate_series(2, 48) n`,
    );
    const made = await Promise.allSettled(
      Array.from({ length: 4 }, (_, index) => keys.createOwn(person, { name: `key ${index}` })),
    );
    const good = made.filter((one) => one.status === 'fulfilled');
    expect(good).toHaveLength(2);
    await expect(keys.createOwn(person, { name: 'one more' })).rejects.toMatchObject({ code: 'CONFLICT' });
    const [first] = good;
    await keys.revokeOwn(person, first?.value.record.id ?? '');
    expect((await keys.createOwn(person, { name: 'one more' })).record.name).toBe('one more');
  });
});
