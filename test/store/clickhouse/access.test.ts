/**
 * What lets tenants ask a ClickHouse server for themselves. There is no server here: chDB runs what it can (views, and the
 * refusal for want of rights), parses the rest with a server's own parser, and shows what the policies rest on.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { accessStatements, TenantAccess, tenantUserStatements } from '../../../src/store/clickhouse/access.ts';
import {
  TENANT_COLUMNS,
  TENANT_DATABASE,
  viewStatements,
  WITHHELD_TABLES,
} from '../../../src/store/clickhouse/access-views.ts';
import {
  OWN_ROWS,
  type RowPolicyRow,
  rowPolicyStatements,
  tenantUser,
} from '../../../src/store/clickhouse/row-policies.ts';
import { openSession } from '../../../src/store/clickhouse/session-pool.ts';
import { TENANT_LIMITS } from '../../../src/store/clickhouse/sql-limits.ts';
import { type ClickHouseTenantTable, tenantDataTables } from '../../../src/store/clickhouse/tenant-data.ts';
import { segmentFor } from '../../support/clickhouse-segments.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

const ACME = 'acme' as TenantId;
const ODD = 'a:b@c|d' as TenantId;
const SECRET = new Uint8Array(32).fill(1);

let store: TestClickHouse;
let tables: readonly ClickHouseTenantTable[];
beforeAll(async () => {
  store = await startTestClickHouse();
  await store.insert(segmentFor(['acme', 'bolt'], 5), 'access');
  tables = await tenantDataTables(store.clickhouse);
});
afterAll(() => store.stop());

const names = () => tables.map(({ table }) => table);

/** The policies as a server would list them after `rowPolicyStatements`. */
function listed(statements: readonly string[]): RowPolicyRow[] {
  return statements.flatMap((statement) => {
    const found = /^CREATE ROW POLICY IF NOT EXISTS (\w+) +ON tenantry\.(\w+) AS (\w+) FOR SELECT USING (.+) TO /.exec(
      statement,
    );
    const [, name = '', table = '', as = '', filter = ''] = found ?? [];
    return found === null
      ? []
      : [{ short_name: name, table, is_restrictive: as === 'RESTRICTIVE' ? 1 : 0, select_filter: filter }];
  });
}

describe('every statement', () => {
  it.each([undefined, 'main'])('is one that the server parses (cluster: %s)', async (cluster) => {
    const login = { user: tenantUser(ODD), password: 'secret' };
    const statements = [...accessStatements(names(), cluster, TENANT_LIMITS), ...tenantUserStatements(login, cluster)];
    const unparsed: unknown[] = [];
    for (const statement of statements) {
      await store.clickhouse
        .inspect(`EXPLAIN AST ${statement}`)
        .catch((error: { cause?: unknown }) => unparsed.push([statement, String(error.cause)]));
    }
    expect(unparsed).toEqual([]);
    expect(statements.length).toBeGreaterThan(6 * tables.length);
    expect(statements.filter((statement) => statement.includes('secret'))).toEqual([]);
    if (cluster !== undefined) for (const statement of statements) expect(statement).toContain("ON CLUSTER 'main'");
  });

  it('says what is missing when the user of the service lacks the rights', async () => {
    const access = new TenantAccess({ clickhouse: store.clickhouse, cluster: undefined, secret: SECRET });
    await expect(access.apply()).rejects.toMatchObject({
      ...{ code: 'CONFIG_INVALID', message: expect.stringContaining('lacks the right CREATE ROLE') },
      hint: expect.stringMatching(/GRANT CREATE USER.*SHOW ACCESS ON \*\.\*.*ROW POLICY.*GRANT OPTION/),
    });
  });
});

describe('tables', () => {
  it('each with rows of tenants is offered or withheld, for a reason', () => {
    const undecided = names().filter((table) => !TENANT_COLUMNS.has(table) && WITHHELD_TABLES[table] === undefined);
    expect(undecided).toEqual([]);
    expect([...TENANT_COLUMNS.keys(), ...Object.keys(WITHHELD_TABLES)].toSorted()).toEqual(names().toSorted());
  });

  it('show columns that there are, and none of keys, hosts, attributes or waiting', () => {
    for (const [table, columns] of TENANT_COLUMNS) {
      const real = tables.find((one) => one.table === table)?.columns.map(({ name }) => name);
      expect([table, columns.filter((column) => !real?.includes(column))]).toEqual([table, []]);
      expect(columns).toContain('TenantId');
      expect(columns.filter((column) => /Key|Attributes|Message|Instance|Received|Batch|State$/.test(column))).toEqual(
        [],
      );
    }
  });

  it('each have all three policies, that for everybody else before those for tenants', () => {
    const policies = listed(rowPolicyStatements(names(), ''));
    for (const table of names()) {
      const own = policies.filter((policy) => policy.table === table);
      expect(own.map(({ short_name, is_restrictive }) => [short_name, is_restrictive])).toEqual([
        ['tenantry_all_rows', 0],
        ['tenantry_own_rows', 0],
        ['tenantry_own_rows_only', 1],
      ]);
    }
    const lastOfOthers = policies.findLastIndex(({ short_name }) => short_name === 'tenantry_all_rows');
    expect(policies.slice(0, lastOfOthers + 1).every(({ short_name }) => short_name === 'tenantry_all_rows')).toBe(
      true,
    );
  });
});

describe('whose rows', () => {
  /** As if the engine's own user were that of a tenant: chDB has but one. */
  const asUser = (user: string, text: string) => text.replaceAll('currentUser()', `'${user}'`);

  beforeAll(async () => {
    for (const statement of viewStatements('')) await store.clickhouse.command(asUser(tenantUser(ACME), statement));
  });

  it.each([...TENANT_COLUMNS.keys()])('the view %s shows those of its reader alone', async (table) => {
    const rows = await store.clickhouse.inspect<{ tenant: string }>(
      `SELECT DISTINCT TenantId AS tenant FROM ${TENANT_DATABASE}.${table}`,
    );
    expect(rows.map(({ tenant }) => tenant).filter((tenant) => tenant !== 'acme')).toEqual([]);
    const isFilled = /^(?:spans|requests_by|db_calls_by)/.test(table);
    expect(rows).toHaveLength(isFilled ? 1 : 0);
  });

  it.each([
    [tenantUser(ACME), ['acme']],
    [tenantUser('bolt' as TenantId), ['bolt']],
    [tenantUser('nobody' as TenantId), []],
    ['default', []],
    ['tenantry', []],
    ['tenantry_tenant_', []],
    ['tenantry_tenant_zz', []],
    ['xxxxxxxxxxxxxxxx61636d65', []],
  ])('a user called %s may read those of %j', async (user, tenants) => {
    const rows = await store.clickhouse.inspect<{ tenant: string }>(
      `SELECT DISTINCT TenantId AS tenant FROM tenantry.spans WHERE ${asUser(user, OWN_ROWS)}`,
    );
    expect(rows.map(({ tenant }) => tenant)).toEqual(tenants);
  });

  it('hangs on the name of the user, which no statement changes, and not on a setting, which a subquery can', () => {
    const session = openSession(join(store.folder, 'db'), ['USE tenantry', 'SET readonly = 1']);
    const ask = (sql: string) => session.query(sql, 'TSVRaw').trim();
    expect(ask("SELECT * FROM (SELECT getSetting('SQL_tenant') SETTINGS SQL_tenant = 'bolt')")).toBe('bolt');
    expect(ask("SELECT * FROM (SELECT currentUser() SETTINGS SQL_tenant = 'bolt')")).toBe('default');
    session.close();
  });

  it('every tenant has a user name that HTTP and SQL take as it is', () => {
    expect(tenantUser(ODD)).toMatch(/^[a-z0-9_]+$/);
    expect(Buffer.from(tenantUser(ODD).slice('tenantry_tenant_'.length), 'hex').toString()).toBe(ODD);
  });
});

describe('a login', () => {
  /** A server that has these policies and writes down what it is told. */
  function serverWith(policies: readonly RowPolicyRow[] | Error) {
    const commands: string[] = [];
    const clickhouse = {
      command: async (sql: string) => void commands.push(sql),
      inspect: async <Row extends object>(sql: string): Promise<Row[]> => {
        if (!sql.includes('row_policies')) return store.clickhouse.inspect<Row>(sql);
        if (policies instanceof Error) throw policies;
        return policies as unknown as Row[];
      },
    };
    return { commands, access: new TenantAccess({ clickhouse, cluster: undefined, secret: SECRET }) };
  }
  const whole = () => listed(rowPolicyStatements(names(), ''));

  it('is made once for each tenant, with a password of its own that is always the same', async () => {
    const { access, commands } = serverWith(whole());
    const [acme, again, odd] = await Promise.all([access.login(ACME), access.login(ACME), access.login(ODD)]);
    expect(acme).toEqual(again);
    expect(odd.password).not.toBe(acme.password);
    expect(await serverWith(whole()).access.login(ACME)).toEqual(acme);
    expect(commands.filter((command) => command.startsWith('CREATE USER'))).toHaveLength(2);
    expect(commands.join()).not.toContain(acme.password);
  });

  it('is made again when it failed', async () => {
    const { access, commands } = serverWith(whole());
    const push = commands.push.bind(commands);
    commands.push = () => {
      commands.push = push;
      throw new Error('gone');
    };
    await expect(access.login(ACME)).rejects.toThrow('gone');
    expect(await access.login(ACME)).toMatchObject({ user: tenantUser(ACME) });
  });

  const without = (change: (policy: RowPolicyRow) => RowPolicyRow[]) => () => whole().flatMap(change);
  it.each<[string, () => readonly RowPolicyRow[] | Error]>([
    ['there is no policy', () => []],
    ['they cannot be read', () => new Error('denied')],
    ['one table has none', without((policy) => (policy.table === 'spans' ? [] : [policy]))],
    ['the restrictive one is gone', without((policy) => (policy.is_restrictive === 1 ? [] : [policy]))],
    ['it is permissive', without((policy) => [{ ...policy, is_restrictive: 0 }])],
    ['it lets everything through', without((policy) => [{ ...policy, select_filter: '1' }])],
    [
      'it asks for a setting',
      without((policy) => [{ ...policy, select_filter: "TenantId = getSetting('SQL_tenant')" }]),
    ],
  ])('is not given when %s', async (_what, policies) => {
    const { access, commands } = serverWith(policies());
    await expect(access.login(ACME)).rejects.toMatchObject({
      ...{ code: 'NOT_SUPPORTED_HERE', hint: expect.stringContaining('tenantry clickhouse access') },
    });
    expect(commands).toEqual([]);
  });
});
