/**
 * OTLP's messages as the wire check needs them: for every message, which field numbers it knows, and for each the wire
 * type and, where the field is a message that is walked, which one.
 * Source: opentelemetry-proto 1.11, collector/{trace,metrics,logs}/v1 and below. Fields added to OTLP later count as
 * unknown.
 */
export const MESSAGE = {
  NONE: 0,
  TRACE_REQUEST: 1,
  RESOURCE_SPANS: 2,
  RESOURCE: 3,
  SCOPE_SPANS: 4,
  SCOPE: 5,
  SPAN: 6,
  EVENT: 7,
  LINK: 8,
  STATUS: 9,
  KEY_VALUE: 10,
  ANY_VALUE: 11,
  ARRAY_VALUE: 12,
  KEY_VALUE_LIST: 13,
  METRICS_REQUEST: 14,
  RESOURCE_METRICS: 15,
  SCOPE_METRICS: 16,
  METRIC: 17,
  GAUGE: 18,
  SUM: 19,
  HISTOGRAM: 20,
  EXPONENTIAL_HISTOGRAM: 21,
  SUMMARY: 22,
  NUMBER_POINT: 23,
  HISTOGRAM_POINT: 24,
  EXPONENTIAL_HISTOGRAM_POINT: 25,
  SUMMARY_POINT: 26,
  BUCKETS: 27,
  QUANTILE: 28,
  EXEMPLAR: 29,
  LOGS_REQUEST: 30,
  RESOURCE_LOGS: 31,
  SCOPE_LOGS: 32,
  LOG_RECORD: 33,
} as const;

export type Message = (typeof MESSAGE)[keyof typeof MESSAGE];

/** What is counted as telemetry: spans, data points and log records. */
export const ITEM_MESSAGES: ReadonlySet<Message> = new Set([
  MESSAGE.SPAN,
  MESSAGE.NUMBER_POINT,
  MESSAGE.HISTOGRAM_POINT,
  MESSAGE.EXPONENTIAL_HISTOGRAM_POINT,
  MESSAGE.SUMMARY_POINT,
  MESSAGE.LOG_RECORD,
]);

/**
 * What a field holds. `id`: bytes that OTLP/JSON writes in hex; `dropped_count`: a uint32 that nothing reads, so its
 * bound is not checked; those in the plural: repeated numbers, in one length-delimited field or one by one.
 */
export type ScalarKind =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'dropped_count'
  | 'sint32'
  | 'int64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'fixed64s'
  | 'doubles'
  | 'uint64s';

type MessageField = readonly [name: string, kind: ScalarKind | Message, cardinality?: 'repeated'];

export interface MessageSchema {
  readonly name: string;
  /** By field number; names as protobuf has them (OTLP/JSON writes them in lowerCamelCase). */
  readonly fields: Readonly<Record<number, MessageField>>;
  /** Fields of which one may stand in a message, and once. */
  readonly oneOf?: readonly number[];
}

/** Traces, logs and what all signals share; metrics have a file of their own. */
export const SCHEMAS: Readonly<Record<number, MessageSchema>> = {
  [MESSAGE.TRACE_REQUEST]: {
    name: 'ExportTraceServiceRequest',
    fields: { 1: ['resource_spans', MESSAGE.RESOURCE_SPANS, 'repeated'] },
  },
  [MESSAGE.RESOURCE_SPANS]: {
    name: 'ResourceSpans',
    fields: {
      1: ['resource', MESSAGE.RESOURCE],
      2: ['scope_spans', MESSAGE.SCOPE_SPANS, 'repeated'],
      3: ['schema_url', 'string'],
    },
  },
  [MESSAGE.RESOURCE]: {
    name: 'Resource',
    fields: { 1: ['attributes', MESSAGE.KEY_VALUE, 'repeated'], 2: ['dropped_attributes_count', 'dropped_count'] },
  },
  [MESSAGE.SCOPE_SPANS]: {
    name: 'ScopeSpans',
    fields: { 1: ['scope', MESSAGE.SCOPE], 2: ['spans', MESSAGE.SPAN, 'repeated'], 3: ['schema_url', 'string'] },
  },
  [MESSAGE.SCOPE]: {
    name: 'InstrumentationScope',
    fields: {
      1: ['name', 'string'],
      2: ['version', 'string'],
      3: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      4: ['dropped_attributes_count', 'dropped_count'],
    },
  },
  [MESSAGE.SPAN]: {
    name: 'Span',
    fields: {
      1: ['trace_id', 'id'],
      2: ['span_id', 'id'],
      3: ['trace_state', 'string'],
      4: ['parent_span_id', 'id'],
      5: ['name', 'string'],
      6: ['kind', 'enum'],
      7: ['start_time_unix_nano', 'fixed64'],
      8: ['end_time_unix_nano', 'fixed64'],
      9: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      10: ['dropped_attributes_count', 'dropped_count'],
      11: ['events', MESSAGE.EVENT, 'repeated'],
      12: ['dropped_events_count', 'dropped_count'],
      13: ['links', MESSAGE.LINK, 'repeated'],
      14: ['dropped_links_count', 'dropped_count'],
      15: ['status', MESSAGE.STATUS],
      16: ['flags', 'fixed32'],
    },
  },
  [MESSAGE.EVENT]: {
    name: 'Event',
    fields: {
      1: ['time_unix_nano', 'fixed64'],
      2: ['name', 'string'],
      3: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      4: ['dropped_attributes_count', 'dropped_count'],
    },
  },
  [MESSAGE.LINK]: {
    name: 'Link',
    fields: {
      1: ['trace_id', 'id'],
      2: ['span_id', 'id'],
      3: ['trace_state', 'string'],
      4: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      5: ['dropped_attributes_count', 'dropped_count'],
      6: ['flags', 'fixed32'],
    },
  },
  [MESSAGE.STATUS]: { name: 'Status', fields: { 2: ['message', 'string'], 3: ['code', 'enum'] } },
  // One value each: for decoders the last one counts, ClickHouse's refuses the segment (verified).
  [MESSAGE.KEY_VALUE]: {
    name: 'KeyValue',
    fields: { 1: ['key', 'string'], 2: ['value', MESSAGE.ANY_VALUE] },
    oneOf: [2],
  },
  [MESSAGE.ANY_VALUE]: {
    name: 'AnyValue',
    fields: {
      1: ['string_value', 'string'],
      2: ['bool_value', 'bool'],
      3: ['int_value', 'int64'],
      4: ['double_value', 'double'],
      5: ['array_value', MESSAGE.ARRAY_VALUE],
      6: ['kvlist_value', MESSAGE.KEY_VALUE_LIST],
      7: ['bytes_value', 'bytes'],
    },
    oneOf: [1, 2, 3, 4, 5, 6, 7],
  },
  [MESSAGE.ARRAY_VALUE]: { name: 'ArrayValue', fields: { 1: ['values', MESSAGE.ANY_VALUE, 'repeated'] } },
  [MESSAGE.KEY_VALUE_LIST]: { name: 'KeyValueList', fields: { 1: ['values', MESSAGE.KEY_VALUE, 'repeated'] } },
  [MESSAGE.LOGS_REQUEST]: {
    name: 'ExportLogsServiceRequest',
    fields: { 1: ['resource_logs', MESSAGE.RESOURCE_LOGS, 'repeated'] },
  },
  [MESSAGE.RESOURCE_LOGS]: {
    name: 'ResourceLogs',
    fields: {
      1: ['resource', MESSAGE.RESOURCE],
      2: ['scope_logs', MESSAGE.SCOPE_LOGS, 'repeated'],
      3: ['schema_url', 'string'],
    },
  },
  [MESSAGE.SCOPE_LOGS]: {
    name: 'ScopeLogs',
    fields: {
      1: ['scope', MESSAGE.SCOPE],
      2: ['log_records', MESSAGE.LOG_RECORD, 'repeated'],
      3: ['schema_url', 'string'],
    },
  },
  [MESSAGE.LOG_RECORD]: {
    name: 'LogRecord',
    fields: {
      1: ['time_unix_nano', 'fixed64'],
      2: ['severity_number', 'enum'],
      3: ['severity_text', 'string'],
      5: ['body', MESSAGE.ANY_VALUE],
      6: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      7: ['dropped_attributes_count', 'dropped_count'],
      8: ['flags', 'fixed32'],
      9: ['trace_id', 'id'],
      10: ['span_id', 'id'],
      11: ['observed_time_unix_nano', 'fixed64'],
      12: ['event_name', 'string'],
    },
  },
};
