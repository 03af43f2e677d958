/** What a statement that fails tells its writer, and what of it reaches the next one: on the real engine. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqlRun } from '../../../src/domain/sql.ts';
import { EmbeddedSql } from '../../../src/store/clickhouse/sql-embedded.ts';
import { segmentFor } from '../../support/clickhouse-segments.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

const NOBODY_GIVES_UP = new AbortController().signal;

let store: TestClickHouse;
let sql: EmbeddedSql;

beforeAll(async () => {
  store = await startTestClickHouse();
  await store.insert(segmentFor(['acme', 'bolt'], 5), 'sql');
  sql = new EmbeddedSql({ path: join(store.folder, 'db'), clickhouse: store.clickhouse });
});
afterAll(async () => {
  await sql.close();
  await store.stop();
});

const run = (text: string, changes: Partial<SqlRun> = {}) =>
  sql.run({ sql: text, params: {}, maxRows: 100, signal: NOBODY_GIVES_UP, ...changes });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    (answer) => ({ answered: answer }),
    (error: unknown) => error,
  );

describe('what a failed statement leaves behind', () => {
  const FAILING = [
    "SELECT 'foreign', toUInt8(if(number < 900, '1', 'x')) FROM numbers(1000)",
    "SELECT 'foreign', throwIf(number = 800) FROM numbers(1000)",
    "SELECT 'foreign', sipHash64(number) FROM numbers(100000000000) WHERE throwIf(number > 100000) = 0",
  ];

  it('is nothing, neither for the next statement nor for pages', async () => {
    const asked = Array.from({ length: 60 }, async (_, index) => {
      if (index % 3 === 0) return failure(run(FAILING[index % FAILING.length] ?? '', { maxRows: 10_000 }));
      return (await run(`SELECT 'own', ${index}`)).rows;
    });
    const answers = await Promise.all(asked);
    const good = answers.flatMap((answer, index) => (index % 3 === 0 ? [] : [[answer, index] as const]));
    for (const [answer, index] of good) expect(answer).toEqual([['own', index]]);
    expect(await store.clickhouse.inspect("SELECT 'own' AS whose")).toEqual([{ whose: 'own' }]);
  });
});

describe('what is told of a failure', () => {
  it.each([
    ['SELECT 1 +', 'ClickHouse cannot parse the statement at line 1, column 11 (SYNTAX_ERROR).'],
    ['SELECT\n  1 1', 'ClickHouse cannot parse the statement at line 2, column 5 near "1" (SYNTAX_ERROR).'],
    ['SELECT nope FROM spans', 'ClickHouse: Unknown expression identifier `nope` (UNKNOWN_IDENTIFIER).'],
    [
      'SELECT sum(TenantId) FROM spans',
      'ClickHouse: Illegal type String of argument for aggregate function sum (ILLEGAL_TYPE_OF_ARGUMENT).',
    ],
    ['SELECT toUInt8(TenantId) FROM spans', 'ClickHouse: the engine could not carry it out (CANNOT_PARSE_TEXT).'],
    ['SELECT throwIf(1, TenantId) FROM spans', expect.stringMatching(/^ClickHouse: [^/]*$/)],
    ['SELECT nope(1)', 'nope() cannot be used here.'],
    ['SELECT 1 FROM nope', 'There is no table "nope" to ask here.'],
  ])('%j: %s', async (text, message) => {
    const error = await failure(run(text));
    expect(error).toMatchObject({ code: 'SQL_REFUSED', message, hint: expect.any(String) });
    expect(String(error)).not.toMatch(/acme|bolt|version 2|Stack|DB::|\/src\//);
  });
});
