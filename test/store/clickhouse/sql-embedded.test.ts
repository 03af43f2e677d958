/** Statements that people write, on the real engine: those that must not be carried out are not, and leave no trace. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqlAnswer, SqlRun } from '../../../src/domain/sql.ts';
import { staffCatalogue } from '../../../src/store/clickhouse/sql-catalogue.ts';
import { EmbeddedSql } from '../../../src/store/clickhouse/sql-embedded.ts';
import { assertHarmlessTree } from '../../../src/store/clickhouse/sql-gate.ts';
import { STAFF_LIMITS } from '../../../src/store/clickhouse/sql-limits.ts';
import { readPlainSelect } from '../../../src/store/clickhouse/sql-words.ts';
import { segmentFor } from '../../support/clickhouse-segments.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { REACHING_OUT } from '../../support/sql-payloads.ts';
import { FOREIGN_TABLES, NOT_READING } from '../../support/sql-payloads-reading.ts';
import { GOOD_STATEMENTS } from '../../support/sql-statements.ts';

const CANARY_TEXT = 'the-content-of-the-canary';
const NOBODY_GIVES_UP = new AbortController().signal;

let store: TestClickHouse;
let sql: EmbeddedSql;
let canary: string;
let out: string;
let listener: Server;
let connections = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
  await store.insert(segmentFor(['acme', 'bolt'], 5), 'sql');
  sql = new EmbeddedSql({ path: join(store.folder, 'db'), clickhouse: store.clickhouse });
  canary = join(store.folder, 'canary.txt');
  out = join(store.folder, 'out.txt');
  writeFileSync(canary, CANARY_TEXT);
  listener = createServer().on('connection', (socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await sql.close();
  await store.stop();
  listener.close();
});

const run = (text: string, changes: Partial<SqlRun> = {}): Promise<SqlAnswer> =>
  sql.run({ sql: text, params: {}, maxRows: 100, signal: NOBODY_GIVES_UP, ...changes });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    (answer) => ({ answered: answer }),
    (error: unknown) => error,
  );
const filled = (payload: string) =>
  payload
    .replaceAll('CANARY', canary)
    .replaceAll('OUT', out)
    .replaceAll('PORT', String((listener.address() as AddressInfo).port));
/** The engine's own reading, in a session of no limits at all. */
const picture = async (text: string) => {
  const rows = await store.clickhouse.inspect<{ explain: string }>(`EXPLAIN AST ${text}`);
  return rows.map(({ explain }) => explain);
};

describe('a statement', () => {
  it.each(GOOD_STATEMENTS)('of reading is answered: %s', async (text) => {
    const { columns, rows } = await run(text);
    expect(columns.length).toBeGreaterThan(0);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toHaveLength(columns.length);
  });

  it('answers with types, and no digit is lost', async () => {
    const text =
      "SELECT toUInt64(18446744073709551615) AS big, toDecimal64('1.10', 2) AS money, 1.5 AS ratio, nan AS none, [1] AS list";
    expect(await run(text)).toMatchObject({
      columns: [
        { name: 'big', type: 'UInt64' },
        { name: 'money', type: 'Decimal(18, 2)' },
        { name: 'ratio', type: 'Float64' },
        { name: 'none', type: 'Float64' },
        { name: 'list', type: 'Array(UInt8)' },
      ],
      rows: [['18446744073709551615', '1.10', 1.5, 'nan', [1]]],
      truncated: false,
    });
  });

  it('tells what it read', async () => {
    const answer = await run('SELECT uniqExact(SpanId) FROM spans');
    expect(answer).toMatchObject({ rows: [['20']], rowsRead: 20 });
    expect(answer.elapsedMs).toBeGreaterThan(0);
    expect(answer.bytesRead).toBeGreaterThan(0);
  });

  it.each([
    ['SELECT number FROM numbers(1000)', 10, true],
    ['SELECT number FROM numbers(10)', 10, false],
    ['SELECT number FROM numbers(11)', 10, true],
    ['SELECT number FROM numbers(50) UNION ALL SELECT number FROM numbers(50)', 80, true],
    ['SELECT number FROM numbers(1000000000000)', 10_000, true],
  ])('%s answers at most %d rows, and says whether there are more', async (text, maxRows, truncated) => {
    const answer = await run(text, { maxRows });
    expect([answer.rows.length, answer.truncated]).toEqual([maxRows, truncated]);
  });

  it('binds parameters as the values that they are', async () => {
    const params = { text: "'); DROP TABLE spans --\n", list: ['a', "b'"], n: 7, flag: true, none: null };
    const text = 'SELECT {text:String}, {list:Array(String)}, {n:UInt32}, {flag:Bool}, {none:Nullable(String)}';
    expect((await run(text, { params })).rows).toEqual([[params.text, params.list, 7, true, null]]);
  });

  it.each([
    ['SELECT {x:String}', {}, 'The parameter x (line 1, column 8) has no value.'],
    ['SELECT 1', { x: 1 }, 'The statement has no parameter "x".'],
    ['SELECT {x:UInt8}', { x: 'many' }, expect.stringMatching(/^ClickHouse: .*BAD_QUERY_PARAMETER/)],
  ])('%s with %j is refused', async (text, params, message) => {
    expect(await failure(run(text, { params }))).toMatchObject({ code: 'SQL_REFUSED', message });
  });

  it('never shows the self-check, nor tables of other databases', async () => {
    expect((await run('SELECT DISTINCT database FROM system.columns')).rows).toEqual([['tenantry']]);
    await store.clickhouse.command("INSERT INTO spans (TenantId, Timestamp) SELECT '(self-check:0123abcd)', now64(9)");
    expect(await store.clickhouse.inspect('SELECT count() AS n FROM tenantry.spans')).toMatchObject([{ n: 21 }]);
    expect((await run('SELECT count() FROM spans')).rows).toEqual([['20']]);
  });
});

describe('what a statement may not do', () => {
  const payloads = [...REACHING_OUT, ...NOT_READING, ...FOREIGN_TABLES];

  it('is listed in at least 150 attempts', () => {
    expect(new Set(payloads).size).toBeGreaterThanOrEqual(250);
  });

  it('is refused, every time, and nothing happens', async () => {
    const settings = "SELECT name, value FROM system.settings WHERE name IN ('max_threads', 'readonly') ORDER BY name";
    const state = async () => ({
      spans: await store.clickhouse.inspect('SELECT count() FROM tenantry.spans'),
      tables: await store.clickhouse.inspect('SELECT database, name FROM system.tables ORDER BY 1, 2'),
      settings: await store.clickhouse.inspect(settings),
    });
    const before = await state();
    const unexpected: unknown[] = [];
    for (const payload of payloads) {
      const params = payload.includes('{p:') ? { p: canary } : payload.includes('Identifier') ? { t: 'spans' } : {};
      const result = await failure(run(filled(payload), { params }));
      const isRefused = (result as { code?: string }).code === 'SQL_REFUSED';
      if (!isRefused || JSON.stringify(result).includes(CANARY_TEXT)) unexpected.push([payload, result]);
    }
    expect(unexpected).toEqual([]);
    expect(existsSync(out)).toBe(false);
    expect(connections).toBe(0);
    expect(readFileSync(canary, 'utf8')).toBe(CANARY_TEXT);
    expect(await state()).toEqual(before);
    expect((await run('SELECT count() FROM spans')).rows).toEqual([['20']]);
  });

  it('is seen by each of the two readings alone where it reaches out of the store', async () => {
    const catalogue = await staffCatalogue((text) => store.clickhouse.inspect(text));
    const unseen: string[] = [];
    let pictures = 0;
    for (const payload of REACHING_OUT) {
      if (
        await Promise.resolve(payload)
          .then(readPlainSelect)
          .then(Boolean, () => false)
      )
        unseen.push(`words: ${payload}`);
      const lines = await picture(filled(payload).replace('{p:String}', "'x'")).catch(() => undefined);
      // What the engine cannot even parse it will not carry out.
      if (lines === undefined) continue;
      pictures += 1;
      const look = () => assertHarmlessTree(lines, { text: '', tokens: [] }, catalogue.reach, catalogue.functions);
      try {
        look();
        unseen.push(`tree: ${payload}`);
      } catch {
        // That is what it is for.
      }
    }
    expect(unseen).toEqual([]);
    expect(pictures).toBeGreaterThan(0.9 * REACHING_OUT.length);
  });
});

describe('limits', () => {
  const small = {
    ...STAFF_LIMITS,
    seconds: 1,
    memoryBytes: 64 * 1024 ** 2,
    rowsRead: 1_000_000,
    answerBytes: 64 * 1024,
  };
  let bounded: EmbeddedSql;
  beforeAll(() => {
    bounded = new EmbeddedSql({ path: join(store.folder, 'db'), clickhouse: store.clickhouse, limits: small });
  });
  const bounds = (text: string) =>
    failure(bounded.run({ sql: text, params: {}, maxRows: 10, signal: NOBODY_GIVES_UP }));

  it.each([
    [
      'time',
      'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t',
      /TIMEOUT|HEAVY|REFUSED/,
    ],
    ['memory', 'SELECT length(groupArray(repeat(toString(number), 40))) FROM numbers(900000)', /HEAVY/],
    ['rows that are read', 'SELECT count() FROM numbers(2000000) WHERE number % 2', /HEAVY/],
    ['the length of the answer', 'SELECT repeat(toString(number), 20000) FROM numbers(100)', /HEAVY/],
    ['the length of an answer of constants', "SELECT repeat('x', 100000) FROM numbers(10)", /HEAVY/],
  ])('hold for %s', async (_what, text, code) => {
    expect(await bounds(text)).toMatchObject({ code: expect.stringMatching(code) });
    expect((await run("SELECT 'mine'")).rows).toEqual([['mine']]);
  });
});

describe('giving up', () => {
  const ENDLESS = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1';
  const endless = () =>
    new EmbeddedSql({
      path: join(store.folder, 'db'),
      clickhouse: store.clickhouse,
      limits: { ...STAFF_LIMITS, seconds: 600, rowsRead: 1e15, bytesRead: 1e16 },
    });
  const running = async () => {
    const rows = await store.clickhouse.inspect<{ n: number }>(
      "SELECT toUInt32(count()) AS n FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%' AND query NOT LIKE '%processes%'",
    );
    return rows[0]?.n;
  };

  it('ends the computing inside the engine, and the reason is what the caller hears', async () => {
    const patient = endless();
    const leaving = new AbortController();
    const answer = failure(patient.run({ sql: ENDLESS, params: {}, maxRows: 1, signal: leaving.signal }));
    await expect.poll(running).toBe(1);
    const reason = new Error('the browser went away');
    leaving.abort(reason);
    expect(await answer).toBe(reason);
    expect(await running()).toBe(0);
  });

  it('before the beginning runs nothing', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    expect(await failure(run(ENDLESS, { signal: gone }))).toBe(gone.reason);
  });

  it('is what closing does to all that run', async () => {
    const closing = endless();
    const answer = failure(closing.run({ sql: ENDLESS, params: {}, maxRows: 1, signal: NOBODY_GIVES_UP }));
    await expect.poll(running).toBe(1);
    await closing.close();
    expect(await answer).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await running()).toBe(0);
    expect(
      await failure(closing.run({ sql: 'SELECT 1', params: {}, maxRows: 1, signal: NOBODY_GIVES_UP })),
    ).toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});
