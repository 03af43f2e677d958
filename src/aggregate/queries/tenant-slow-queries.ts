import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { dbCollection, dbQueryColumns, rawDbQuery } from '../db-query-sql.ts';
import { timeCondition } from '../rollup-source.ts';

export interface SlowQueryQuestion {
  readonly tenantId: TenantId;
  readonly window: Window;
  readonly minDurationNs: bigint;
  readonly limit: number;
}

export interface SlowQueryRow {
  readonly tenant_id: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly started_at_ms: number;
  readonly duration_ns: number;
  readonly service: string;
  readonly db_system: string;
  readonly query_hash: string;
  readonly query: string;
  readonly failed: number;
  /** null: the call did not say. */
  readonly row_count: number | null;
}

/** The slowest database calls of one tenant that spans are still kept of, slowest first: SlowQueryRow. */
export function tenantSlowQueries({ tenantId, window, minDurationNs, limit }: SlowQueryQuestion): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const names = { raw: 'raw_query', system: 'DbSystem', operation: 'DbOperation', collection: 'collection' };
  return {
    question: 'tenant-slow-queries',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, lower(hex(TraceId)) AS trace_id, lower(hex(SpanId)) AS span_id,
                 toUnixTimestamp64Milli(Timestamp) AS started_at_ms, Duration AS duration_ns, ServiceName AS service,
                 DbSystem AS db_system, lower(hex(cityHash64(query_text))) AS query_hash, query_text AS query,
                 toUInt8(IsError) AS failed, DbRows AS row_count
          FROM (SELECT *, ${dbQueryColumns(names)}
                FROM (SELECT TenantId, TraceId, SpanId, Timestamp, Duration, ServiceName, DbSystem, DbOperation, IsError,
                             DbRows, ${rawDbQuery('SpanAttributes', 'DbSystem')} AS raw_query,
                             ${dbCollection('SpanAttributes')} AS collection
                      FROM spans
                      WHERE TenantId = {tenant:String} AND ${time.sql.replaceAll(/\bTime\b/g, 'Timestamp')}
                            AND DbSystem != '' AND Duration >= {min_ns:UInt64}
                      ORDER BY Duration DESC, Timestamp, SpanId LIMIT {limit:UInt32}))
          ORDER BY duration_ns DESC, started_at_ms, span_id`,
    params: { ...time.params, tenant: tenantId, min_ns: minDurationNs.toString(), limit },
    scope: { tenant: tenantId },
  };
}
