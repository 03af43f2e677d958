/** What a database call asked for, in a form that groups like calls and holds none of their values. */

/** Systems whose statements are SQL, under OpenTelemetry's names now and before; any other one's text may be all values. */
const SQL_SYSTEMS = [
  'postgresql',
  'mysql',
  'mariadb',
  'microsoft.sql_server',
  'mssql',
  'oracle.db',
  'oracle',
  'sqlite',
  'clickhouse',
  'cockroachdb',
  'cassandra',
  'aws.redshift',
  'redshift',
  'ibm.db2',
  'db2',
  'snowflake',
  'trino',
  'gcp.spanner',
  'spanner',
  'gcp.bigquery',
  'bigquery',
  'hive',
  'h2database',
  'h2',
  'hsqldb',
  'derby',
  'firebirdsql',
  'sap.hana',
  'hanadb',
  'teradata',
  'vertica',
  'duckdb',
  'tidb',
  'other_sql',
] as const;

/** Where double quotes surely stand around names. Everywhere else they may stand around values, as in MySQL. */
const QUOTES_ARE_NAMES = [
  'postgresql',
  'cockroachdb',
  'aws.redshift',
  'redshift',
  'oracle.db',
  'oracle',
  'clickhouse',
  'snowflake',
  'trino',
] as const;

/** Texts of megabytes are inserts of as many values; what tells them apart stands in front. */
const MAX_RAW_BYTES = 8_192;
const MAX_CHARACTERS = 300;
/** Beyond these, the ones that took least time are put together: within a tenant, an hour and an insert. */
const MAX_QUERIES = 100;
/** Stands for all of them. Its hash is 0. */
const OTHER_QUERIES = '(other)';

const list = (texts: readonly string[]) => texts.map((text) => `'${text}'`).join(', ');

/** A regular expression (RE2) as a ClickHouse literal. */
const pattern = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** The summary if there is one, else the statement of a SQL database; '' where neither says anything without values. */
export function rawDbQuery(attributes: string, system: string): string {
  const of = (name: string) => `${attributes}['${name}']`;
  return `substring(multiIf(
        ${of('db.query.summary')} != '', ${of('db.query.summary')},
        ${system} NOT IN (${list(SQL_SYSTEMS)}), '',
        ${of('db.query.text')} != '', ${of('db.query.text')},
        ${of('db.statement')}), 1, ${MAX_RAW_BYTES})`;
}

/** What stands in for a query without a text: the collection that the call was about. */
export function dbCollection(attributes: string): string {
  const names = ['db.collection.name', 'db.sql.table', 'db.mongodb.collection', 'db.cassandra.table'];
  const branches = names.map((name) => `${attributes}['${name}'] != '', ${attributes}['${name}']`);
  return `substring(multiIf(${branches.join(', ')}, ''), 1, 256)`;
}

/**
 * Where it depends on the system's dialect where a value ends: a backslash before a quote, Oracle's q'[…]'. Then only what
 * stands before the first quote, comment or dollar is kept, and so it is with a comment within a comment.
 */
const AMBIGUOUS = String.raw`(?i)\\['"\x60]|(?:^|[^a-z0-9_])n?q'[^a-z0-9\s]`;
const BEFORE_ANY_VALUE = String.raw`^[^'"\x60/$\\#-]*`;
const COMMENT = String.raw`(?s)/\*.*?\*/`;
/** normalizeQuery stops at a quote that is never closed, but takes an unclosed dollar quote for names. */
const OPEN_DOLLAR_QUOTE = String.raw`(?s)\$(?:[A-Za-z_]\w*)?\$.*$`;
const PLACEHOLDER = String.raw`\$\d+|@p\d+|%s|:\?`;
const LIST_OF_VALUES = String.raw`\?(?:\.\.)?(?:\s*,\s*\?(?:\.\.)?)+`;
const LIST_OF_ROWS = String.raw`\(\?(?:\.\.)?\)(?:\s*,\s*\(\?(?:\.\.)?\))+`;

/**
 * Columns, each made from the one before it; the last, `query_text`, is the statement with `?` for each value, without
 * comments, lists of values as one (`?..`), names with many digits as `?`, at most 300 characters. ClickHouse's own lexer
 * does it, and stops at whatever it does not understand.
 * @param raw column with the text, `system`, `operation` and `collection` those that go with it
 */
export function dbQueryColumns({ raw, system, operation, collection }: Readonly<Record<QueryColumn, string>>): string {
  return `if(match(${raw}, ${pattern(AMBIGUOUS)}) OR position(replaceRegexpAll(${raw}, ${pattern(COMMENT)}, ' '), '*/') > 0,
        extract(${raw}, ${pattern(BEFORE_ANY_VALUE)}), ${raw}) AS query_unambiguous,
    replaceRegexpOne(normalizeQuery(query_unambiguous), ${pattern(OPEN_DOLLAR_QUOTE)}, '') AS query_closed,
    if(${system} IN (${list(QUOTES_ARE_NAMES)}), query_closed, replaceRegexpAll(query_closed, '"[^"]*"?', '?')) AS query_unquoted,
    replaceRegexpAll(query_unquoted, ${pattern(PLACEHOLDER)}, '?') AS query_without_values,
    replaceRegexpAll(query_without_values, ${pattern(LIST_OF_VALUES)}, '?..') AS query_lists,
    trimBoth(replaceRegexpAll(query_lists, ${pattern(LIST_OF_ROWS)}, '(?..)')) AS query_rows,
    trimBoth(normalizeQuery(concat(${operation}, ' ', ${collection}))) AS query_name,
    substringUTF8(multiIf(query_rows != '', query_rows, query_name != '', query_name, '(no text)'), 1, ${MAX_CHARACTERS}) AS query_text`;
}

type QueryColumn = 'raw' | 'system' | 'operation' | 'collection';

/** For the view's text. */
export const DB_QUERY_MACROS = {
  raw_db_query: () => rawDbQuery('SpanAttributes', 'DbSystem'),
  db_collection: () => dbCollection('SpanAttributes'),
  db_query_columns: () =>
    dbQueryColumns({ raw: 'raw_query', system: 'DbSystem', operation: 'DbOperation', collection: 'collection' }),
  max_db_queries: () => String(MAX_QUERIES),
  other_db_queries: () => `'${OTHER_QUERIES}'`,
} as const;
