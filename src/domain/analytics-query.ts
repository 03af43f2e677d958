import type { TenantId } from './tenant-id.ts';

export type QueryParam = string | number | boolean | readonly string[] | readonly number[];

/**
 * One question to ClickHouse: a fixed text with named parameters (`{tenant:String}`), never built from values.
 * `scope` says whom it is about; a query about one tenant runs under an engine filter, and every row of the answer is
 * checked to be that tenant's.
 */
export interface AnalyticsQuery {
  /** Name of the question, kebab-case: goes into the engine's log_comment and into metrics. */
  readonly question: string;
  readonly sql: string;
  readonly params: Readonly<Record<string, QueryParam>>;
  readonly scope: { readonly tenant: TenantId } | 'across-tenants';
}

/** The narrow port through which `aggregate` and `detect` ask; `store/clickhouse` has this shape. */
export interface AnalyticsReader {
  /** `signal` gives the caller up early; the engine's own time limit ends the work. */
  rows<Row extends object>(query: AnalyticsQuery, options?: { readonly signal?: AbortSignal }): Promise<Row[]>;
}
