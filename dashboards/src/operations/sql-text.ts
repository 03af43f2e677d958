/** What the page of statements says and keeps. Pure, but for the storage that is handed in. */
import type { SqlResult } from '../../../src/api/sql-contract.ts';
import type { CsvValue } from '../shared/csv.ts';

export interface SqlExample {
  readonly title: string;
  readonly sql: string;
}

/** Each is a whole statement over tables that are always there; a test runs them. */
export const SQL_EXAMPLES: readonly SqlExample[] = [
  {
    title: 'Slowest routes of the last hour',
    sql: `SELECT TenantId, Route, count() AS requests, round(quantile(0.95)(Duration) / 1e6, 1) AS p95_ms
FROM spans
WHERE SpanKind = 'Server' AND Timestamp > now() - INTERVAL 1 HOUR
GROUP BY TenantId, Route
ORDER BY p95_ms DESC
LIMIT 50`,
  },
  {
    title: 'Error texts of today by tenant',
    sql: `SELECT TenantId, ServiceName, StatusMessage, count() AS errors, max(Timestamp) AS last
FROM spans
WHERE IsError AND Timestamp > today()
GROUP BY TenantId, ServiceName, StatusMessage
ORDER BY errors DESC
LIMIT 100`,
  },
  {
    title: 'AI tokens by model and tenant, last 24 hours',
    sql: `SELECT AiModel, TenantId, sum(AiInputTokens) AS input, sum(AiOutputTokens) AS output
FROM spans
WHERE AiModel != '' AND Timestamp > now() - INTERVAL 1 DAY
GROUP BY AiModel, TenantId
ORDER BY input + output DESC
LIMIT 100`,
  },
  {
    title: 'Attributes that apps send, and how often',
    sql: `SELECT arrayJoin(mapKeys(SpanAttributes)) AS attribute, count() AS spans, uniq(TenantId) AS tenants
FROM spans
WHERE Timestamp > now() - INTERVAL 1 HOUR
GROUP BY attribute
ORDER BY spans DESC
LIMIT 200`,
  },
];

const KEY = 'tenantry.sql';
const MOST_KEPT = 20;
/** Of one statement; the API takes no longer one. */
export const MAX_SQL_LENGTH = 20_000;

/** Asked for each time: where storage is switched off, already naming it throws. */
type StoreOf = () => {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
  removeItem(name: string): void;
};

/** Statements that this browser has run, newest first. What stands in the storage may be anybody's. */
export function readHistory(storeOf: StoreOf): readonly string[] {
  try {
    const kept: unknown = JSON.parse(storeOf().getItem(KEY) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept
      .filter((sql): sql is string => typeof sql === 'string' && sql !== '' && sql.length <= MAX_SQL_LENGTH)
      .slice(0, MOST_KEPT);
  } catch {
    return [];
  }
}

/** @returns the history with `sql` in front, kept as far as the browser keeps anything */
export function remember(storeOf: StoreOf, sql: string): readonly string[] {
  const next = [sql, ...readHistory(storeOf).filter((one) => one !== sql)].slice(0, MOST_KEPT);
  try {
    storeOf().setItem(KEY, JSON.stringify(next));
  } catch {
    // Full or switched off: the page has it for as long as it is open.
  }
  return next;
}

export function forgetHistory(storeOf: StoreOf): void {
  try {
    storeOf().removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

/** A statement in one short line. */
export function shortSql(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ').trim();
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}

/** Names for the columns of an answer, in which two may be called alike. */
export function columnIds(columns: SqlResult['columns']): string[] {
  const seen = new Map<string, number>();
  return columns.map(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}

const NUMERIC = /^(?:Nullable\()?(?:U?Int|Float|Decimal|BFloat)/;

export function isNumeric(type: string): boolean {
  return NUMERIC.test(type);
}

/** A number as one where no digit is lost by it, so that columns sort as numbers do. */
export function cellValue(value: unknown, type: string): CsvValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  const number = Number(value);
  return isNumeric(type) && value.trim() !== '' && String(number) === value ? number : value;
}
