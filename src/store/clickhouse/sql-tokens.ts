import { TenantryError } from '../../domain/errors.ts';

/** The longest text that is looked at; ClickHouse's own limit is 262,144 bytes. */
export const MAX_SQL_LENGTH = 20_000;

export interface SqlToken {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'symbol';
  /** Of a quoted name what stands between the quotes; of a parameter its name; else as written. */
  readonly text: string;
  /** Of a parameter: its type. */
  readonly type?: string;
  /** Offset in the text. */
  readonly at: number;
}

export interface SqlText {
  /** The statement with every comment and a semicolon at its end blanked out: no place in it moves. */
  readonly text: string;
  readonly tokens: readonly SqlToken[];
}

/** @param at offset in `sql` */
export function placeOf(sql: string, at: number): string {
  const before = sql.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

export function refused(detail: string, hint: string, cause?: unknown): TenantryError {
  return new TenantryError('SQL_REFUSED', detail, { hint, pointer: '/sql', ...(cause === undefined ? {} : { cause }) });
}

const CONTROL = /(?![\t\r\n])\p{Cc}/u;

/**
 * Each is tried at the current place, in this order. Deliberately narrower than ClickHouse's own lexer: what both might
 * read differently (its other comments, heredocs, typographic quotes, prefixed strings, escapes in names) is not read at all.
 */
const PATTERNS = {
  blank: /[ \t\r\n]+/y,
  comment: /--[^\n]*|\/\*[\s\S]*?\*\//y,
  word: /[A-Za-z_][A-Za-z0-9_]*/y,
  number: /0x[0-9A-Fa-f]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y,
  string: /'(?:[^'\\]|\\[\s\S]|'')*'/y,
  parameter: /\{[ \t]*([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]*:[ \t]*([A-Za-z][A-Za-z0-9_(), '/]{0,100}?)[ \t]*\}/y,
  symbol: /::|->|\|\||<=|>=|!=|<>|==|[()[\],.*+\-/%=<>?:]/y,
} as const;

/**
 * Takes a statement apart. Positions are kept, comments are gone: what the engine is given is what was looked at.
 * @throws TenantryError SQL_REFUSED with the place of what cannot be read
 */
export function readSql(sql: string): SqlText {
  assertReadable(sql);
  const tokens: SqlToken[] = [];
  const blanked: [from: number, to: number][] = [];
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(sql);
  };
  while (at < sql.length) {
    const comment = take(PATTERNS.comment);
    if (comment !== null) blanked.push([at, at + comment[0].length]);
    const step = comment?.[0].length ?? take(PATTERNS.blank)?.[0].length;
    if (step !== undefined) {
      at += step;
      continue;
    }
    if (sql[at] === ';') {
      blanked.push([at, sql.length]);
      assertNothingAfter(sql, at);
      break;
    }
    const { token, length } = tokenAt(sql, at, take);
    tokens.push(token);
    at += length;
  }
  return { text: blankedOut(sql, blanked), tokens };
}

function assertReadable(sql: string): void {
  if (sql.length > MAX_SQL_LENGTH) {
    throw refused(
      `The statement has ${sql.length} characters, at most ${MAX_SQL_LENGTH} are taken.`,
      'Make it shorter.',
    );
  }
  const control = CONTROL.exec(sql);
  if (control !== null) {
    throw refused(`There is a control character at ${placeOf(sql, control.index)}.`, 'Take it out.');
  }
  if (/[\uD800-\uDFFF]/u.test(sql))
    throw refused('The statement is no valid Unicode.', 'Type it anew where it looks odd.');
}

function tokenAt(sql: string, at: number, take: (pattern: RegExp) => RegExpExecArray | null) {
  const word = take(PATTERNS.word)?.[0];
  if (word !== undefined) {
    // x'41' and b'01' are literals of their own, in which a backslash is no escape.
    if (sql[at + word.length] === "'") throw unreadable(sql, at, 'Put a blank before the quote.');
    return { token: { kind: 'word', text: word, at }, length: word.length } as const;
  }
  const number = take(PATTERNS.number)?.[0];
  if (number !== undefined) {
    if (/[A-Za-z0-9_]/.test(sql[at + number.length] ?? '')) throw unreadable(sql, at, 'A name begins with a letter.');
    return { token: { kind: 'number', text: number, at }, length: number.length } as const;
  }
  if (sql[at] === '`' || sql[at] === '"') return quotedName(sql, at);
  const string = take(PATTERNS.string)?.[0];
  if (string !== undefined) return { token: { kind: 'string', text: string, at }, length: string.length } as const;
  const parameter = take(PATTERNS.parameter);
  if (parameter !== null) {
    const [whole, name = '', type = ''] = parameter;
    return { token: { kind: 'parameter', text: name, type, at }, length: whole.length } as const;
  }
  // Some versions of ClickHouse read the second of two slashes as the beginning of a comment.
  const symbol = sql.startsWith('//', at) ? undefined : take(PATTERNS.symbol)?.[0];
  if (symbol === undefined) throw unreadable(sql, at, hintFor(sql[at] ?? ''));
  return { token: { kind: 'symbol', text: symbol, at }, length: symbol.length } as const;
}

/** Names are printed into the engine's own picture of the statement, line by line: nothing in them may break a line. */
function quotedName(sql: string, at: number) {
  const quote = sql[at] ?? '';
  const end = sql.indexOf(quote, at + 1);
  const name = sql.slice(at + 1, end);
  if (end < 0) throw unreadable(sql, at, 'The quoted name does not end.');
  if (name === '' || sql[end + 1] === quote || /[\\\t\r\n]/.test(name)) {
    throw unreadable(sql, at, 'A quoted name stands in one line, without backslashes and without quotes in it.');
  }
  return { token: { kind: 'quoted', text: name, at }, length: end + 1 - at } as const;
}

function hintFor(character: string): string {
  if (character === "'") return 'The quoted text does not end.';
  if (character === '{') return 'Braces are for parameters, {name:Type}; a map is written map(key, value).';
  if (character === '#' || character === '/') return 'Comments are written -- to the end of a line, or /* … */.';
  if (character === '$') return "Quote text with '…' and names with `…`.";
  return 'Outside of quotes only ASCII is understood: check for typographic quotes and dashes.';
}

function unreadable(sql: string, at: number, hint: string): TenantryError {
  return refused(`The statement cannot be read at ${placeOf(sql, at)}.`, hint);
}

/** One semicolon at the end is a habit; anything behind it would be a second statement. */
function assertNothingAfter(sql: string, at: number): void {
  const rest = sql.slice(at).replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '');
  if (/^[;\s]*$/.test(rest)) return;
  throw refused(`A second statement begins after ${placeOf(sql, at)}.`, 'Run one statement at a time.');
}

function blankedOut(sql: string, ranges: readonly (readonly [number, number])[]): string {
  let text = '';
  let at = 0;
  for (const [from, to] of ranges) {
    text += sql.slice(at, from) + sql.slice(from, to).replace(/[^\n]/g, ' ');
    at = to;
  }
  return text + sql.slice(at);
}
