import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { type AttributeInput, otlpRequest, otlpSpan, type SpanInput, segmentOf } from '../../support/spans.ts';

const HOUR = 3_600_000;
/** An hour that is surely over. */
const AT = Math.floor(Date.now() / HOUR) * HOUR - 2 * HOUR;
let store: TestClickHouse;
let inserts = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

const statement = (text: string, system = 'postgresql'): AttributeInput => ({
  'db.system.name': system,
  'db.query.text': text,
});

async function insert(spans: readonly SpanInput[], token?: string): Promise<Buffer> {
  inserts += 1;
  const segment = segmentOf([otlpRequest(spans.map(otlpSpan))], { receivedAt: Date.now() });
  await store.insert(segment, token ?? `db-queries-${inserts}`);
  return segment;
}

async function insertCalls(tenant: string, calls: readonly AttributeInput[], durationMs = 10): Promise<void> {
  await insert(
    calls.map((attributes, index) => ({
      kind: 3,
      start: AT + index,
      durationMs,
      attributes: { tenant_id: tenant, ...attributes },
    })),
  );
}

interface QueryRow {
  query: string;
  calls: number;
}

async function queriesOf(tenant: string, level = 'hour'): Promise<QueryRow[]> {
  return store.clickhouse.inspect<QueryRow>(
    `SELECT any(Query) AS query, sum(Calls) AS calls FROM tenantry.db_queries_by_${level}
     WHERE TenantId = '${tenant}' GROUP BY QueryHash, ServiceName, DbSystem ORDER BY query`,
  );
}

/** What is kept of each of these calls, in their order; one insert for all. */
async function madeAlike(calls: readonly AttributeInput[]): Promise<string[]> {
  inserts += 1;
  const prefix = `alike-${inserts}`;
  await insert(
    calls.map((attributes, index) => ({
      kind: 3,
      start: AT,
      attributes: { tenant_id: `${prefix}-${index}`, ...attributes },
    })),
  );
  const rows = await store.clickhouse.inspect<{ tenant: string; query: string }>(
    `SELECT TenantId AS tenant, Query AS query FROM tenantry.db_queries_by_hour WHERE startsWith(TenantId, '${prefix}-')`,
  );
  expect(rows).toHaveLength(calls.length);
  const byTenant = new Map(rows.map(({ tenant, query }) => [tenant, query]));
  return calls.map((_, index) => byTenant.get(`${prefix}-${index}`) ?? 'nothing');
}

describe('what a call asked for', () => {
  const CALLS: [string, AttributeInput, string][] = [
    ['a statement', statement('SELECT * FROM orders WHERE id = 42'), 'SELECT * FROM orders WHERE id = ?'],
    [
      'parameters',
      statement('SELECT a FROM t WHERE b = $1 AND c IN ($2, $3)'),
      'SELECT a FROM t WHERE b = ? AND c IN (?..)',
    ],
    ['a list of any length', statement("DELETE FROM t WHERE id IN (1,2, 3,'x')"), 'DELETE FROM t WHERE id IN (?..)'],
    ['many rows', statement("INSERT INTO t (a,b) VALUES (1,'x'), (2,'y')"), 'INSERT INTO t (a,b) VALUES (?..)'],
    ['rows of parameters', statement('INSERT INTO t VALUES ($1,$2),($3,$4)'), 'INSERT INTO t VALUES (?..)'],
    ['white space', statement('SELECT  1\n  FROM t'), 'SELECT ? FROM t'],
    ['names with dates', statement('SELECT 1 FROM orders_2024_11'), 'SELECT ? FROM `?`'],
    ['quoted names', statement('SELECT "Name" FROM "Users"'), 'SELECT "Name" FROM "Users"'],
    ['the old name', { 'db.system': 'mysql', 'db.statement': 'SELECT 1 FROM `t`' }, 'SELECT ? FROM `t`'],
    ['a summary first', { ...statement('SELECT 1'), 'db.query.summary': 'SELECT orders' }, 'SELECT orders'],
    [
      'no text',
      { 'db.system.name': 'mongodb', 'db.operation.name': 'find', 'db.collection.name': 'users' },
      'FIND users',
    ],
    ['nothing at all', { 'db.system.name': 'postgresql' }, '(no text)'],
  ];
  let kept: string[] = [];
  beforeAll(async () => {
    kept = await madeAlike(CALLS.map(([, attributes]) => attributes));
  });

  it.each(CALLS.map(([what, , expected], index) => [what, expected, index] as const))(
    'is told by %s',
    (_what, expected, index) => {
      expect(kept[index]).toBe(expected);
    },
  );

  it('is at most 300 characters of a statement of any length', async () => {
    const [query] = await madeAlike([statement(`SELECT ${'column_name, '.repeat(50_000)} 1 FROM t`)]);
    expect(query).toHaveLength(300);
  });
});

describe('values', () => {
  const SECRET = 'secretvalue';
  /** Every way to write a value, in every dialect, closed and cut off. `S` is the value. */
  const HIDDEN: [string, string, string?][] = [
    ['a literal', "SELECT * FROM t WHERE a = 'S'"],
    ['a doubled quote', "SELECT * FROM t WHERE a = 'it''s S'"],
    ['an escaped quote', "SELECT * FROM t WHERE a = E'it\\'s S' AND b = 'S'"],
    ['a backslash before the end', "SELECT * FROM t WHERE a = '\\' AND b = 'S'"],
    ['a literal that was cut off', "SELECT * FROM t WHERE a = 'it is S"],
    ['a dollar quote', 'SELECT * FROM t WHERE a = $$S$$ AND b = 1'],
    ['a tagged dollar quote', "SELECT * FROM t WHERE a = $tag$it's S$tag$ AND b = 1"],
    ['a dollar quote that was cut off', 'SELECT * FROM t WHERE a = $$S and more'],
    ['a tagged one that was cut off', 'SELECT * FROM t WHERE a = $tag$S and more'],
    ['a comment', "SELECT /* user='S' */ a FROM t -- S"],
    ['a comment within a comment', 'SELECT a /* one /* two */ S */ FROM t'],
    ['a comment that was cut off', 'SELECT a FROM t /* S'],
    ['a comment with an apostrophe', "SELECT a FROM t /* it's */ WHERE b = 'S'"],
    ['a unicode literal', "SELECT * FROM t WHERE a = U&'S'"],
    ['a national literal', "SELECT * FROM t WHERE a = N'S'"],
    ['a bit string', "SELECT * FROM t WHERE a = B'1S'"],
    ['JSON', 'SELECT * FROM t WHERE a @> \'{"k": "S"}\'::jsonb'],
    ['double quotes in MySQL', 'SELECT * FROM t WHERE a = "S"', 'mysql'],
    ['double quotes in MySQL, cut off', 'SELECT * FROM t WHERE a = "it is S', 'mysql'],
    ['double quotes with an apostrophe', "SELECT * FROM t WHERE a = \"it's\" AND b = 'S'", 'mysql'],
    ['an escaped double quote', 'SELECT * FROM t WHERE a = "x\\"S"', 'mysql'],
    ['double quotes in SQLite', 'SELECT * FROM t WHERE a = "S"', 'sqlite'],
    ['a MySQL comment', "SELECT a FROM t #S\nWHERE b = 'S'", 'mysql'],
    ["Oracle's quotes", "SELECT * FROM t WHERE a = q'[it's S]'", 'oracle'],
    ['letters beyond ASCII', "SELECT * FROM größe WHERE ä = 'S'"],
    ['a key of Redis', 'SET session:S S', 'redis'],
    ['a document of MongoDB', '{"find": "users", "filter": {"name": "S"}}', 'mongodb'],
    ['a system that nobody knows', 'lookup S', 'homemade'],
  ];

  let kept: string[] = [];
  beforeAll(async () => {
    kept = await madeAlike(
      HIDDEN.map(([, text, system]) =>
        statement(text.replaceAll('S', SECRET).replaceAll(`${SECRET}E`, 'SE'), system ?? 'postgresql'),
      ),
    );
  });

  it.each(HIDDEN.map(([what], index) => [what, index] as const))('in %s are not kept', (_what, index) => {
    expect(kept[index]).not.toContain(SECRET);
    expect(kept[index]).not.toBe('nothing');
  });

  it('are not kept whatever a statement is made of', async () => {
    const literal = fc.oneof(
      fc.constantFrom(
        "'#'",
        "'a''#'",
        "E'#'",
        "E'\\'#'",
        '$$#$$',
        "$q$'#$q$",
        '/*#*/1',
        "/*'*/'#'",
        "'\\'",
        "''",
        "'--#'",
        "'/*#'",
        "'*/#'",
      ),
      fc.constantFrom('1', '$1', '?', '"name"', 'name', 'NULL', '-1.5e3', "x'0f'", "'$$'", "'$q$'", "'\"'"),
    );
    const made = fc.array(literal, { minLength: 1, maxLength: 8 }).chain((parts) =>
      fc.record({
        text: fc.constant(`SELECT * FROM t WHERE x IN (${parts.join(', ')}) AND y = '#'`),
        // Instrumentations cut texts off anywhere.
        keep: fc.double({ min: 0.3, max: 1, noNaN: true }),
      }),
    );
    const texts = fc
      .sample(made, { numRuns: 400, seed: 5 })
      .map(({ text, keep }) => text.slice(0, Math.ceil(text.length * keep)).replaceAll('#', SECRET));
    const found = await madeAlike([
      ...texts.map((text) => statement(text)),
      ...texts.map((text) => statement(text, 'mysql')),
    ]);
    expect(new Set(found).size).toBeGreaterThan(50);
    // A cut in the middle of the value leaves a part of it.
    expect(found.filter((query) => /s(?:e(?:c(?:r(?:e(?:t|$)|$)|$)|$)|$)/.test(query.replace('SELECT', '')))).toEqual(
      [],
    );
  });
});

describe('what is added up', () => {
  it.each(['hour', 'day'])('by %s: calls, errors, slow calls, time, rows and P95', async (level) => {
    const tenant = `sums-${level}`;
    await insert(
      Array.from({ length: 100 }, (_, index) => ({
        kind: 3,
        start: AT + index,
        durationMs: 10 * (index + 1),
        attributes: {
          tenant_id: tenant,
          ...statement(`SELECT * FROM t WHERE id = ${index}`),
          'db.response.returned_rows': 2,
        },
        more: index < 7 ? { status: { code: 2 } } : {},
      })),
    );
    const [row] = await store.clickhouse.inspect<Record<string, unknown>>(
      `SELECT any(Query) AS query, sum(Calls) AS calls, sum(Errors) AS errors, sum(SlowCalls) AS slow,
              sum(DurationNs) / 1e6 AS ms, sum(Rows) AS found, sum(CallsWithRows) AS with_rows,
              quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(Latency)[2] AS p95
       FROM tenantry.db_queries_by_${level} WHERE TenantId = '${tenant}'`,
    );
    expect(row).toMatchObject({
      query: 'SELECT * FROM t WHERE id = ?',
      calls: 100,
      errors: 7,
      slow: 81,
      ms: 50_500,
      found: 200,
      with_rows: 100,
    });
    expect(Math.abs(Number(row?.['p95']) / 950 - 1)).toBeLessThan(0.02);
  });

  it('keeps the hundred that took longest of a tenant and an hour, and the rest together', async () => {
    await insert(
      Array.from({ length: 150 }, (_, index) => ({
        kind: 3,
        start: AT,
        durationMs: index + 1,
        attributes: {
          tenant_id: 'many',
          ...statement(`SELECT * FROM table_${'abcdefghij'[index % 10]}${'klmnopqrstuvwxy'[Math.floor(index / 10)]}`),
        },
      })),
    );
    await insertCalls('few', [statement('SELECT 1 FROM a'), statement('SELECT 1 FROM b')]);
    const found = await queriesOf('many');
    expect(found).toHaveLength(101);
    expect(found.find(({ query }) => query === '(other)')?.calls).toBe(50);
    expect(found.reduce((sum, { calls }) => sum + calls, 0)).toBe(150);
    expect(found.some(({ query }) => query === 'SELECT * FROM table_jy')).toBe(true);
    expect(found.some(({ query }) => query === 'SELECT * FROM table_ak')).toBe(false);
    expect(await queriesOf('few')).toHaveLength(2);
    expect(await queriesOf('many', 'day')).toEqual(found);
  });

  it('takes a segment again without counting anything twice', async () => {
    const spans = [{ kind: 3, start: AT, attributes: { tenant_id: 'again', ...statement('SELECT 1 FROM t') } }];
    const segment = await insert(spans, 'again');
    await store.insert(segment, 'again');
    for (const level of ['hour', 'day'])
      expect(await queriesOf('again', level)).toEqual([{ query: 'SELECT ? FROM t', calls: 1 }]);
  });

  it('leaves out what is no call to a database', async () => {
    await insert([
      { kind: 1, start: AT, attributes: { tenant_id: 'none', ...statement('SELECT 1') } },
      { kind: 3, start: AT, attributes: { tenant_id: 'none', 'db.query.text': 'SELECT 1' } },
    ]);
    expect(await queriesOf('none')).toEqual([]);
  });
});
