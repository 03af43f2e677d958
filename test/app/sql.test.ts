/** Who may run statements, how many at once, and what is written down of each: on the real engine and the real log. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SqlRunner, startSql } from '../../src/app/sql.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { StaffActor, TenantActor } from '../../src/domain/actor.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { SqlAnswer, SqlEngine, SqlRun } from '../../src/domain/sql.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'ann', role: 'sre' };
const BEN: StaffActor = { kind: 'staff', subject: 'ben', role: 'admin' };
const MEMBER: TenantActor = { kind: 'tenant', subject: 'eve', role: 'member', tenantId: 'acme' as TenantId };
const NOBODY_GIVES_UP = new AbortController().signal;

const runOf = (sql: string, changes: Partial<SqlRun> = {}): SqlRun => ({
  ...{ sql, params: {}, maxRows: 5, signal: NOBODY_GIVES_UP, ...changes },
});
const answerOf = (rows: unknown[][], types: readonly string[] = ['String']): SqlAnswer => ({
  columns: types.map((type, index) => ({ name: `c${index}`, type })),
  ...{ rows, truncated: false, rowsRead: 1, bytesRead: 1, elapsedMs: 1 },
});

describe('on the embedded stores', () => {
  let store: TestClickHouse;
  let postgres: TestPostgres;
  let running: ReturnType<typeof startSql>;
  beforeAll(async () => {
    store = await startTestClickHouse();
    postgres = await startTestPostgres();
    // The engine of the tests lies in `db`, that of a server in `clickhouse`.
    const config = loadConfig({ TENANTRY_DATA_DIR: store.folder });
    running = startSql({
      config,
      clickhouse: store.clickhouse,
      postgres: postgres.postgres,
      path: join(store.folder, 'db'),
    });
  });
  afterAll(async () => {
    await running.stop();
    await store.stop();
    await postgres.stop();
  });
  const records = async () =>
    (await new AuditLog(postgres.postgres).list({ kind: 'system', subject: 'test' }, { limit: 10 })).filter(
      ({ action }) => action === 'sql.run',
    );

  it('every run is in the audit log: who, what, and what came of it', async () => {
    const sql = `SELECT number, {n:UInt8} FROM numbers(100) -- ${'x'.repeat(3_000)}`;
    await running.sql.run({ ...SRE, requestId: 'r-1' }, runOf(sql, { params: { n: 7 } }));
    const [record] = await records();
    const sha256 = createHash('sha256').update(sql).digest('hex');
    expect(record).toMatchObject({
      ...{ subject: 'ann', role: 'sre', tenantId: null, resource: `sql/${sha256.slice(0, 16)}`, requestId: 'r-1' },
      after: {
        sql: sql.slice(0, 2_000),
        sha256,
        params: ['n'],
        outcome: 'answered',
        rows: 5,
        truncated: true,
        rows_read: 100,
      },
    });
    expect(JSON.stringify(record)).not.toMatch(/"n":7/);
  });

  it('a refused one too', async () => {
    const refused = running.sql.run(SRE, runOf("SELECT file('/etc/passwd')"));
    await expect(refused).rejects.toMatchObject({ code: 'SQL_REFUSED' });
    expect((await records())[0]?.after).toMatchObject({ outcome: 'SQL_REFUSED', sql: "SELECT file('/etc/passwd')" });
  });

  it('tenants are told that and why there is none for them, and nothing runs', async () => {
    const before = (await records()).length;
    for (const ask of [() => running.sql.run(MEMBER, runOf('SELECT 1')), () => running.sql.tables(MEMBER)]) {
      await expect(ask()).rejects.toMatchObject({
        ...{ code: 'NOT_SUPPORTED_HERE', status: 501, hint: expect.stringContaining('CLICKHOUSE_URL') },
      });
    }
    expect(await records()).toHaveLength(before);
  });

  it('tells staff which tables there are', async () => {
    const tables = new Map((await running.sql.tables(SRE)).map(({ name, columns }) => [name, columns]));
    expect(tables.get('spans')).toContainEqual({ name: 'Duration', type: 'UInt64' });
    expect([...tables.keys()]).toEqual(expect.arrayContaining(['otel_traces', 'requests_by_minute']));
    expect([...tables.keys()].filter((name) => /landing|_view$/.test(name))).toEqual([]);
  });
});

/** An engine whose statements end when the test says. */
function heldEngine() {
  const ends: (() => void)[] = [];
  const engine: SqlEngine = {
    run: () => new Promise((resolve) => ends.push(() => resolve(answerOf([['x']])))),
    tables: async () => [],
    close: async () => undefined,
  };
  return { engine, ends };
}

describe('how many run at once', () => {
  const deskOf = (engine: SqlEngine, slots: number) =>
    new SqlRunner({ staff: engine, tenants: () => engine, slots, record: async () => undefined });

  it('one of each caller, a few of all; others are told at once, and an end makes room', async () => {
    const { engine, ends } = heldEngine();
    const desk = deskOf(engine, 2);
    const first = desk.run(SRE, runOf('SELECT 1'));
    await expect.poll(() => ends.length).toBe(1);
    await expect(desk.run(SRE, runOf('SELECT 2'))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: 2,
    });
    const other = desk.run(BEN, runOf('SELECT 3'));
    await expect.poll(() => ends.length).toBe(2);
    await expect(desk.run(MEMBER, runOf('SELECT 4'))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    ends.forEach((end) => {
      end();
    });
    await Promise.all([first, other]);
    const again = desk.run(SRE, runOf('SELECT 5'));
    await expect.poll(() => ends.length).toBe(3);
    ends[2]?.();
    expect((await again).rows).toEqual([['x']]);
  });

  it('a failure makes room as well', async () => {
    const failing: SqlEngine = { ...heldEngine().engine, run: () => Promise.reject(new Error('broken')) };
    const desk = deskOf(failing, 1);
    for (let round = 0; round < 3; round += 1) await expect(desk.run(SRE, runOf('SELECT 1'))).rejects.toThrow('broken');
  });

  it("a tenant's people have one statement together", async () => {
    const { engine, ends } = heldEngine();
    const desk = deskOf(engine, 8);
    const first = desk.run(MEMBER, runOf('SELECT 1'));
    await expect.poll(() => ends.length).toBe(1);
    await expect(desk.run({ ...MEMBER, subject: 'adam' }, runOf('SELECT 2'))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    ends[0]?.();
    await first;
  });
});

describe('what is answered', () => {
  const answering: SqlEngine = {
    run: async () => answerOf([['x']]),
    tables: async () => [],
    close: async () => undefined,
  };

  it('is nothing when it cannot be written down', async () => {
    const record = () => Promise.reject(new TenantryError('STORE_UNAVAILABLE', 'No log.'));
    const desk = new SqlRunner({ staff: answering, tenants: undefined, slots: 1, record });
    await expect(desk.run(SRE, runOf('SELECT 1'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('to who has left is a matter of course and no fault', async () => {
    const gone = AbortSignal.abort();
    const leaving: SqlEngine = { ...answering, run: async ({ signal }) => Promise.reject(signal.reason) };
    const desk = new SqlRunner({ staff: leaving, tenants: undefined, slots: 1, record: async () => undefined });
    await expect(desk.run(SRE, runOf('SELECT 1', { signal: gone }))).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  });

  it('as CSV runs in no spreadsheet, and keeps numbers as they are', () => {
    const desk = new SqlRunner({ staff: answering, tenants: undefined, slots: 1, record: async () => undefined });
    const dangerous = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1', '=HYPERLINK("http://x","y")', 'a,"b"\nc'];
    const rows = dangerous.map((text) => [text, '-5', -1.5, ['=1'], null, true]);
    const text = desk.csv({
      ...answerOf(rows, ['String', 'Int64', 'Float64', 'Array(String)', 'Nullable(String)', 'Bool']),
    });
    const read: string[][] = parse(text, { relax_column_count: false });
    expect(read[0]).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5']);
    for (const [index, [cell = '', ...rest]] of read.slice(1).entries()) {
      expect(cell.replace(/^'(?=[=+\-@\t\r＝])/, '')).toBe(dangerous[index]);
      expect(cell).not.toMatch(/^[=+\-@\t\r＝]/);
      expect(rest).toEqual(['-5', '-1.5', '["=1"]', '', 'true']);
    }
  });
});
