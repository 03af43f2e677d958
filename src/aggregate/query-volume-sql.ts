import type { Window } from '../domain/window.ts';
import { type Fragment, rowsInWindow, type Whose } from './rollup-source.ts';

/** Sort keys and the expression of each. Allow-listed: nothing else reaches a query's text. */
const SORT_EXPRESSIONS = {
  total_ms: 'total_ns',
  calls: 'calls',
  errors: 'errors',
  slow_calls: 'slow_calls',
  rows: 'if(calls_with_rows = 0, NULL, row_count)',
  mean_ms: 'total_ns / calls',
  p95_ms: 'percentiles_ms[2]',
} as const;

export type QueryVolumeSort = keyof typeof SORT_EXPRESSIONS;
export const QUERY_VOLUME_SORTS = Object.keys(SORT_EXPRESSIONS) as QueryVolumeSort[];

export interface QueryVolumeQuestion {
  /** Widened to whole hours: there are no rollups of statements by the minute. */
  readonly window: Window;
  readonly sort: QueryVolumeSort;
  readonly limit: number;
}

export interface QueryVolumeRow {
  readonly tenant_id: string;
  /** Of the statement, in hex: the same for every tenant. */
  readonly query_hash: string;
  readonly query: string;
  readonly db_system: string;
  readonly services: readonly string[];
  /** Tenants behind the row; 1 if rows are by tenant. */
  readonly tenants: number;
  readonly calls: number;
  readonly errors: number;
  readonly slow_calls: number;
  readonly total_ns: number;
  readonly row_count: number;
  /** 0: no call said how many rows. */
  readonly calls_with_rows: number;
  /** P50, P95 and P99. */
  readonly percentiles_ms: readonly number[];
  /** From 1, in the order asked for. */
  readonly place: number;
  /** Of everything in the window, beside what the row has: statements, and time. */
  readonly all_queries: number;
  readonly all_ns: number;
}

const COLUMNS = [
  'TenantId',
  'ServiceName',
  'DbSystem',
  'QueryHash',
  'Query',
  'Calls',
  'Errors',
  'SlowCalls',
  'DurationNs',
  'Rows',
  'CallsWithRows',
  'Latency',
];

/** The dearest statements; rows by tenant and statement, or by statement alone with an empty tenant. Ties by hash. */
export function queryVolumeSelect(
  { window, sort, limit }: QueryVolumeQuestion,
  whose: Whose,
  by: 'tenant' | 'query',
): Fragment {
  const rows = rowsInWindow('db_queries', window, whose, { columns: COLUMNS });
  const tenant = by === 'tenant' ? 'TenantId' : "''";
  return {
    sql: `SELECT * FROM (
            SELECT *, count() OVER () AS all_queries, sum(total_ns) OVER () AS all_ns,
                   row_number() OVER (ORDER BY ${SORT_EXPRESSIONS[sort]} DESC NULLS LAST, query_hash, db_system, tenant_id) AS place
            FROM (SELECT ${tenant} AS tenant_id, lower(hex(QueryHash)) AS query_hash, any(Query) AS query,
                         DbSystem AS db_system, groupUniqArray(20)(ServiceName::String) AS services,
                         uniqExact(TenantId) AS tenants, sum(Calls) AS calls, sum(Errors) AS errors,
                         sum(SlowCalls) AS slow_calls, sum(DurationNs) AS total_ns, sum(Rows) AS row_count,
                         sum(CallsWithRows) AS calls_with_rows,
                         quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(Latency) AS percentiles_ms
                  FROM ${rows.sql} GROUP BY tenant_id, query_hash, db_system))
          WHERE place <= {limit:UInt32}`,
    params: { ...rows.params, limit },
  };
}
