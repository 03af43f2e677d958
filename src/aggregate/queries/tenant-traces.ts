import type { AnalyticsQuery, QueryParam } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { NO_PARENT, NS_PER_MS, spanTime } from '../trace-sql.ts';

type TraceOrder = 'slowest' | 'failed' | 'newest';

export interface TracesQuestion {
  readonly tenantId: TenantId;
  /** When the request began. */
  readonly window: Window;
  /** `failed`: those that failed, newest first. */
  readonly order: TraceOrder;
  readonly route: string | undefined;
  readonly service: string | undefined;
  /** How long the request took, half-open, in milliseconds. */
  readonly minMs: number | undefined;
  readonly maxMs: number | undefined;
  readonly limit: number;
  readonly offset: number;
}

export interface TraceCandidateRow {
  readonly tenant_id: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly started_at_ms: number;
  readonly ended_at_ms: number;
}

/**
 * A trace has a request span for each service that it goes through; so many spans are ranked before they are put
 * together by trace. 100,000 rows of 48 bytes are the most that one question holds in memory, however long its window.
 */
const MAX_RANKED_SPANS = 100_000;

function conditions({ route, service, minMs, maxMs, order }: TracesQuestion) {
  const given: [boolean, string, Record<string, QueryParam>][] = [
    [order === 'failed', 'IsError', {}],
    [route !== undefined, 'Route = {route:String}', { route: route ?? '' }],
    [service !== undefined, 'ServiceName = {service:String}', { service: service ?? '' }],
    [minMs !== undefined, 'Duration >= {min_ns:UInt64}', { min_ns: Math.ceil((minMs ?? 0) * NS_PER_MS) }],
    [maxMs !== undefined, 'Duration < {max_ns:UInt64}', { max_ns: Math.ceil((maxMs ?? 0) * NS_PER_MS) }],
  ];
  const asked = given.filter(([isAsked]) => isAsked);
  return {
    sql: asked.map(([, sql]) => ` AND ${sql}`).join(''),
    params: Object.assign({}, ...asked.map(([, , params]) => params)) as Record<string, QueryParam>,
  };
}

/**
 * The traces of one tenant that fit, one row a trace with the request span that made it fit: TraceCandidateRow. A
 * request is the span of a server or consumer, or one without a parent. Reads five narrow columns of the tenant's range
 * in the sort key and of the days of the window.
 */
export function tenantTraces(question: TracesQuestion): AnalyticsQuery {
  const { tenantId, window, order, limit, offset } = question;
  const time = spanTime(window);
  const filter = conditions(question);
  const ranking = order === 'slowest' ? 'Duration DESC, Timestamp DESC, SpanId' : 'Timestamp DESC, SpanId';
  return {
    question: 'tenant-traces',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, lower(hex(TraceId)) AS trace_id, lower(hex(SpanId)) AS span_id,
                 toUnixTimestamp64Milli(Timestamp) AS started_at_ms,
                 intDiv(toUnixTimestamp64Nano(Timestamp) + Duration, 1000000) AS ended_at_ms
          FROM (SELECT TenantId, TraceId, SpanId, Timestamp, Duration
                FROM spans
                WHERE TenantId = {tenant:String} AND ${time.sql}
                      AND (SpanKind IN ('Server', 'Consumer') OR ParentSpanId = ${NO_PARENT})${filter.sql}
                ORDER BY ${ranking} LIMIT ${MAX_RANKED_SPANS})
          ORDER BY ${ranking}
          LIMIT 1 BY TraceId
          LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    params: { ...time.params, ...filter.params, tenant: tenantId, limit, offset },
    scope: { tenant: tenantId },
  };
}
