import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { FigureName } from '../../domain/self-check.ts';
import type { TenantId } from '../../domain/tenant-id.ts';

export interface SelfCheckSpansRow extends Readonly<Record<FigureName, number>> {
  /** 32 lower-case hex digits. */
  readonly trace_id: string;
  /** Unix ms. */
  readonly received_at: number;
}

/** What is stored of each trace that a self-check sent from `from` on (Unix ms). */
export function selfCheckSpans(tenant: TenantId, from: number): AnalyticsQuery {
  return {
    question: 'self-check-spans',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, lower(hex(TraceId)) AS trace_id,
                 toUnixTimestamp64Milli(min(ReceivedAt)) AS received_at, count() AS spans,
                 countIf(SpanKind = 'Server') AS requests, countIf(SpanKind = 'Server' AND IsError) AS errors,
                 sumIf(Duration, SpanKind = 'Server') AS request_ns, countIf(DbSystem != '') AS db_calls,
                 countIf(DbSystem != '') AS query_calls, sumIf(Duration, DbSystem != '') AS db_ns,
                 sum(CacheHits) AS cache_hits, sum(CacheMisses) AS cache_misses, countIf(AiOperation != '') AS ai_calls,
                 sum(AiInputTokens) AS input_tokens, sum(AiOutputTokens) AS output_tokens
          FROM spans
          WHERE TenantId = {tenant:String}
            AND Timestamp >= fromUnixTimestamp64Milli({from:Int64})
          GROUP BY tenant_id, trace_id`,
    params: { tenant, from },
    scope: { tenant },
  };
}
