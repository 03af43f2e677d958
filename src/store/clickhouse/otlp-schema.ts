import type { SegmentSignal } from '../../domain/spool-format.ts';
import type { SegmentInsert } from './clickhouse.ts';
import { quoted } from './sql-text.ts';

/**
 * The part of OTLP's protobuf that ClickHouse decodes (field numbers from opentelemetry-proto 1.11), plus ingest's
 * trailer. Arrays and key-value lists are read two levels deep; `LeafValue` takes what nests deeper as undecoded bytes,
 * which is the same on the wire.
 */
const COMMON_PROTO = `syntax = "proto3";
message LeafValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; bytes array_value = 5; bytes kvlist_value = 6; bytes bytes_value = 7; } }
message LeafKeyValue { string key = 1; LeafValue value = 2; }
message ArrayValue { repeated LeafValue values = 1; }
message KeyValueList { repeated LeafKeyValue values = 1; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
`;

const TRAILER_PROTO =
  'fixed64 tenantry_received_at = 50001; string tenantry_key_id = 50002; string tenantry_key_tenant = 50003; string tenantry_key_service = 50005;';

/** trace/v1/trace.proto */
export const TRACE_PROTO = `${COMMON_PROTO}
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; repeated Event events = 11; repeated Link links = 13; Status status = 15; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; ${TRAILER_PROTO} }
`;

/**
 * metrics/v1/metrics.proto. Attributes of data points are leaves: they name a series, so they are plain values, and
 * every function over five kinds of points is analysed at every insert, at a price that grows with the type.
 */
const METRICS_PROTO = `${COMMON_PROTO}
message Scope { string name = 1; }
message NumberDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; oneof value { double as_double = 4; sfixed64 as_int = 6; } repeated LeafKeyValue attributes = 7; uint32 flags = 8; }
message HistogramDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; repeated LeafKeyValue attributes = 9; uint32 flags = 10; }
message ExponentialHistogramDataPoint { repeated LeafKeyValue attributes = 1; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; uint32 flags = 10; }
message SummaryDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; repeated LeafKeyValue attributes = 7; uint32 flags = 8; }
message Gauge { repeated NumberDataPoint data_points = 1; }
message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message ExponentialHistogram { repeated ExponentialHistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message Summary { repeated SummaryDataPoint data_points = 1; }
message Metric { string name = 1; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; ExponentialHistogram exponential_histogram = 10; Summary summary = 11; } }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; ${TRAILER_PROTO} }
`;

/** Where a signal's segments land, and how their bytes are to be read. */
export const OTLP_SIGNALS = {
  traces: { table: 'otlp_landing', message: 'ExportTraceServiceRequest', proto: TRACE_PROTO },
  metrics: { table: 'otlp_metrics_landing', message: 'ExportMetricsServiceRequest', proto: METRICS_PROTO },
} as const satisfies Record<SegmentSignal, object>;

const KIND = `value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)`;

function valueType(arrayType: string, listType: string): string {
  return `Tuple(${KIND}, string_value String, bool_value UInt8, int_value Int64, double_value Float64, array_value ${arrayType}, kvlist_value ${listType}, bytes_value String)`;
}

const LEAF_VALUE = valueType('String', 'String');

/** A list of attributes whose values are plain; `{{leaf_attributes}}` in the migrations. */
export const LEAF_ATTRIBUTES_TYPE = `Array(Tuple(key String, value ${LEAF_VALUE}))`;

/** `AnyValue` as a ClickHouse type; `{{any_value}}` in the migrations. `value` says which kind of the oneof was sent. */
export const ANY_VALUE_TYPE = valueType(`Tuple(values Array(${LEAF_VALUE}))`, `Tuple(values ${LEAF_ATTRIBUTES_TYPE})`);

/**
 * Where the engine takes the schema from. A server gets it with the statement. The embedded engine reads it from a file:
 * an inline schema makes it write a cache folder into the process's working directory, and no setting moves that.
 */
export type OtlpSchemaSource = 'inline' | { readonly file: string };

/**
 * Settings of an insert that may be repeated. One thread and one block: the token stands for the whole insert, and one
 * that were split into several blocks could be half there. async_insert defaults to on since 26.x and would give up the
 * token; the view setting defaults to 0 on older servers and would count a retry twice in every rollup.
 */
export function onceOnlySettings(token: string): string {
  if (!/^[\w.:#-]+$/.test(token)) throw new Error(`a deduplication token must be a plain name, not ${token}`);
  return [
    'async_insert = 0',
    'insert_deduplicate = 1',
    `insert_deduplication_token = '${token}'`,
    "deduplicate_insert_select = 'force_enable'",
    'deduplicate_blocks_in_dependent_materialized_views = 1',
    'parallel_view_processing = 0',
    'max_threads = 1',
    'max_insert_threads = 1',
    'max_block_size = 100000000',
    'max_insert_block_size = 100000000',
    'min_insert_block_size_rows = 0',
    'min_insert_block_size_bytes = 0',
  ].join(', ');
}

/** Settings of a segment's insert. The views read the batch from the comment, the only setting that may hold any text. */
export function segmentInsertSettings(
  { signal, token, waitingBatch = '' }: SegmentInsert,
  schema: OtlpSchemaSource,
): string {
  const { proto, message } = OTLP_SIGNALS[signal];
  return [
    onceOnlySettings(token),
    `log_comment = ${quoted(waitingBatch)}`,
    'input_format_protobuf_oneof_presence = 1',
    `format_schema_source = '${schema === 'inline' ? 'string' : 'file'}'`,
    `format_schema = ${quoted(schema === 'inline' ? proto : schema.file)}`,
    `format_schema_message_name = '${message}'`,
  ].join(', ');
}
