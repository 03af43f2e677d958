import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { migratePostgres, readMigrations } from '../../../src/store/postgres/migrate.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const SHIPPED = new URL('../../../src/store/postgres/migrations', import.meta.url).pathname;

let db: TestPostgres;
let folder: string;
let databases = 0;

/** An empty database on the same server, with a login of its own. */
async function freshDatabase(roleOptions: string, template = 'template1'): Promise<string> {
  databases += 1;
  const name = `other_${databases}`;
  const owner = new URL(db.ownerUrl);
  // A database that is copied may have no connection.
  owner.pathname = '/postgres';
  await runSql(
    owner.href,
    `create role ${name} login password 'pw' ${roleOptions}`,
    `create database ${name} template ${template}`,
  );
  const url = new URL(db.ownerUrl);
  url.username = name;
  url.password = 'pw';
  url.pathname = `/${name}`;
  return url.href;
}

async function ownDatabase(template?: string): Promise<string> {
  const url = new URL(await freshDatabase('', template));
  const owner = new URL(db.ownerUrl);
  owner.pathname = url.pathname;
  return owner.href;
}

/** Brought up to date with the shipped files already. */
const migratedDatabase = () => ownDatabase(new URL(db.ownerUrl).pathname.slice(1));

beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-migrations-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The name of a migration that comes after those that are shipped. */
async function numbered(name: string): Promise<string> {
  const shipped = (await readdir(SHIPPED)).filter((file) => file.endsWith('.sql'));
  return `${String(shipped.length + 1).padStart(4, '0')}_${name}.sql`;
}

describe('migratePostgres', () => {
  it('applies the shipped files once, and nothing the second time', async () => {
    const url = await ownDatabase();
    const files = await readdir(SHIPPED);
    const first = await migratePostgres({ ownerUrl: url, appUrl: url });
    expect(first.applied).toEqual(files.sort());
    expect(first.version).toBe(files.length);
    const before = await runSql(url, 'select * from tenantry.migrations order by number');
    const second = await migratePostgres({ ownerUrl: url, appUrl: url });
    expect(second).toEqual({ applied: [], version: files.length });
    expect(await runSql(url, 'select * from tenantry.migrations order by number')).toEqual(before);
  });

  it('applies each file once when several processes start together', async () => {
    const url = await ownDatabase();
    const reports = await Promise.all([1, 2, 3, 4].map(() => migratePostgres({ ownerUrl: url, appUrl: url })));
    const files = await readdir(SHIPPED);
    expect(reports.flatMap((report) => report.applied).sort()).toEqual(files.sort());
  });

  it('refuses an applied file that was edited, and leaves the database as it is', async () => {
    const url = await migratedDatabase();
    await cp(SHIPPED, folder, { recursive: true });
    const [name = ''] = (await readdir(folder)).sort();
    await writeFile(join(folder, name), `${await readFile(join(folder, name), 'utf8')}\n-- harmless`);
    await writeFile(join(folder, await numbered('more')), 'create table tenantry.more (n int);');
    await expect(migratePostgres({ ownerUrl: url, appUrl: url, folder })).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining(name),
      hint: expect.stringContaining('restore the file'),
    });
    expect(await runSql(url, `select to_regclass('tenantry.more') as more`)).toEqual([{ more: null }]);
  });

  it('takes a checkout with Windows line ends for the same files', async () => {
    const url = await migratedDatabase();
    await cp(SHIPPED, folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const text = await readFile(join(folder, name), 'utf8');
      await writeFile(join(folder, name), text.replaceAll('\n', '\r\n'));
    }
    expect((await migratePostgres({ ownerUrl: url, appUrl: url, folder })).applied).toEqual([]);
  });

  it('refuses a database that is newer than itself', async () => {
    const url = await migratedDatabase();
    await cp(SHIPPED, folder, { recursive: true });
    const future = await numbered('future');
    await writeFile(join(folder, future), 'create table tenantry.future (n int);');
    await migratePostgres({ ownerUrl: url, appUrl: url, folder });
    await expect(migratePostgres({ ownerUrl: url, appUrl: url })).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
      message: expect.stringContaining(future),
    });
  });

  it('rolls a failing file back whole, keeps those before it, and goes on once it is corrected', async () => {
    const url = await ownDatabase();
    await writeFile(join(folder, '0001_good.sql'), 'create table tenantry.good (n int);');
    await writeFile(join(folder, '0002_bad.sql'), 'create table tenantry.half (n int); select 1 / 0;');
    await expect(migratePostgres({ ownerUrl: url, appUrl: url, folder })).rejects.toMatchObject({ code: 'INTERNAL' });
    const tables = `select to_regclass('tenantry.good')::text as good, to_regclass('tenantry.half')::text as half`;
    expect(await runSql(url, tables)).toEqual([{ good: 'tenantry.good', half: null }]);
    await writeFile(join(folder, '0002_bad.sql'), 'create table tenantry.half (n int);');
    expect((await migratePostgres({ ownerUrl: url, appUrl: url, folder })).applied).toEqual(['0002_bad.sql']);
  });
});

describe('readMigrations', () => {
  it.each([
    ['a gap in the numbers', ['0001_a.sql', '0003_c.sql']],
    ['a number used twice', ['0001_a.sql', '0001_b.sql']],
    ['a file that is no migration', ['0001_a.sql', 'notes.sql']],
    ['a start at zero', ['0000_a.sql']],
  ])('refuses %s', async (_, names) => {
    for (const name of names) await writeFile(join(folder, name), 'select 1;');
    await expect(readMigrations(folder)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
  });

  it('sees every file that is shipped, in order', async () => {
    const files = await readMigrations(SHIPPED);
    expect(files.map((file) => file.number)).toEqual(files.map((_, index) => index + 1));
    expect(files.map((file) => file.name)).toEqual((await readdir(SHIPPED)).sort());
  });
});

describe('DATABASE_URL with a user that is no superuser', () => {
  // The roles exist already (shared by all databases of a server), as when a second database joins: the user gets
  // into them through an administrator.
  it('works whole: migrations, roles, row security', async () => {
    const url = await freshDatabase('createrole');
    const { username, pathname } = new URL(url);
    await runSql(
      db.ownerUrl,
      `grant create on database ${pathname.slice(1)} to ${username}`,
      `grant tenantry_owner, tenantry_app, tenantry_staff to ${username} with admin true, inherit false, set true`,
    );
    await migratePostgres({ ownerUrl: url, appUrl: url });
    const postgres = new Postgres({ url, log: silentLog });
    try {
      const directory = new TenantDirectory(postgres);
      await directory.remember(['acme' as TenantId, 'globex' as TenantId]);
      const rows = await postgres.inTenantTransaction('acme' as TenantId, (transaction) =>
        transaction.query('select tenant_id from tenantry.tenants'),
      );
      expect(rows).toEqual([{ tenant_id: 'acme' }]);
    } finally {
      await postgres.close();
    }
  });

  it('says what is missing when the user may not set things up', async () => {
    const url = await freshDatabase('');
    await expect(migratePostgres({ ownerUrl: url, appUrl: url })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringMatching(/ALTER ROLE "other_\d+" CREATEROLE; GRANT CREATE ON DATABASE/),
    });
  });

  it('lets a login that may only switch roles start the service when nothing is pending', async () => {
    const owner = await migratedDatabase();
    const login = new URL(owner);
    login.username = login.pathname.slice(1);
    login.password = 'pw';
    await migratePostgres({ ownerUrl: owner, appUrl: login.href });
    expect((await migratePostgres({ ownerUrl: login.href, appUrl: login.href })).applied).toEqual([]);
    const [rights] = await runSql(
      login.href,
      `select pg_has_role('tenantry_owner', 'MEMBER') as owner, pg_has_role('tenantry_app', 'USAGE') as inherits,
              pg_has_role('tenantry_app', 'SET') as app, pg_has_role('tenantry_staff', 'SET') as staff`,
    );
    expect(rights).toEqual({ owner: false, inherits: false, app: true, staff: true });
  });

  it('refuses roles that could see past row security', async () => {
    await runSql(db.ownerUrl, 'alter role tenantry_staff bypassrls');
    try {
      await expect(migratePostgres({ ownerUrl: db.ownerUrl, appUrl: db.appUrl })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('tenantry_staff'),
      });
    } finally {
      await runSql(db.ownerUrl, 'alter role tenantry_staff nobypassrls');
    }
  });

  it('answers STORE_UNAVAILABLE when nothing listens there', async () => {
    const url = 'postgres://user:secret-password@127.0.0.1:1/none';
    const failure = await migratePostgres({ ownerUrl: url, appUrl: url }).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(String((failure as Error).message)).not.toContain('secret-password');
  });
});
