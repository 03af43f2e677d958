import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { spanTime } from '../trace-sql.ts';

export interface TraceQuestion {
  readonly tenantId: TenantId;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** When its spans began; absent: at any time that spans are kept of. */
  readonly window: Window | undefined;
  readonly limit: number;
}

export interface TraceSpanRow {
  readonly tenant_id: string;
  readonly span_id: string;
  readonly parent_span_id: string;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  /** Nanoseconds since the earliest span of the answer. */
  readonly offset_ns: number;
  readonly started_at_ms: number;
  readonly duration_ns: number;
  readonly status: 'Unset' | 'Ok' | 'Error';
  readonly failed: number;
  readonly status_message: string;
  readonly route: string;
  readonly http_status: number;
  readonly db_system: string;
  readonly ai_operation: string;
  readonly scope_name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly attributes_total: number;
  readonly resource: Readonly<Record<string, string>>;
  readonly events: readonly (readonly [at_ns: number, name: string, attributes: Readonly<Record<string, string>>])[];
  readonly events_total: number;
  /** Spans of the tenant in the trace, those beyond the limit too. */
  readonly all_spans: number;
}

const MAX_ATTRIBUTES = 48;
const MAX_EVENTS = 16;
const MAX_KEY = 128;
const MAX_VALUE = 1_024;
const CUT = `value -> if(lengthUTF8(value) > ${MAX_VALUE}, concat(substringUTF8(value, 1, ${MAX_VALUE}), '…'), value)`;

/** A map with at most so many entries, each of bounded length; what was cut ends in an ellipsis. */
function boundedMap(map: string, entries: number): string {
  return `mapFromArrays(
    arrayMap(key -> substringUTF8(key, 1, ${MAX_KEY}), arraySlice(mapKeys(${map}), 1, ${entries})),
    arrayMap(${CUT}, arraySlice(mapValues(${map}), 1, ${entries})))`;
}

/**
 * One tenant's spans of one trace, earliest first: TraceSpanRow. The sort key leads to the tenant, the bloom filter on
 * TraceId to the granules that hold the trace.
 */
export function tenantTrace({ tenantId, traceId, window, limit }: TraceQuestion): AnalyticsQuery {
  const time = window === undefined ? { sql: '1', params: {} } : spanTime(window);
  return {
    question: 'tenant-trace',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, lower(hex(SpanId)) AS span_id,
                 if(ParentSpanId = toFixedString('', 8), '', lower(hex(ParentSpanId))) AS parent_span_id,
                 substringUTF8(SpanName, 1, 300) AS name, toString(SpanKind) AS kind, ServiceName AS service,
                 toUnixTimestamp64Nano(Timestamp) - min(toUnixTimestamp64Nano(Timestamp)) OVER () AS offset_ns,
                 toUnixTimestamp64Milli(Timestamp) AS started_at_ms, Duration AS duration_ns,
                 toString(StatusCode) AS status, toUInt8(IsError) AS failed, substringUTF8(StatusMessage, 1, 1000) AS status_message,
                 Route AS route, HttpStatus AS http_status, DbSystem AS db_system, AiOperation AS ai_operation,
                 ScopeName AS scope_name, ${boundedMap('SpanAttributes', MAX_ATTRIBUTES)} AS attributes,
                 length(SpanAttributes) AS attributes_total, ${boundedMap('ResourceAttributes', MAX_ATTRIBUTES)} AS resource,
                 arrayMap((at, event, about) -> (toUnixTimestamp64Nano(at) - toUnixTimestamp64Nano(Timestamp), event, ${boundedMap('about', 16)}),
                    arraySlice(EventsTimestamp, 1, ${MAX_EVENTS}), arraySlice(EventsName, 1, ${MAX_EVENTS}),
                    arraySlice(EventsAttributes, 1, ${MAX_EVENTS})) AS events,
                 length(EventsName) AS events_total, count() OVER () AS all_spans
          FROM spans
          WHERE TenantId = {tenant:String} AND TraceId = toFixedString(unhex({trace:String}), 16) AND ${time.sql}
          ORDER BY Timestamp, SpanId LIMIT {limit:UInt32}`,
    params: { ...time.params, tenant: tenantId, trace: traceId, limit },
    scope: { tenant: tenantId },
  };
}
