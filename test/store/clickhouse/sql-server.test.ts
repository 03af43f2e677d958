/**
 * Statements of people on a server: what is sent, as whom, and what comes back. The server is the real engine behind a
 * stand-in of its HTTP interface, which knows one user; what row policies and profiles do there is not shown by this.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SqlEngine, SqlRun } from '../../../src/domain/sql.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { TenantAccess } from '../../../src/store/clickhouse/access.ts';
import { viewStatements } from '../../../src/store/clickhouse/access-views.ts';
import { ROW_POLICIES_QUERY, tenantUser } from '../../../src/store/clickhouse/row-policies.ts';
import { STAFF_LIMITS } from '../../../src/store/clickhouse/sql-limits.ts';
import { type ServerSql, staffOnServer } from '../../../src/store/clickhouse/sql-server.ts';
import { TenantSql } from '../../../src/store/clickhouse/sql-tenant.ts';
import { tenantDataTables } from '../../../src/store/clickhouse/tenant-data.ts';
import { segmentFor } from '../../support/clickhouse-segments.ts';
import { type ServerStore, startServerStore } from '../../support/clickhouse-server.ts';
import { REACHING_OUT } from '../../support/sql-payloads.ts';
import { FOREIGN_TABLES, NOT_READING } from '../../support/sql-payloads-reading.ts';
import { type RecordingProxy, startRecordingProxy } from '../../support/sql-recording-proxy.ts';
import { GOOD_STATEMENTS } from '../../support/sql-statements.ts';

const ACME = 'acme' as TenantId;
const NOBODY_GIVES_UP = new AbortController().signal;

let store: ServerStore;
let proxy: RecordingProxy;
let staff: ServerSql;
let tenant: SqlEngine;
const killed: string[] = [];

beforeAll(async () => {
  store = await startServerStore();
  await store.insert(segmentFor(['acme', 'bolt'], 5), 'sql');
  for (const statement of viewStatements('')) {
    await store.clickhouse.command(statement.replaceAll('currentUser()', `'${tenantUser(ACME)}'`));
  }
  proxy = await startRecordingProxy(store.server.url);
  const { clickhouse } = store;
  const url = proxy.url.replace('//', '//service:its-password@');
  const kill = async (queryId: string) => killed.push(queryId);
  staff = staffOnServer({ url, kill, clickhouse });
  tenant = new TenantSql({ url, kill, clickhouse, access: accessThatIsSetUp() }).engineOf(ACME);
});
afterAll(async () => {
  await staff.close();
  await proxy.stop();
  await store.stop();
});
beforeEach(() => {
  proxy.seen.length = 0;
  proxy.instead = undefined;
  killed.length = 0;
});

/** Users and policies cannot be had from the stand-in: it is told nothing and taken to have them. */
function accessThatIsSetUp(): TenantAccess {
  const inspect = async <Row extends object>(sql: string): Promise<Row[]> => {
    if (sql !== ROW_POLICIES_QUERY) return store.clickhouse.inspect<Row>(sql);
    const filter = "TenantId = unhex(substring(currentUser(), 17)) AND startsWith(currentUser(), 'tenantry_tenant_')";
    const tables = await tenantDataTables(store.clickhouse);
    return tables.flatMap(({ table }) => [
      { short_name: 'tenantry_own_rows', table, is_restrictive: 0, select_filter: filter },
      { short_name: 'tenantry_own_rows_only', table, is_restrictive: 1, select_filter: filter },
    ]) as unknown as Row[];
  };
  const secret = new Uint8Array(32).fill(1);
  return new TenantAccess({ clickhouse: { command: async () => undefined, inspect }, cluster: undefined, secret });
}

const runOf = (sql: string, changes: Partial<SqlRun> = {}): SqlRun => ({
  ...{ sql, params: {}, maxRows: 100, signal: NOBODY_GIVES_UP, ...changes },
});

describe('staff', () => {
  it('ask as the user of the service, with readonly and limits beside each statement', async () => {
    const params = { text: "'); DROP TABLE spans --", list: ['a', "b'"] };
    const answer = await staff.run(runOf('SELECT {text:String}, {list:Array(String)}, count() FROM spans', { params }));
    expect(answer).toMatchObject({ rows: [[params.text, params.list, '20']], truncated: false });
    expect(proxy.seen).toHaveLength(2);
    for (const { user, password, parameters } of proxy.seen) {
      expect([user, password]).toEqual(['service', 'its-password']);
      expect(parameters).toMatchObject({
        ...{ readonly: '1', max_execution_time: '10', max_memory_usage: String(STAFF_LIMITS.memoryBytes) },
        ...{ limit: '10001', allow_ddl: '0', wait_end_of_query: '1', database: 'tenantry' },
        ...{ cancel_http_readonly_queries_on_client_close: '1', query_id: expect.stringMatching(/^tenantry-sql-/) },
        additional_table_filters: expect.stringContaining("NOT startsWith(TenantId, \\'(self-check:\\')"),
      });
    }
    expect(proxy.seen.map(({ sql }) => sql.split(' ')[0])).toEqual(['EXPLAIN', 'SELECT']);
  });

  it.each(GOOD_STATEMENTS)('are answered: %s', async (sql) => {
    expect((await staff.run(runOf(sql))).rows.length).toBeGreaterThan(0);
  });

  it('get nothing that the embedded engine would refuse', async () => {
    const answered: string[] = [];
    for (const sql of [...REACHING_OUT, ...NOT_READING, ...FOREIGN_TABLES]) {
      const params = sql.includes('{p:') ? { p: 'x' } : sql.includes('Identifier') ? { t: 'spans' } : {};
      const code = await staff.run(runOf(sql, { params })).then(
        () => 'answered',
        (error: { code?: string }) => error.code,
      );
      if (code !== 'SQL_REFUSED') answered.push(`${sql}: ${code}`);
    }
    expect(answered).toEqual([]);
    expect(proxy.seen.filter(({ sql }) => !sql.startsWith('EXPLAIN AST '))).toEqual([]);
  });

  it('whose statement fails in the middle are told so, and shown no row', async () => {
    const failing = runOf("SELECT toUInt8(if(number < 900, '1', 'x')) FROM numbers(1000)");
    await expect(staff.run(failing)).rejects.toMatchObject({ code: 'SQL_REFUSED' });
    expect((await staff.run(runOf("SELECT 'own'"))).rows).toEqual([['own']]);
  });

  it('who leave end their statement on the server', async () => {
    const leaving = new AbortController();
    proxy.instead = ({ sql }) => {
      if (!sql.startsWith('SELECT')) return false;
      leaving.abort(new Error('gone'));
      return true;
    };
    const answer = staff.run(runOf('SELECT 1', { signal: leaving.signal }));
    await expect(answer).rejects.toThrow('gone');
    expect(killed).toEqual([proxy.seen.at(-1)?.parameters['query_id']]);
  });

  it('are not fed an answer without end', async () => {
    proxy.instead = ({ sql }, response) => {
      if (!sql.startsWith('SELECT')) return false;
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1024 ** 2, ' ')));
      };
      response.on('drain', more);
      more();
      return true;
    };
    await expect(staff.run(runOf('SELECT 1'))).rejects.toMatchObject({ code: 'QUERY_TOO_HEAVY' });
  });

  it('are told that the server is away, not where it was', async () => {
    const away = staffOnServer({
      url: 'http://service:its-password@127.0.0.1:1',
      kill: async () => undefined,
      clickhouse: store.clickhouse,
    });
    const error: unknown = await away.run(runOf('SELECT 1')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/127\.0\.0\.1|its-password/);
    await away.close();
  });
});

describe('a tenant', () => {
  it('asks as its own user, who is sent no setting at all', async () => {
    const answer = await tenant.run(runOf('SELECT TenantId, count() FROM spans GROUP BY TenantId'));
    // The profile of a tenant's user says how numbers are written; the stand-in has none.
    expect(answer.rows).toEqual([['acme', 10]]);
    const { password } = await accessThatIsSetUp().login(ACME);
    for (const seen of proxy.seen) {
      expect([seen.user, seen.password]).toEqual([tenantUser(ACME), password]);
      expect(Object.keys(seen.parameters).toSorted()).toEqual([
        'database',
        'default_format',
        'query_id',
        'wait_end_of_query',
      ]);
      expect(seen.parameters['database']).toBe('tenantry_sql');
    }
    expect(proxy.seen).toHaveLength(2);
  });

  it('sees its views, and no table behind them', async () => {
    const names = (await tenant.tables()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['spans', 'requests_by_hour', 'ai_usage_by_day']));
    const columns = (await tenant.tables()).find(({ name }) => name === 'spans')?.columns.map(({ name }) => name);
    expect(columns).toEqual(expect.arrayContaining(['TraceIdHex', 'Route']));
    for (const table of [
      'tenantry.spans',
      'otel_traces',
      'system.columns',
      'system.tables',
      'system.parts',
      'usage_events',
    ]) {
      await expect(tenant.run(runOf(`SELECT * FROM ${table}`))).rejects.toMatchObject({ code: 'SQL_REFUSED' });
      await expect(tenant.run(runOf(`SELECT 1 IN ${table}`))).rejects.toMatchObject({ code: 'SQL_REFUSED' });
    }
  });
});
