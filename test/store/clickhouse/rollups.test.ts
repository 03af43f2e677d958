import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { type AttributeInput, otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const SERVER = 2;
const CLIENT = 3;
/** A minute that is surely over, so that no test straddles a boundary. */
const MINUTE = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;

let store: TestClickHouse;
let tokens = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

async function insert(spans: Parameters<typeof otlpSpan>[0][], token?: string): Promise<Buffer> {
  tokens += 1;
  const segment = segmentOf([otlpRequest(spans.map(otlpSpan))], { receivedAt: Date.now() });
  await store.insert(segment, token ?? `rollups-${tokens}`);
  return segment;
}

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return store.clickhouse.inspect(sql);
}

describe('requests', () => {
  const durations = Array.from({ length: 1_000 }, (_, index) => Math.exp(((index * 7_919) % 1_000) / 160));

  beforeAll(async () => {
    await insert(
      durations.map((durationMs, index) => ({
        kind: SERVER,
        start: MINUTE + (index % 59) * 1_000,
        durationMs,
        attributes: {
          tenant_id: 'requests',
          'http.request.method': 'GET',
          'http.route': index % 2 === 0 ? '/even' : '/odd',
          'http.response.status_code': index % 100 === 0 ? 503 : 200,
          'http.request.body.size': 10,
          'http.response.body.size': 1_000,
        },
      })),
    );
  });

  it.each(['minute', 'hour', 'day'])('counts exactly by %s', async (level) => {
    const found = await rows(
      `SELECT Route, sum(Requests) AS n, sum(Errors) AS errors, sum(RequestBytes) AS got, sum(ResponseBytes) AS sent
       FROM tenantry.requests_by_${level} WHERE TenantId = 'requests' GROUP BY Route ORDER BY Route`,
    );
    expect(found).toEqual([
      { Route: 'GET /even', n: 500, errors: 10, got: 5_000, sent: 500_000 },
      { Route: 'GET /odd', n: 500, errors: 0, got: 5_000, sent: 500_000 },
    ]);
  });

  it.each(['minute', 'hour', 'day'])('has percentiles within 1 %% by %s, also merged over routes', async (level) => {
    const [found] = await rows(
      `SELECT quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency) AS q FROM tenantry.requests_by_${level} WHERE TenantId = 'requests'`,
    );
    const sorted = durations.toSorted((left, right) => left - right);
    const exact = [0.5, 0.95, 0.99].map((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
    const got = found?.['q'] as number[];
    expect(got).toHaveLength(3);
    for (const [index, value] of exact.entries()) expect(Math.abs((got[index] ?? 0) / value - 1)).toBeLessThan(0.01);
  });

  it('names a request without a route by its span name, and counts only server spans', async () => {
    await insert([
      { name: 'rpc Call', kind: SERVER, start: MINUTE, attributes: { tenant_id: 'unrouted' } },
      { name: 'inner', kind: 1, start: MINUTE, attributes: { tenant_id: 'unrouted', 'http.route': '/x' } },
    ]);
    expect(
      await rows(
        "SELECT Route, sum(Requests) AS n FROM tenantry.requests_by_minute WHERE TenantId = 'unrouted' GROUP BY Route",
      ),
    ).toEqual([{ Route: 'rpc Call', n: 1 }]);
  });
});

describe('database calls and cache lookups', () => {
  it('counts calls, time, errors and slow calls by system and operation, old and new names alike', async () => {
    const call = (attributes: AttributeInput, durationMs = 10) => ({
      kind: CLIENT,
      start: MINUTE,
      durationMs,
      attributes: { tenant_id: 'db', ...attributes },
    });
    await insert([
      call({ 'db.system.name': 'postgresql', 'db.operation.name': 'select' }),
      call({ 'db.system': 'postgresql', 'db.statement': '  SELECT * FROM t' }, 200),
      call({ 'db.system.name': 'postgresql', 'db.query.summary': 'INSERT items' }, 199),
      call({ 'db.system.name': 'redis', 'db.operation': 'GET' }),
      { name: 'pg-pool.connect', ...call({ 'db.system.name': 'postgresql' }) },
      { kind: 1, start: MINUTE, attributes: { tenant_id: 'db', 'db.system.name': 'postgresql' } },
    ]);
    expect(
      await rows(
        `SELECT DbSystem, DbOperation, sum(Calls) AS calls, sum(SlowCalls) AS slow, sum(DurationNs) / 1e6 AS ms
         FROM tenantry.db_calls_by_day WHERE TenantId = 'db' GROUP BY ALL ORDER BY ALL`,
      ),
    ).toEqual([
      { DbSystem: 'postgresql', DbOperation: 'INSERT', calls: 1, slow: 0, ms: 199 },
      { DbSystem: 'postgresql', DbOperation: 'SELECT', calls: 2, slow: 1, ms: 210 },
      { DbSystem: 'redis', DbOperation: 'GET', calls: 1, slow: 0, ms: 10 },
    ]);
  });

  it('adds up cache hits and misses', async () => {
    const lookups = (hits: number, misses: number) => ({
      kind: SERVER,
      start: MINUTE,
      attributes: { tenant_id: 'cache', 'tenantry.cache.hits': hits, 'tenantry.cache.misses': misses },
    });
    await insert([lookups(3, 1), lookups(0, 2), lookups(0, 0)]);
    expect(
      await rows(
        "SELECT sum(Hits) AS hits, sum(Misses) AS misses FROM tenantry.cache_lookups_by_hour WHERE TenantId = 'cache'",
      ),
    ).toEqual([{ hits: 3, misses: 3 }]);
  });
});

describe('exactly once', () => {
  /** What asks for every sum of a rollup, by its table. */
  const questions = new Map<string, string>();
  let undisturbed: Record<string, unknown>;

  beforeAll(async () => {
    // Those that spans fill; what comes of metrics, events and storage is shown elsewhere.
    const tables = await rows(
      `SELECT table, arrayStringConcat(groupArrayIf(concat('sum(', name, ') AS ', name), type LIKE 'SimpleAggregateFunction(sum%'), ', ') AS list
       FROM system.columns WHERE database = 'tenantry'
       AND match(table, '^(activity|ai_usage|cache_lookups|db_calls|db_queries|requests|spans)_by_[a-z_]+$')
       AND table NOT LIKE '%_view' GROUP BY table HAVING countIf(name = 'TenantId') = 1 ORDER BY table`,
    );
    for (const { table, list } of tables) questions.set(String(table), String(list));
    expect(questions.size).toBe(18);
    await insert(spansFor('undisturbed'));
    undisturbed = await sums('undisturbed');
  });

  /** Every sum of every rollup of a tenant, and the number of its spans. */
  async function sums(tenant: string): Promise<Record<string, unknown>> {
    const all: Record<string, unknown> = {};
    for (const [table, list] of questions) {
      [all[table]] = await rows(`SELECT ${list} FROM tenantry.${table} WHERE TenantId = '${tenant}'`);
    }
    [all['spans']] = await rows(`SELECT count() AS n FROM tenantry.spans WHERE TenantId = '${tenant}'`);
    return all;
  }

  /** A request, a database call and a model call: something for every rollup. */
  function spansFor(tenant_id: string): Parameters<typeof otlpSpan>[0][] {
    const attributes = {
      tenant_id,
      'http.route': '/r',
      'tenantry.cache.hits': 1,
      'gen_ai.operation.name': 'chat',
      'gen_ai.usage.input_tokens': 5,
      'tenantry.ai.search_units': 2,
      'tenantry.integration': 'stripe',
      'tenantry.integration.outcome': 'error',
      'db.response.returned_rows': 3,
    };
    return [
      { kind: SERVER, start: MINUTE, attributes },
      { kind: CLIENT, start: MINUTE, attributes: { ...attributes, 'db.system': 'pg' } },
    ];
  }

  it('takes a segment again without counting anything twice, on no level', async () => {
    const segment = await insert(spansFor('twice'), 'the-same');
    const once = await sums('twice');
    expect(once['spans']).toEqual({ n: 2 });
    await store.insert(segment, 'the-same');
    expect(await sums('twice')).toEqual(once);
    await store.insert(segment, 'another-token');
    expect((await sums('twice'))['spans']).toEqual({ n: 4 });
  });

  const dying = [
    'spans',
    'requests_by_minute',
    'ai_usage_by_hour',
    'db_calls_by_minute',
    'spans_by_minute',
    'db_queries_by_hour',
    'span_landing',
  ];
  it.each(dying)('completes what is missing, and only that, when the first attempt died after %s', async (table) => {
    const tenant = `died-after-${table.replaceAll('_', '-')}`;
    // A view that fails stands for a process that dies there: what was written before it stays.
    for (const name of ['aa_dies', 'zz_dies']) {
      await store.clickhouse.command(
        `CREATE MATERIALIZED VIEW tenantry.${name} TO tenantry.spans_set_aside AS
         SELECT TenantId, throwIf(TenantId = '${tenant}', 'died here')::String AS Reason FROM tenantry.${table}`,
      );
      await expect(insert(spansFor(tenant), tenant)).rejects.toThrow();
      await store.clickhouse.command(`DROP VIEW tenantry.${name} SYNC`);
    }
    await insert(spansFor(tenant), tenant);
    expect(await sums(tenant)).toEqual(undisturbed);
  });
});

describe('the share of spans with a tenant', () => {
  it('comes from the unknown tenant by service', async () => {
    await insert([{ start: MINUTE }, { start: MINUTE, attributes: { tenant_id: 'known' } }]);
    const [found] = await rows(
      "SELECT countIf(TenantId = '(unknown)') > 0 AS unknown, countIf(TenantId = 'known') > 0 AS known FROM tenantry.spans_by_minute",
    );
    expect(found).toEqual({ unknown: 1, known: 1 });
  });
});
