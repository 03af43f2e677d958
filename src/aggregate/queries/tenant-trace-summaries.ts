import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { NO_PARENT, spanTime } from '../trace-sql.ts';

export interface TraceSummaryRow {
  readonly tenant_id: string;
  readonly trace_id: string;
  readonly name: string;
  readonly route: string;
  readonly service: string;
  readonly http_status: number;
  readonly failed: number;
  readonly started_at_ms: number;
  readonly duration_ns: number;
  readonly root_name: string;
  readonly root_service: string;
  readonly trace_started_at_ms: number;
  readonly trace_duration_ns: number;
  readonly services: readonly string[];
  readonly spans: number;
  readonly failed_spans: number;
  readonly db_calls: number;
  readonly db_ns: number;
  readonly ai_calls: number;
  readonly ai_ns: number;
  readonly error_message: string;
}

const SHOWN_MESSAGE = 300;
const SHOWN_SERVICES = 20;

/**
 * What the tenant's own spans of these traces add up to, and the request span of each that `spanIds` names:
 * TraceSummaryRow. `window`: when those spans began; the bloom filter on TraceId leaves few granules of it.
 */
export function tenantTraceSummaries(
  tenantId: TenantId,
  window: Window,
  traceIds: readonly string[],
  spanIds: readonly string[],
): AnalyticsQuery {
  const time = spanTime(window);
  const own = 'SpanId IN (SELECT toFixedString(unhex(arrayJoin({spans:Array(String)})), 8))';
  const isRoot = `(ParentSpanId != ${NO_PARENT}, Timestamp, SpanId)`;
  return {
    question: 'tenant-trace-summaries',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, lower(hex(TraceId)) AS trace_id,
                 anyIf(SpanName, is_own) AS name, anyIf(Route, is_own) AS route, anyIf(ServiceName, is_own) AS service,
                 anyIf(HttpStatus, is_own) AS http_status, toUInt8(maxIf(IsError, is_own)) AS failed,
                 toUnixTimestamp64Milli(anyIf(Timestamp, is_own)) AS started_at_ms, anyIf(Duration, is_own) AS duration_ns,
                 argMin(SpanName, ${isRoot}) AS root_name, argMin(ServiceName, ${isRoot}) AS root_service,
                 toUnixTimestamp64Milli(min(Timestamp)) AS trace_started_at_ms,
                 max(toUnixTimestamp64Nano(Timestamp) + Duration) - toUnixTimestamp64Nano(min(Timestamp)) AS trace_duration_ns,
                 arraySort(groupUniqArray(${SHOWN_SERVICES})(ServiceName)) AS services,
                 count() AS spans, countIf(IsError) AS failed_spans,
                 countIf(DbSystem != '') AS db_calls, sumIf(Duration, DbSystem != '') AS db_ns,
                 countIf(AiOperation != '') AS ai_calls, sumIf(Duration, AiOperation != '') AS ai_ns,
                 substringUTF8(if(anyIf(StatusMessage, is_own AND IsError) != '', anyIf(StatusMessage, is_own AND IsError),
                    anyIf(StatusMessage, IsError AND StatusMessage != '')), 1, ${SHOWN_MESSAGE}) AS error_message
          FROM (SELECT TenantId, TraceId, SpanId, ParentSpanId, Timestamp, Duration, SpanName, Route, ServiceName, HttpStatus,
                       IsError, DbSystem, AiOperation, StatusMessage, ${own} AS is_own
                FROM spans
                WHERE TenantId = {tenant:String} AND ${time.sql}
                      AND TraceId IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16)))
          GROUP BY TenantId, TraceId`,
    params: { ...time.params, tenant: tenantId, traces: traceIds, spans: spanIds },
    scope: { tenant: tenantId },
  };
}
