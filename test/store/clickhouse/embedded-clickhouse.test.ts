/** The fences of the embedded engine, each tried by a question whose text went wrong. */
import { existsSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnalyticsQuery } from '../../../src/domain/analytics-query.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { segmentFor } from '../../support/clickhouse-segments.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

const ACME = 'acme' as TenantId;
const OF_ACME = { tenant: ACME } as const;
const EVERYBODY = 'across-tenants';
/** A file that no question may write. */
const PLANTED = join(tmpdir(), `tenantry-planted-${process.pid}`);

let store: TestClickHouse;
let clickhouse: EmbeddedClickHouse;
let outside: Server;
let calls = 0;

beforeAll(async () => {
  store = await startTestClickHouse({
    limits: { maxExecutionSeconds: 1, maxMemoryBytes: 256 * 1024 ** 2, maxResultRows: 1_000 },
  });
  ({ clickhouse } = store);
  await store.insert(segmentFor(['acme', 'bolt'], 5), 'both');
  outside = createServer((_request, response) => {
    calls += 1;
    response.end('1\n');
  }).listen(0, '127.0.0.1');
});
afterAll(async () => {
  outside.close();
  rmSync(PLANTED, { force: true });
  await store.stop();
});

function question(sql: string, scope: AnalyticsQuery['scope'], params: AnalyticsQuery['params'] = {}): AnalyticsQuery {
  return { question: 'of-the-test', sql: `SELECT {nonce:String} AS nonce, ${sql}`, params, scope };
}

describe('a question about one tenant whose text forgot to say so', () => {
  it.each([
    ['a table', 'TenantId AS tenant_id, count() AS n FROM spans GROUP BY TenantId', 10],
    ['a qualified table', 'TenantId AS tenant_id, count() AS n FROM tenantry.spans GROUP BY TenantId', 10],
    ['a view', 'TenantId AS tenant_id, count() AS n FROM otel_traces GROUP BY TenantId', 10],
    ['a subquery', "'acme' AS tenant_id, (SELECT count() FROM spans) AS n", 10],
    ['a set', "'acme' AS tenant_id, toUInt64('bolt' IN (SELECT TenantId FROM spans)) AS n", 0],
    [
      'a common table expression',
      "'acme' AS tenant_id, n FROM (WITH t AS (SELECT * FROM spans) SELECT count() AS n FROM t)",
      10,
    ],
    [
      'one branch of a union',
      "'acme' AS tenant_id, sum(n) AS n FROM (SELECT count() AS n FROM spans UNION ALL SELECT count() AS n FROM spans)",
      20,
    ],
    ['both sides of a join', "'acme' AS tenant_id, count() AS n FROM spans AS l CROSS JOIN spans AS r", 100],
    [
      'a dictionary-like lookup',
      "'acme' AS tenant_id, uniqExact(r.TenantId) AS n FROM numbers(1) AS l CROSS JOIN requests_by_minute AS r",
      1,
    ],
  ])('sees that tenant alone in %s', async (_where, sql, n) => {
    expect(await clickhouse.rows(question(sql, OF_ACME))).toEqual([{ tenant_id: 'acme', n }]);
  });

  it('sees that tenant alone in every table that has tenants', async () => {
    const tables = await clickhouse.inspect<{ table: string }>(
      "SELECT DISTINCT table FROM system.columns WHERE database = 'tenantry' AND name = 'TenantId' ORDER BY table",
    );
    expect(tables.length).toBeGreaterThan(10);
    const withBoth: string[] = [];
    for (const { table } of tables) {
      const sql = `TenantId AS tenant_id FROM ${table} GROUP BY TenantId ORDER BY TenantId`;
      const [all, own] = [
        await clickhouse.rows(question(sql, EVERYBODY)),
        await clickhouse.rows(question(sql, OF_ACME)),
      ];
      if (all.length === 2) withBoth.push(table);
      expect([table, own]).toEqual([table, all.length === 2 ? [{ tenant_id: 'acme' }] : []]);
    }
    expect(withBoth).toEqual(expect.arrayContaining(['spans', 'otel_traces', 'requests_by_minute', 'db_calls_by_day']));
  });

  it.each(["x' OR 1 = 1 --", "x\\' OR 1 = 1 --", "x','tenantry.spans':'1", '}', "'", '\\'])(
    'sees nobody for a tenant called %j',
    async (name) => {
      const query = question('TenantId AS tenant_id FROM spans', { tenant: name as TenantId });
      expect(await clickhouse.rows(query)).toEqual([]);
    },
  );
});

describe('a question cannot reach out of the tables', () => {
  const address = () => `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`;

  it.each<[string, () => string]>([
    ['read a file', () => "line FROM file('/etc/hostname', LineAsString, 'line String')"],
    ['fetch an address', () => `line FROM url('${address()}', LineAsString, 'line String')`],
    ['ask another server', () => "* FROM remote('127.0.0.1:9000', system.one)"],
    ['read an object store', () => `line FROM s3('${address()}bucket/x', LineAsString, 'line String')`],
    ['run a program', () => "* FROM executable('id', LineAsString, 'line String')"],
    ['lift its limits', () => '1 AS one SETTINGS max_execution_time = 0'],
    ['take readonly back', () => '1 AS one SETTINGS readonly = 0'],
  ])('to %s', async (_what, sql) => {
    for (const scope of [OF_ACME, EVERYBODY] as const) {
      await expect(clickhouse.rows(question(sql(), scope))).rejects.toMatchObject({ code: 'INTERNAL' });
    }
    expect(calls).toBe(0);
  });

  it('to lift its filter', async () => {
    const lifted = 'TenantId AS tenant_id FROM spans SETTINGS additional_table_filters = {}';
    await expect(clickhouse.rows(question(lifted, OF_ACME))).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it.each([
    "INSERT INTO schema_log (Kind, Number, Name, Sha256) SELECT 'view', 0, 'planted', {nonce:String} AS nonce",
    'INSERT INTO spans (TenantId) SELECT {nonce:String} AS nonce',
    `INSERT INTO FUNCTION file('${PLANTED}', TSV, 'a String') SELECT {nonce:String} AS nonce`,
  ])('to change anything: WITH 1 AS one %s', async (sql) => {
    for (const scope of [OF_ACME, EVERYBODY] as const) {
      const query: AnalyticsQuery = { question: 'planted', sql: `WITH 1 AS one ${sql}`, params: {}, scope };
      await expect(clickhouse.rows(query)).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringMatching(/error 164/),
      });
    }
    const [row] = await clickhouse.inspect<{ n: number }>('SELECT toUInt32(count()) AS n FROM tenantry.spans');
    expect(row).toEqual({ n: 20 });
    expect(await clickhouse.inspect("SELECT 1 FROM tenantry.schema_log WHERE Name = 'planted'")).toEqual([]);
    expect(existsSync(PLANTED)).toBe(false);
  });

  it.each([
    'CREATE TABLE planted ENGINE = Memory AS SELECT {nonce:String} AS nonce',
    'TRUNCATE TABLE spans /* {nonce:String} AS nonce */',
    'SYSTEM STOP MERGES /* {nonce:String} AS nonce */',
    'SET max_execution_time = 0 /* {nonce:String} AS nonce */',
    'EXPLAIN SELECT {nonce:String} AS nonce',
  ])('by being anything but a SELECT: %s', async (sql) => {
    const query: AnalyticsQuery = { question: 'planted', sql, params: {}, scope: EVERYBODY };
    await expect(clickhouse.rows(query)).rejects.toThrow('question planted is not a SELECT');
  });

  it.each([
    [`1 AS one INTO OUTFILE '${PLANTED}'`, /clause/],
    [`1 AS one into\n outfile '${PLANTED}'`, /clause/],
    ['1 AS one; DROP TABLE spans', /clause/],
    ['1 AS one FORMAT TSV', /clause/],
  ])('with a text like %j, which does not even get to the engine', async (sql, why) => {
    await expect(clickhouse.rows(question(sql, EVERYBODY))).rejects.toThrow(why);
    expect(existsSync(PLANTED)).toBe(false);
  });
});

describe('an answer', () => {
  it('to a text without a nonce is never asked for', async () => {
    const query: AnalyticsQuery = { question: 'bare', sql: 'SELECT 1 AS one', params: {}, scope: EVERYBODY };
    await expect(clickhouse.rows(query)).rejects.toThrow('does not select {nonce:String} AS nonce');
  });

  it('comes without its nonce, which no parameter can set', async () => {
    expect(await clickhouse.rows(question('1 AS one', EVERYBODY, { nonce: 'known' }))).toEqual([{ one: 1 }]);
  });

  it.each<[string, string, AnalyticsQuery['scope']]>([
    ['another nonce', "SELECT 'stale' AS nonce, 1 AS one /* {nonce:String} AS nonce */", EVERYBODY],
    ['no nonce', 'SELECT 1 AS one /* {nonce:String} AS nonce */', EVERYBODY],
    ['another tenant', "SELECT {nonce:String} AS nonce, 'bolt' AS tenant_id", OF_ACME],
    ['the tenant in another case', "SELECT {nonce:String} AS nonce, 'Acme' AS tenant_id", OF_ACME],
    ['no tenant', 'SELECT {nonce:String} AS nonce, 1 AS one', OF_ACME],
    [
      'one foreign row among its own',
      "SELECT {nonce:String} AS nonce, if(number = 500, 'bolt', 'acme') AS tenant_id FROM numbers(900)",
      OF_ACME,
    ],
  ])('with %s is refused whole, and the error names nobody', async (_what, sql, scope) => {
    const refused: unknown = await clickhouse
      .rows({ question: 'mixed', sql, params: {}, scope })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'TENANT_MIXUP' });
    expect(String(refused)).not.toMatch(/bolt|stale/);
  });
});

describe('limits', () => {
  it.each([
    ['takes too long', 'sleepEachRow(0.1) FROM numbers(100)', 'QUERY_TIMEOUT'],
    ['gives too many rows', 'number FROM numbers(1001)', 'QUERY_TOO_HEAVY'],
    // All of it at once: where the machine is busy, what grows may reach the limit of time before.
    ['takes too much memory', 'length(range(materialize(toUInt64(400000000)))) AS n', 'QUERY_TOO_HEAVY'],
  ])('end a question that %s', async (_what, sql, code) => {
    for (const scope of [OF_ACME, EVERYBODY] as const) {
      await expect(clickhouse.rows(question(`'acme' AS tenant_id, ${sql}`, scope))).rejects.toMatchObject({ code });
    }
  });
});

it('after closing no question opens the engine again', async () => {
  // On the same folder: a second engine in this process is impossible, and this one stays open for the other tests.
  const second = new EmbeddedClickHouse({ path: join(store.folder, 'db') });
  const own = question('TenantId AS tenant_id FROM spans LIMIT 1', OF_ACME);
  expect(await second.rows(own)).toEqual([{ tenant_id: 'acme' }]);
  await second.close();
  for (const scope of [OF_ACME, EVERYBODY] as const) {
    await expect(second.rows({ ...own, scope })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }
});
