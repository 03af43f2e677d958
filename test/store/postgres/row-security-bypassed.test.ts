/**
 * The application left out: raw SQL over the service's own login, as somebody would have who got at its password or
 * found a place to inject. What row security holds then, and what it does not: it is the net under a forgotten filter
 * and no wall against SQL of a stranger's making, which is why values are bound and statements go out one at a time.
 */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { ACME, GLOBEX, seedTwoTenants } from '../../support/postgres-two-tenants.ts';

let db: TestPostgres;
let login: pg.Client;

beforeAll(async () => {
  db = await startTestPostgres();
  await seedTwoTenants(db.ownerUrl);
});
afterAll(() => db.stop());
beforeEach(async () => {
  login = new pg.Client({ connectionString: db.appUrl });
  await login.connect();
});
afterEach(() => login.end());

async function rows(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  return (await login.query<Record<string, unknown>>(text, [...values])).rows;
}
const owners = async (table = 'members') =>
  (await rows(`select distinct tenant_id from tenantry.${table} order by 1`)).map((row) => row['tenant_id']);
const codeOf = (text: string) =>
  login.query(text).then(
    () => 'allowed',
    (error: { code?: string }) => error.code,
  );

/** As the door begins a tenant's transaction. */
async function beginAs(tenant: string): Promise<void> {
  await login.query('begin; set local role tenantry_app');
  await login.query(`select set_config('app.current_tenant', $1, true), set_config('app.super_admin', 'off', true)`, [
    tenant,
  ]);
}

describe('row security holds', () => {
  it('without a tenant: the app role sees and changes no row of anybody', async () => {
    await login.query('set role tenantry_app');
    const tables = await rows(
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
       where c.relnamespace = 'tenantry'::regnamespace and c.relkind = 'r'
         and has_table_privilege('tenantry_app', c.oid, 'select') order by 1`,
    );
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['audit_log', 'keys', 'members', 'tenants']));
    for (const { name } of tables) expect([name, await owners(String(name))]).toEqual([name, []]);
    expect((await login.query(`update tenantry.members set role = 'tenant_admin'`)).rowCount).toBe(0);
    expect(
      await codeOf(`insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
                         values ('acme', 'eve@x.example', 'tenant_admin', 'active', 'eve', false)`),
    ).toBe('42501');
  });

  it('with one tenant: no row of the other by filter, join, aggregate, subquery, returning or count', async () => {
    await beginAs(ACME);
    const asked = [
      `select tenant_id from tenantry.members where tenant_id = 'globex'`,
      `select tenant_id from tenantry.members where tenant_id = 'globex' or true`,
      `select b.tenant_id from tenantry.members a full join tenantry.members b on true where b.tenant_id <> 'acme'`,
      `select max(tenant_id) as tenant_id from tenantry.members`,
      `with changed as (update tenantry.members set role = role returning tenant_id) select distinct tenant_id from changed`,
      `select tenant_id from tenantry.tenants where exists (select from tenantry.keys where tenant_id = 'globex')`,
      `(select tenant_id from tenantry.keys) union (select tenant_id from tenantry.members)`,
    ];
    for (const text of asked) {
      const found = await rows(text);
      expect([text, found.filter((row) => row['tenant_id'] === GLOBEX)]).toEqual([text, []]);
    }
    expect(await rows('select count(*)::int as n from tenantry.members')).toEqual([{ n: 5 }]);
  });

  it('a row is neither written for the other tenant nor moved to it', async () => {
    await beginAs(ACME);
    for (const text of [
      `update tenantry.members set tenant_id = 'globex'`,
      `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
       values ('globex', 'eve@x.example', 'tenant_admin', 'active', 'eve', false)`,
      // Who clashes with a row that cannot be seen would learn that it is there.
      `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
       values ('globex', 'person-1@globex.example', 'viewer', 'active', 'eve', false)`,
    ]) {
      await login.query('savepoint attempt');
      expect([text, await codeOf(text)]).toEqual([text, '42501']);
      await login.query('rollback to savepoint attempt');
    }
    expect(
      (await login.query(`delete from tenantry.deletion_requests where tenant_id = 'globex'`).catch((e) => e)).code,
    ).toBe('42501');
  });

  it('nobody becomes the owner or a superuser, makes objects, reads files, or looks into statistics and other sessions', async () => {
    await login.query('set role tenantry_app');
    for (const text of [
      'set role tenantry_owner',
      'set role postgres',
      'set session authorization postgres',
      'reset role; alter role tenantry_app bypassrls',
      'alter table tenantry.members disable row level security',
      'drop policy app_tenant on tenantry.members',
      'create table tenantry.mine (n int)',
      'create temporary table mine (n int)',
      'create function tenantry.mine() returns int language sql as $$ select 1 $$',
      `copy tenantry.members to program 'cat'`,
      `select pg_read_file('/etc/passwd')`,
      `select lo_import('/etc/passwd')`,
      'select * from pg_authid',
      'select * from pg_statistic',
      'truncate tenantry.members',
    ]) {
      expect([text, await codeOf(text)]).toEqual([text, expect.stringMatching(/^(?:42501|0LP01)$/)]);
    }
    // Row security that is switched off refuses the query instead of answering it.
    await login.query('set row_security = off');
    expect(await codeOf('select * from tenantry.members')).toBe('42501');
    await login.query('set row_security = on');
    expect(
      await rows(`select tablename from pg_stats where schemaname = 'tenantry' and tablename = 'members'`),
    ).toEqual([]);
    const sessions = await rows(
      `select distinct query from pg_stat_activity where pid <> pg_backend_pid() and query <> ''`,
    );
    for (const { query } of sessions) expect(query).toBe('<insufficient privilege>');
  });

  it('the staff role alone is not enough: without the setting it sees nobody either', async () => {
    await login.query('set role tenantry_staff');
    expect([await owners(), await owners('keys'), await owners('audit_log')]).toEqual([[], [], []]);
  });

  it('text after a semicolon is no second statement where values are bound', async () => {
    await beginAs(ACME);
    const smuggled = `select 1; select set_config('app.current_tenant', 'globex', true)`;
    const sent = login.query({ text: smuggled, values: [], queryMode: 'extended' } as pg.QueryConfig);
    await expect(sent).rejects.toMatchObject({ code: '42601' });
  });
});

describe('row security does not hold', () => {
  it('against an expression of a stranger: one SELECT is enough to change the tenant', async () => {
    await beginAs(ACME);
    const text = `select distinct m.tenant_id
      from (select set_config('app.current_tenant', 'globex', true) as tenant offset 0) flipped
      cross join lateral (select tenant_id from tenantry.members where flipped.tenant is not null offset 0) m`;
    expect(await rows(text)).toEqual([{ tenant_id: GLOBEX }]);
    expect(await owners()).toEqual([GLOBEX]);
  });

  it('against an expression that takes on the staff role for what comes after it in the transaction', async () => {
    await beginAs(ACME);
    await rows(`select set_config('role', 'tenantry_staff', true), set_config('app.super_admin', 'on', true)`);
    expect(await owners()).toEqual([ACME, GLOBEX]);
  });

  it('against whoever has the login: it may become staff, because one process serves both', async () => {
    await login.query('begin; set local role tenantry_staff');
    await rows(`select set_config('app.super_admin', 'on', true)`);
    expect(await owners()).toEqual([ACME, GLOBEX]);
    // Even so the log of what was done cannot be changed, nor can anybody's rights.
    await login.query('savepoint attempt');
    for (const text of ['delete from tenantry.audit_log', 'grant tenantry_owner to tenantry_login']) {
      expect([text, await codeOf(text)]).toEqual([text, '42501']);
      await login.query('rollback to savepoint attempt');
    }
  });

  it('against a guess at sizes: the planner estimates over all rows', async () => {
    await beginAs(ACME);
    const plan = await rows('explain (format json) select * from tenantry.members');
    expect(JSON.stringify(plan)).toContain('Plan Rows');
  });
});
