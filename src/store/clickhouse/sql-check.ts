import type { SqlRun } from '../../domain/sql.ts';
import type { SqlCatalogue } from './sql-catalogue.ts';
import { toSqlError } from './sql-errors.ts';
import { assertHarmlessTree } from './sql-gate.ts';
import { placeOf, refused, type SqlText } from './sql-tokens.ts';
import { readPlainSelect } from './sql-words.ts';

const EXPLAIN = 'EXPLAIN AST ';
/** Answers `EXPLAIN AST` with one array of one text a line. */
export const TREE_FORMAT = 'JSONCompactEachRow';

/**
 * The statement as it may be given to the engine: read by ourselves, then by the engine, and known to be harmless by both.
 * Neither reading is trusted alone, and behind them stand the engine's readonly mode, limits and filters.
 * @param explain runs a statement where `run` will be run, answering in `TREE_FORMAT`
 * @throws TenantryError SQL_REFUSED and whatever `explain` fails with
 */
export async function checkedSql(
  run: SqlRun,
  { reach, functions }: SqlCatalogue,
  explain: (sql: string) => Promise<string>,
): Promise<string> {
  const read = readPlainSelect(run.sql);
  assertParameters(run, read);
  const answer = await explain(EXPLAIN + read.text).catch((thrown: unknown) => {
    throw toSqlError(thrown, run.sql, EXPLAIN.length);
  });
  const lines = answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => String((JSON.parse(line) as unknown[])[0]));
  assertHarmlessTree(lines, read, reach, functions);
  return read.text;
}

function assertParameters({ sql, params }: SqlRun, { tokens }: SqlText): void {
  const used = tokens.filter(({ kind }) => kind === 'parameter');
  for (const { text, at } of used) {
    if (Object.hasOwn(params, text)) continue;
    throw refused(`The parameter ${text} (${placeOf(sql, at)}) has no value.`, 'Give it one in "params".');
  }
  const unused = Object.keys(params).find((name) => !used.some(({ text }) => text === name));
  if (unused === undefined) return;
  const name = JSON.stringify(unused.slice(0, 64));
  throw refused(
    `The statement has no parameter ${name}.`,
    'Write {name:Type} where its value belongs, or leave it out.',
  );
}
