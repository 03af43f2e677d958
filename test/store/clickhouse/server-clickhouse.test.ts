/** The client's side of CLICKHOUSE_URL against the real engine behind a stand-in of its HTTP interface. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Figures } from '../../../src/aggregate/figures.ts';
import { readMetricSeries } from '../../../src/aggregate/metric-series-reader.ts';
import { METRICS, type MetricName } from '../../../src/aggregate/metrics.ts';
import type { AnalyticsQuery } from '../../../src/domain/analytics-query.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { HOUR_MS, MINUTE_MS } from '../../../src/domain/window.ts';
import { migrateClickHouse } from '../../../src/store/clickhouse/migrate.ts';
import { ServerClickHouse } from '../../../src/store/clickhouse/server-clickhouse.ts';
import { REQUESTS_AT, segmentFor } from '../../support/clickhouse-segments.ts';
import { type ClickHouseServer, type ServerStore, startServerStore } from '../../support/clickhouse-server.ts';
import { startTestClickHouse, TEST_DDL, TEST_VIEWS } from '../../support/embedded-clickhouse.ts';
import { testCosts } from '../../support/price-books.ts';

const LIMITS = { maxExecutionSeconds: 1, maxMemoryBytes: 256 * 1024 ** 2, maxResultRows: 1_000 };
const ACME = 'acme' as TenantId;

let store: ServerStore;
let server: ClickHouseServer;
let clickhouse: ServerClickHouse;

beforeAll(async () => {
  store = await startServerStore({ limits: LIMITS });
  ({ server, clickhouse } = store);
});
afterAll(() => store.stop());

function question(sql: string, scope: AnalyticsQuery['scope'], params: AnalyticsQuery['params'] = {}): AnalyticsQuery {
  return { question: 'of-the-test', sql: `SELECT {nonce:String} AS nonce, ${sql}`, params, scope };
}

describe('schema', () => {
  it('is there after the first migration, and the second finds nothing to do', async () => {
    expect(await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL)).toEqual({ migrations: [], views: [] });
    const tables = await clickhouse.inspect<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = 'tenantry'",
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['spans', 'otlp_landing', 'requests_by_minute', ...TEST_VIEWS.map(({ name }) => name)]),
    );
  });

  it('does not depend on a database in the address', async () => {
    const other = new ServerClickHouse({ url: `${server.url}/system` });
    await other.prepare();
    expect(await other.inspect('SELECT currentDatabase() AS name')).toEqual([{ name: 'tenantry' }]);
    await other.close();
  });
});

describe('a question', () => {
  beforeAll(async () => {
    await store.insert(segmentFor(['acme', 'bolt'], 5), 'questions');
  });

  it('takes its parameters as they are', async () => {
    const text = 'it\'s "all" \\ \n\t {x:String} %s \u{1F600}';
    const query = question(
      '{text:String} AS text, {list:Array(String)} AS list, {numbers:Array(UInt32)} AS numbers, {ratio:Float64} AS ratio, {big:UInt64} AS big',
      'across-tenants',
      { text, list: [text, ''], numbers: [1, 2], ratio: 0.25, big: 12_345_678_901 },
    );
    expect(await clickhouse.rows(query)).toEqual([
      { text, list: [text, ''], numbers: [1, 2], ratio: 0.25, big: 12_345_678_901 },
    ]);
  });

  it('about one tenant sees that tenant alone, even if its text forgot to say so', async () => {
    const all = 'TenantId AS tenant_id, toUInt32(count()) AS spans FROM spans GROUP BY TenantId';
    expect(await clickhouse.rows(question(all, 'across-tenants'))).toHaveLength(2);
    expect(await clickhouse.rows(question(all, { tenant: ACME }))).toEqual([{ tenant_id: 'acme', spans: 10 }]);
    const joined = `'acme' AS tenant_id, toUInt32(count()) AS pairs, groupUniqArray(r.TenantId) AS tenants
      FROM spans AS l CROSS JOIN (SELECT TenantId FROM otel_traces) AS r`;
    expect(await clickhouse.rows(question(joined, { tenant: ACME }))).toEqual([
      { tenant_id: 'acme', pairs: 100, tenants: ['acme'] },
    ]);
  });

  it.each(["x' OR 1 = 1 --", "x\\' OR 1 = 1 --", "x','tenantry.spans':'1", '}', "'", '\\'])(
    'about a tenant called %j sees nobody',
    async (name) => {
      const query = question('TenantId AS tenant_id FROM spans', { tenant: name as TenantId });
      expect(await clickhouse.rows(query)).toEqual([]);
    },
  );

  it('that answers with a row of another tenant is refused whole', async () => {
    const rows = clickhouse.rows(question("arrayJoin(['acme', 'bolt']) AS tenant_id", { tenant: ACME }));
    await expect(rows).rejects.toMatchObject({ code: 'TENANT_MIXUP' });
  });

  it.each([
    ['takes too long', 'sleepEachRow(0.1) FROM numbers(100) SETTINGS max_block_size = 1', 'QUERY_TIMEOUT'],
    ['gives too many rows', 'number FROM numbers(1001)', 'QUERY_TOO_HEAVY'],
    ['takes too much memory', 'length(groupArray(toString(number))) AS n FROM numbers(100000000)', 'QUERY_TOO_HEAVY'],
    [
      'fails after its first rows',
      "toUInt8(if(number < 900, '1', 'x')) AS n FROM numbers(1000) SETTINGS max_block_size = 10",
      'INTERNAL',
    ],
  ])('that %s fails as that, without SQL in its words', async (_what, sql, code) => {
    const error: unknown = await clickhouse.rows(question(sql, 'across-tenants')).then(
      (rows) => ({ rows: rows.length }),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toMatch(/SELECT|numbers/);
    expect(await clickhouse.rows(question('1 AS one', 'across-tenants'))).toEqual([{ one: 1 }]);
  });

  it.each([
    "INSERT INTO schema_log (Kind, Number, Name, Sha256) SELECT 'view', 0, 'planted', {nonce:String} AS nonce",
    'INSERT INTO spans (TenantId) SELECT {nonce:String} AS nonce',
  ])('cannot change anything: WITH 1 AS one %s', async (sql) => {
    const before = await store.countOf('spans', '1');
    const query: AnalyticsQuery = {
      question: 'planted',
      sql: `WITH 1 AS one ${sql}`,
      params: {},
      scope: 'across-tenants',
    };
    const refused = { code: 'INTERNAL', message: expect.stringMatching(/error 164/) };
    await expect(clickhouse.rows(query)).rejects.toMatchObject(refused);
    expect(await store.countOf('spans', '1')).toBe(before);
    expect(await store.countOf('schema_log', "Name = 'planted'")).toBe(0);
  });

  it('is a SELECT or is not asked', async () => {
    const sql = 'TRUNCATE TABLE spans /* {nonce:String} AS nonce */';
    const query: AnalyticsQuery = { question: 'planted', sql, params: {}, scope: 'across-tenants' };
    await expect(clickhouse.rows(query)).rejects.toThrow('question planted is not a SELECT');
  });

  it('is given up when its caller is gone, with the reason of the caller', async () => {
    const early = AbortSignal.abort(new Error('the browser went away'));
    const given = (sql: string, signal: AbortSignal) =>
      clickhouse.rows(question(sql, 'across-tenants'), { signal }).catch((error: unknown) => error);
    expect(await given('1 AS one', early)).toBe(early.reason);
    const inFlight = AbortSignal.timeout(200);
    expect(await given('sleep(0.9) AS slept', inFlight)).toBe(inFlight.reason);
    const inLine = new AbortController();
    const waiting = given('sleep(0.9) AS slept', inLine.signal);
    inLine.abort(new Error('gone before its turn'));
    expect(await waiting).toBe(inLine.signal.reason);
    expect(await clickhouse.rows(question('1 AS one', 'across-tenants'))).toEqual([{ one: 1 }]);
  });
});

describe('the same questions', () => {
  it('have the same answers as from the embedded engine', async () => {
    const embedded = await startTestClickHouse();
    const segment = segmentFor(['same-1', 'same-2', 'same-3'], 40);
    await embedded.insert(segment, 'same');
    await store.insert(segment, 'same');
    const window = { from: REQUESTS_AT - HOUR_MS, to: REQUESTS_AT + MINUTE_MS };
    const [both] = [[embedded.clickhouse, clickhouse]];
    for (const onlyTenant of [undefined, 'same-2' as TenantId]) {
      const [expected, answer] = await Promise.all(
        both.map(async (store) => {
          const figures = new Figures(store, testCosts(store));
          const { items } = await figures.tenants({
            window,
            sort: 'requests',
            order: 'desc',
            search: 'same',
            limit: 10,
            offset: 0,
            onlyTenant,
          });
          return items;
        }),
      );
      expect(expected?.length).toBe(onlyTenant === undefined ? 3 : 1);
      expect(expected?.[0]).toMatchObject({ requests: 40, db_calls: 40 });
      expect(answer).toEqual(expected);
    }
    for (const metric of Object.keys(METRICS) as MetricName[]) {
      const ask = (store: (typeof both)[number]) =>
        readMetricSeries(
          store,
          { tenantId: 'same-1' as TenantId, metric, window, stepSeconds: 60, groupBy: undefined },
          Date.now(),
        );
      const [expected, answer] = await Promise.all(both.map(ask));
      expect(answer).toEqual(expected);
    }
    await embedded.stop();
  }, 60_000);
});

describe('a server that cannot be reached', () => {
  it('is said to be away, and is used as soon as it is there', async () => {
    const late = new ServerClickHouse({ url: server.url });
    const own = () => late.rows(question('TenantId AS tenant_id FROM spans LIMIT 1', { tenant: ACME }));
    await server.kill();
    await expect(late.prepare()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(own()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(late.inspect('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.restart();
    expect(await own()).toEqual([{ tenant_id: 'acme' }]);
    await late.close();
  }, 30_000);

  it('with another password says so, without it', async () => {
    const stranger = new ServerClickHouse({ url: server.url.replace(/:[^:@]+@/, ':wrong-secret@') });
    const refused: unknown = await stranger.prepare().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE', hint: expect.stringContaining('CLICKHOUSE_URL') });
    expect(String(refused)).not.toContain('wrong-secret');
    await stranger.close();
  });
});
