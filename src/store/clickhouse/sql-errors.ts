import { TenantryError, toError } from '../../domain/errors.ts';
import { toStoreError } from './engine-errors.ts';
import { MAX_SQL_LENGTH, placeOf, refused } from './sql-tokens.ts';

const SYNTAX_ERROR = 62;

/**
 * Errors of the engine's ClickHouse whose words are about the statement alone: names, types and numbers of arguments. All
 * others may quote rows that were read, files or addresses, and are told by their name.
 */
const ABOUT_THE_TEXT: ReadonlySet<number> = new Set([
  8, // THERE_IS_NO_COLUMN: old analyzer
  35, // TOO_LARGE_ARRAY_SIZE as argument
  36, // BAD_ARGUMENTS
  42, // NUMBER_OF_ARGUMENTS_DOESNT_MATCH
  43, // ILLEGAL_TYPE_OF_ARGUMENT
  44, // ILLEGAL_COLUMN
  46, // UNKNOWN_FUNCTION
  47, // UNKNOWN_IDENTIFIER
  50, // UNKNOWN_TYPE
  53, // TYPE_MISMATCH
  63, // UNKNOWN_AGGREGATE_FUNCTION
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  134, // AGGREGATE_FUNCTION_DOESNT_ALLOW_PARAMETERS
  153, // ILLEGAL_DIVISION
  179, // MULTIPLE_EXPRESSIONS_FOR_ALIAS
  184, // ILLEGAL_AGGREGATION
  206, // ALIAS_REQUIRED
  207, // AMBIGUOUS_IDENTIFIER
  215, // NOT_AN_AGGREGATE
  386, // NO_COMMON_TYPE
  403, // INVALID_JOIN_ON_EXPRESSION
  407, // DECIMAL_OVERFLOW
  456, // UNKNOWN_QUERY_PARAMETER
  457, // BAD_QUERY_PARAMETER
]);

/** The reader's limits and the store's own troubles, which `toStoreError` has words for. */
const NOT_THE_TEXT: ReadonlySet<number> = new Set([
  ...[158, 159, 160, 191, 241, 307, 396, 516],
  ...[3, 74, 76, 202, 203, 209, 210, 225, 236, 242, 243, 279, 319, 425, 745, 999, 1000],
]);
const CANCELLED: ReadonlySet<number> = new Set([394, 735]);
const LONGEST_DETAIL = 400;

interface EngineError {
  readonly code: number;
  readonly words: string;
  readonly name: string;
}

function engineErrorOf(thrown: unknown): EngineError | undefined {
  const { message } = toError(thrown);
  const given = (thrown as { clickhouseCode?: unknown; code?: unknown; type?: unknown } | null) ?? {};
  const code = Number(given.clickhouseCode ?? (typeof given.code === 'string' ? given.code : undefined));
  const [, found, words = message] = /Code: (\d+)\.(?: DB::Exception:)? ?([\s\S]*)$/.exec(message) ?? [];
  const number = Number.isInteger(code) && code > 0 ? code : Number(found);
  if (!Number.isInteger(number)) return undefined;
  const name =
    typeof given.type === 'string' ? given.type : [...words.matchAll(/\(([A-Z][A-Z0-9_]{3,60})\)/g)].at(-1)?.[1];
  return { code: number, words, name: name ?? `error ${number}` };
}

/**
 * A failure of a statement as its writer may read it: the engine's words where they are about the text, else the name of
 * the error. No path, address, stack, version or value of a row; those stay in `cause`.
 * @param offset of the statement in what the engine was given
 */
export function toSqlError(thrown: unknown, sql: string, offset = 0): TenantryError {
  if (thrown instanceof TenantryError) return thrown;
  const error = engineErrorOf(thrown);
  if (error === undefined || NOT_THE_TEXT.has(error.code)) return toStoreError(thrown, 'sql');
  if (CANCELLED.has(error.code)) {
    return new TenantryError('QUERY_TIMEOUT', 'The statement was stopped.', { cause: thrown });
  }
  if (error.code === SYNTAX_ERROR) return syntaxError(error, sql, offset, thrown);
  const words = ABOUT_THE_TEXT.has(error.code) ? plainWords(error.words) : 'the engine could not carry it out';
  return refused(`ClickHouse: ${words} (${error.name}).`, hintFor(error.code), thrown);
}

function syntaxError({ words }: EngineError, sql: string, offset: number, cause: unknown): TenantryError {
  const at = Number(/failed at position (\d+)/.exec(words)?.[1]) - 1 - offset;
  const expected = /Expected(?: one of)?: ([^\n]*?)\.? ?(?:\(SYNTAX_ERROR\)|$)/.exec(words)?.[1];
  const known = expected
    ?.split(', ')
    .filter((one) => /^[A-Z][A-Z ]+$|^(?:end of query|alias|identifier|number)$/.test(one));
  const found =
    Number.isInteger(at) && at >= 0 && at < sql.length ? ` near ${JSON.stringify(sql.slice(at, at + 24))}` : '';
  const place = Number.isInteger(at) ? ` at ${placeOf(sql, Math.min(Math.max(at, 0), MAX_SQL_LENGTH))}` : '';
  return refused(
    `ClickHouse cannot parse the statement${place}${found} (SYNTAX_ERROR).`,
    known === undefined || known.length === 0
      ? 'Check what stands there and just before.'
      : `Expected there: ${known.slice(0, 12).join(', ')}.`,
    cause,
  );
}

/** Cut before the engine repeats the statement, tells where it was and what else there is. */
function plainWords(words: string): string {
  const text = words
    .split(
      /:? In scope |\. In query |: While (?:executing|processing)|: while executing|Maybe you meant|Stack trace|\(version /i,
    )[0]
    ?.replace(/\([A-Z][A-Z0-9_]{3,60}\)\.?\s*$/, '')
    .replace(/(?:[A-Za-z]+:)?\/(?:[^\s'"`,)]+\/?)+/g, '…')
    .replace(/[.:\s]+$/, '')
    .replace(/\s+/g, ' ');
  return text === undefined || text === '' ? 'the statement is not valid' : text.slice(0, LONGEST_DETAIL);
}

function hintFor(code: number): string {
  if (code === 456 || code === 457) return 'Every {name:Type} needs a value of that type in "params".';
  if (code === 47) return 'GET /v1/sql/tables lists the columns of every table.';
  return 'Correct the statement.';
}
