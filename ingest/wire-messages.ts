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

/** `packed_…`: repeated numbers, in one length-delimited field or one by one. `bool`, `int32`, `uint32` are bounded. */
export type ScalarKind =
  | 'varint'
  | 'bool'
  | 'int32'
  | 'uint32'
  | 'i64'
  | 'i32'
  | 'len'
  | 'packed_varint'
  | 'packed_i64';

interface MessageSchema {
  readonly name: string;
  /** Field number -> name and kind. */
  readonly fields: Readonly<Record<number, readonly [name: string, kind: ScalarKind | Message]>>;
  /** Fields of which one may stand in a message, and once. */
  readonly oneOf?: readonly number[];
}

const POINT_TIMES = { 2: ['start_time_unix_nano', 'i64'], 3: ['time_unix_nano', 'i64'] } as const;
const DISTRIBUTION = { ...POINT_TIMES, 4: ['count', 'i64'], 5: ['sum', 'i64'] } as const;

export const SCHEMAS: Readonly<Record<number, MessageSchema>> = {
  [MESSAGE.TRACE_REQUEST]: {
    name: 'ExportTraceServiceRequest',
    fields: { 1: ['resource_spans', MESSAGE.RESOURCE_SPANS] },
  },
  [MESSAGE.RESOURCE_SPANS]: {
    name: 'ResourceSpans',
    fields: { 1: ['resource', MESSAGE.RESOURCE], 2: ['scope_spans', MESSAGE.SCOPE_SPANS], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.RESOURCE]: {
    name: 'Resource',
    fields: { 1: ['attributes', MESSAGE.KEY_VALUE], 2: ['dropped_attributes_count', 'varint'] },
  },
  [MESSAGE.SCOPE_SPANS]: {
    name: 'ScopeSpans',
    fields: { 1: ['scope', MESSAGE.SCOPE], 2: ['spans', MESSAGE.SPAN], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.SCOPE]: {
    name: 'InstrumentationScope',
    fields: {
      1: ['name', 'len'],
      2: ['version', 'len'],
      3: ['attributes', MESSAGE.KEY_VALUE],
      4: ['dropped_attributes_count', 'varint'],
    },
  },
  [MESSAGE.SPAN]: {
    name: 'Span',
    fields: {
      1: ['trace_id', 'len'],
      2: ['span_id', 'len'],
      3: ['trace_state', 'len'],
      4: ['parent_span_id', 'len'],
      5: ['name', 'len'],
      6: ['kind', 'int32'],
      7: ['start_time_unix_nano', 'i64'],
      8: ['end_time_unix_nano', 'i64'],
      9: ['attributes', MESSAGE.KEY_VALUE],
      10: ['dropped_attributes_count', 'varint'],
      11: ['events', MESSAGE.EVENT],
      12: ['dropped_events_count', 'varint'],
      13: ['links', MESSAGE.LINK],
      14: ['dropped_links_count', 'varint'],
      15: ['status', MESSAGE.STATUS],
      16: ['flags', 'i32'],
    },
  },
  [MESSAGE.EVENT]: {
    name: 'Event',
    fields: {
      1: ['time_unix_nano', 'i64'],
      2: ['name', 'len'],
      3: ['attributes', MESSAGE.KEY_VALUE],
      4: ['dropped_attributes_count', 'varint'],
    },
  },
  [MESSAGE.LINK]: {
    name: 'Link',
    fields: {
      1: ['trace_id', 'len'],
      2: ['span_id', 'len'],
      3: ['trace_state', 'len'],
      4: ['attributes', MESSAGE.KEY_VALUE],
      5: ['dropped_attributes_count', 'varint'],
      6: ['flags', 'i32'],
    },
  },
  [MESSAGE.STATUS]: { name: 'Status', fields: { 2: ['message', 'len'], 3: ['code', 'int32'] } },
  // One value each: for decoders the last one counts, ClickHouse's refuses the segment (verified).
  [MESSAGE.KEY_VALUE]: {
    name: 'KeyValue',
    fields: { 1: ['key', 'len'], 2: ['value', MESSAGE.ANY_VALUE] },
    oneOf: [2],
  },
  [MESSAGE.ANY_VALUE]: {
    name: 'AnyValue',
    fields: {
      1: ['string_value', 'len'],
      2: ['bool_value', 'bool'],
      3: ['int_value', 'varint'],
      4: ['double_value', 'i64'],
      5: ['array_value', MESSAGE.ARRAY_VALUE],
      6: ['kvlist_value', MESSAGE.KEY_VALUE_LIST],
      7: ['bytes_value', 'len'],
    },
    oneOf: [1, 2, 3, 4, 5, 6, 7],
  },
  [MESSAGE.ARRAY_VALUE]: { name: 'ArrayValue', fields: { 1: ['values', MESSAGE.ANY_VALUE] } },
  [MESSAGE.KEY_VALUE_LIST]: { name: 'KeyValueList', fields: { 1: ['values', MESSAGE.KEY_VALUE] } },
  [MESSAGE.METRICS_REQUEST]: {
    name: 'ExportMetricsServiceRequest',
    fields: { 1: ['resource_metrics', MESSAGE.RESOURCE_METRICS] },
  },
  [MESSAGE.RESOURCE_METRICS]: {
    name: 'ResourceMetrics',
    fields: {
      1: ['resource', MESSAGE.RESOURCE],
      2: ['scope_metrics', MESSAGE.SCOPE_METRICS],
      3: ['schema_url', 'len'],
    },
  },
  [MESSAGE.SCOPE_METRICS]: {
    name: 'ScopeMetrics',
    fields: { 1: ['scope', MESSAGE.SCOPE], 2: ['metrics', MESSAGE.METRIC], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.METRIC]: {
    name: 'Metric',
    fields: {
      1: ['name', 'len'],
      2: ['description', 'len'],
      3: ['unit', 'len'],
      5: ['gauge', MESSAGE.GAUGE],
      7: ['sum', MESSAGE.SUM],
      9: ['histogram', MESSAGE.HISTOGRAM],
      10: ['exponential_histogram', MESSAGE.EXPONENTIAL_HISTOGRAM],
      11: ['summary', MESSAGE.SUMMARY],
      12: ['metadata', MESSAGE.KEY_VALUE],
    },
    oneOf: [5, 7, 9, 10, 11],
  },
  [MESSAGE.GAUGE]: { name: 'Gauge', fields: { 1: ['data_points', MESSAGE.NUMBER_POINT] } },
  [MESSAGE.SUM]: {
    name: 'Sum',
    fields: {
      1: ['data_points', MESSAGE.NUMBER_POINT],
      2: ['aggregation_temporality', 'int32'],
      3: ['is_monotonic', 'bool'],
    },
  },
  [MESSAGE.HISTOGRAM]: {
    name: 'Histogram',
    fields: { 1: ['data_points', MESSAGE.HISTOGRAM_POINT], 2: ['aggregation_temporality', 'int32'] },
  },
  [MESSAGE.EXPONENTIAL_HISTOGRAM]: {
    name: 'ExponentialHistogram',
    fields: { 1: ['data_points', MESSAGE.EXPONENTIAL_HISTOGRAM_POINT], 2: ['aggregation_temporality', 'int32'] },
  },
  [MESSAGE.SUMMARY]: { name: 'Summary', fields: { 1: ['data_points', MESSAGE.SUMMARY_POINT] } },
  [MESSAGE.NUMBER_POINT]: {
    name: 'NumberDataPoint',
    fields: {
      ...POINT_TIMES,
      4: ['as_double', 'i64'],
      5: ['exemplars', MESSAGE.EXEMPLAR],
      6: ['as_int', 'i64'],
      7: ['attributes', MESSAGE.KEY_VALUE],
      8: ['flags', 'uint32'],
    },
    oneOf: [4, 6],
  },
  [MESSAGE.HISTOGRAM_POINT]: {
    name: 'HistogramDataPoint',
    fields: {
      ...DISTRIBUTION,
      6: ['bucket_counts', 'packed_i64'],
      7: ['explicit_bounds', 'packed_i64'],
      8: ['exemplars', MESSAGE.EXEMPLAR],
      9: ['attributes', MESSAGE.KEY_VALUE],
      10: ['flags', 'uint32'],
      11: ['min', 'i64'],
      12: ['max', 'i64'],
    },
  },
  [MESSAGE.EXPONENTIAL_HISTOGRAM_POINT]: {
    name: 'ExponentialHistogramDataPoint',
    fields: {
      1: ['attributes', MESSAGE.KEY_VALUE],
      ...DISTRIBUTION,
      6: ['scale', 'varint'],
      7: ['zero_count', 'i64'],
      8: ['positive', MESSAGE.BUCKETS],
      9: ['negative', MESSAGE.BUCKETS],
      10: ['flags', 'uint32'],
      11: ['exemplars', MESSAGE.EXEMPLAR],
      12: ['min', 'i64'],
      13: ['max', 'i64'],
      14: ['zero_threshold', 'i64'],
    },
  },
  [MESSAGE.SUMMARY_POINT]: {
    name: 'SummaryDataPoint',
    fields: {
      ...DISTRIBUTION,
      6: ['quantile_values', MESSAGE.QUANTILE],
      7: ['attributes', MESSAGE.KEY_VALUE],
      8: ['flags', 'uint32'],
    },
  },
  [MESSAGE.BUCKETS]: { name: 'Buckets', fields: { 1: ['offset', 'varint'], 2: ['bucket_counts', 'packed_varint'] } },
  [MESSAGE.QUANTILE]: { name: 'ValueAtQuantile', fields: { 1: ['quantile', 'i64'], 2: ['value', 'i64'] } },
  [MESSAGE.EXEMPLAR]: {
    name: 'Exemplar',
    fields: {
      2: ['time_unix_nano', 'i64'],
      3: ['as_double', 'i64'],
      4: ['span_id', 'len'],
      5: ['trace_id', 'len'],
      6: ['as_int', 'i64'],
      7: ['filtered_attributes', MESSAGE.KEY_VALUE],
    },
  },
  [MESSAGE.LOGS_REQUEST]: {
    name: 'ExportLogsServiceRequest',
    fields: { 1: ['resource_logs', MESSAGE.RESOURCE_LOGS] },
  },
  [MESSAGE.RESOURCE_LOGS]: {
    name: 'ResourceLogs',
    fields: { 1: ['resource', MESSAGE.RESOURCE], 2: ['scope_logs', MESSAGE.SCOPE_LOGS], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.SCOPE_LOGS]: {
    name: 'ScopeLogs',
    fields: { 1: ['scope', MESSAGE.SCOPE], 2: ['log_records', MESSAGE.LOG_RECORD], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.LOG_RECORD]: {
    name: 'LogRecord',
    fields: {
      1: ['time_unix_nano', 'i64'],
      2: ['severity_number', 'int32'],
      3: ['severity_text', 'len'],
      5: ['body', MESSAGE.ANY_VALUE],
      6: ['attributes', MESSAGE.KEY_VALUE],
      7: ['dropped_attributes_count', 'varint'],
      8: ['flags', 'i32'],
      9: ['trace_id', 'len'],
      10: ['span_id', 'len'],
      11: ['observed_time_unix_nano', 'i64'],
      12: ['event_name', 'len'],
    },
  },
};
