import { placeOf, readSql, refused, type SqlText, type SqlToken } from './sql-tokens.ts';

/**
 * Words that give a statement something beyond reading: another format, a file, settings of its own (a subquery's own
 * settings are not even held by readonly: seen on 26.7), a function by its bare name, another statement in a subquery.
 * As a column's name each of them can be quoted.
 */
const FORBIDDEN_WORDS = new Set([
  ...['SETTINGS', 'FORMAT', 'INTO', 'OUTFILE', 'STDOUT', 'APPLY', 'EXPLAIN', 'DESCRIBE', 'SHOW', 'STREAM', 'PARALLEL'],
  ...['INSERT', 'CREATE', 'ALTER', 'DROP', 'TRUNCATE', 'RENAME', 'ATTACH', 'DETACH', 'OPTIMIZE', 'GRANT', 'REVOKE'],
  ...['KILL', 'EXECUTE', 'BACKUP', 'RESTORE', 'UNDROP', 'EXCHANGE'],
]);

/** Functions and table functions that reach out of the store, or tell of it what is not data. In lower case. */
const FORBIDDEN_CALLS: readonly RegExp[] = [
  /^(?:file|url|s3|gcs|oss|cosn|hdfs|input|view|loop|merge|null|eval|dictionary|executable|python|filesystem)$/,
  /^(?:mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|ytsaurus|arrowstream|arrowflight|generaterandom)$/,
  /^(?:remote|azure|iceberg|deltalake|hudi|paimon|mergetree|viewif|viewexplain|fuzz|prometheus|cluster|dict|joinget)/,
  /^(?:timeseries(?:data|metrics|samples|selector|tags)$|ai[a-z]|region|catboost|evalml|address|demangle|show)/,
  /^(?:getsetting|getserver|getmergetree|getmacro|getclient|getos|globalvariable|hascolumnintable|structureto)/,
  /^(?:hostname|fqdn|fullhostname|serveruuid|tcpport|uptime|buildid|filesystem|zookeeper|transaction|logtrace)/,
  /^(?:sleep|formatrow|naivebayesclassifier|connectionid|connection_id|query_?id|initial_?query|chdb|tid$)/,
  /cluster$/,
];

/**
 * The first gate: what the text says by itself, before any engine has seen it.
 * @throws TenantryError SQL_REFUSED
 */
export function readPlainSelect(sql: string): SqlText {
  const read = readSql(sql);
  const { tokens } = read;
  assertSelect(tokens);
  for (const [index, token] of tokens.entries()) assertHarmless(sql, token, tokens[index + 1]);
  return read;
}

function assertSelect(tokens: readonly SqlToken[]): void {
  const first = tokens.find(({ text }) => text !== '(');
  if (first === undefined) throw refused('There is no statement.', 'Write one: SELECT …');
  if (first.kind === 'word' && /^(?:SELECT|WITH)$/i.test(first.text)) return;
  throw refused(
    'Only reading is possible here: the statement begins with neither SELECT nor WITH.',
    'Write a SELECT; GET /v1/sql/tables tells what there is to ask.',
  );
}

function assertHarmless(sql: string, token: SqlToken, next: SqlToken | undefined): void {
  const { kind, text, at } = token;
  const isCall = next?.kind === 'symbol' && next.text === '(';
  if (kind === 'parameter' && /identifier/i.test(token.type ?? '')) {
    throw refused(`A name cannot be a parameter (${placeOf(sql, at)}).`, 'Write the name into the statement.');
  }
  if (kind === 'word' && FORBIDDEN_WORDS.has(text.toUpperCase()) && !(isCall && /^format$/i.test(text))) {
    throw refused(
      `${text.toUpperCase()} cannot be used here (${placeOf(sql, at)}).`,
      'Statements here read and nothing else; a column of this name can be quoted with `…`.',
    );
  }
  const name = text.toLowerCase();
  if (isCall && (kind === 'word' || kind === 'quoted') && FORBIDDEN_CALLS.some((pattern) => pattern.test(name))) {
    throw functionRefused(text, placeOf(sql, at));
  }
}

export function functionRefused(name: string, place?: string) {
  return refused(
    `${name.slice(0, 64)}() cannot be used here${place === undefined ? '' : ` (${place})`}.`,
    'Statements here reach tables of Tenantry and nothing else: no files, addresses, dictionaries or settings.',
  );
}

/** Names that the text gives to subqueries: `name AS (` and `name (columns) AS (`. */
export function declaredNames({ tokens }: SqlText): ReadonlySet<string> {
  const names = new Set<string>();
  const isOpening = (index: number) => tokens[index]?.text === '(' && tokens[index]?.kind === 'symbol';
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' || text.toUpperCase() !== 'AS' || !isOpening(index + 1)) continue;
    const named = tokens[tokens[index - 1]?.text === ')' ? beforeParentheses(tokens, index - 1) : index - 1];
    if (named?.kind === 'word' || named?.kind === 'quoted') names.add(named.text);
  }
  return names;
}

function beforeParentheses(tokens: readonly SqlToken[], closing: number): number {
  let depth = 0;
  for (let index = closing; index >= 0; index -= 1) {
    const { kind, text } = tokens[index] ?? { kind: 'symbol', text: '' };
    if (kind === 'symbol' && text === ')') depth += 1;
    if (kind === 'symbol' && text === '(') depth -= 1;
    if (depth === 0) return index - 1;
  }
  return -1;
}
