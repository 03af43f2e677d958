import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { alignOutwards, HOUR_MS, type Window } from '../domain/window.ts';
import { queryVolume } from './queries/across-tenants/query-volume.ts';
import { tenantQueryVolume } from './queries/tenant-query-volume.ts';
import { type SlowQueryQuestion, type SlowQueryRow, tenantSlowQueries } from './queries/tenant-slow-queries.ts';
import type { QueryVolumeQuestion, QueryVolumeRow } from './query-volume-sql.ts';

const NS_PER_MS = 1e6;

/** What one statement cost, of one tenant or of all. Times in milliseconds. */
interface QueryVolume {
  /** null: all tenants together. */
  readonly tenantId: string | null;
  readonly hash: string;
  /** Without values; `(other)` for what is beyond the number that is told apart. */
  readonly query: string;
  readonly dbSystem: string;
  readonly services: readonly string[];
  readonly tenants: number;
  readonly calls: number;
  readonly errors: number;
  readonly slowCalls: number;
  readonly totalMs: number;
  /** null: no call said how many rows it returned or changed. */
  readonly rows: number | null;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of all database time of whom the answer is about, 0 to 1. */
  readonly timeShare: number;
}

export interface QueryVolumeAnswer {
  /** Whole hours. */
  readonly window: Window;
  readonly items: readonly QueryVolume[];
  /** Statements in the window, those beyond the limit too. */
  readonly total: number;
}

export interface SlowQuery {
  readonly tenantId: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Unix ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly service: string;
  readonly dbSystem: string;
  readonly hash: string;
  readonly query: string;
  readonly failed: boolean;
  readonly rows: number | null;
}

/** The dearest statements, of one tenant, of each tenant or of all together. */
export async function readQueryVolume(
  reader: AnalyticsReader,
  asked: QueryVolumeQuestion & { readonly tenant?: TenantId | undefined; readonly by: 'tenant' | 'query' },
): Promise<QueryVolumeAnswer> {
  const { tenant, by, sort, limit } = asked;
  const question = { window: alignOutwards(asked.window, HOUR_MS), sort, limit };
  const rows = await reader.rows<QueryVolumeRow>(
    tenant === undefined ? queryVolume(question, by) : tenantQueryVolume(tenant, question),
  );
  return { window: question.window, items: rows.map(volumeOf), total: rows[0]?.all_queries ?? 0 };
}

function volumeOf(row: QueryVolumeRow): QueryVolume {
  const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = row.percentiles_ms;
  return {
    tenantId: row.tenant_id === '' ? null : row.tenant_id,
    hash: row.query_hash,
    query: row.query,
    dbSystem: row.db_system,
    services: row.services.toSorted(),
    tenants: row.tenants,
    calls: row.calls,
    errors: row.errors,
    slowCalls: row.slow_calls,
    totalMs: row.total_ns / NS_PER_MS,
    rows: row.calls_with_rows === 0 ? null : row.row_count,
    ...{ p50Ms, p95Ms, p99Ms },
    timeShare: row.all_ns === 0 ? 0 : row.total_ns / row.all_ns,
  };
}

/** The slowest calls of one tenant that spans are still kept of, with the trace that each belongs to. */
export async function readSlowQueries(reader: AnalyticsReader, question: SlowQueryQuestion): Promise<SlowQuery[]> {
  const rows = await reader.rows<SlowQueryRow>(tenantSlowQueries(question));
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    traceId: row.trace_id,
    spanId: row.span_id,
    startedAt: row.started_at_ms,
    durationMs: row.duration_ns / NS_PER_MS,
    service: row.service,
    dbSystem: row.db_system,
    hash: row.query_hash,
    query: row.query,
    failed: row.failed === 1,
    rows: row.row_count,
  }));
}
