import protobuf from 'protobufjs';
import { COMMON_PROTO, type OtlpKeyValue } from './otlp-proto.ts';

/**
 * OTLP's metrics and logs messages as opentelemetry-proto 1.11 numbers them, for tests that need requests which no
 * exporter would write.
 */
const SCHEMA = `
  syntax = "proto3";
  message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
  message ExportMetricsPartialSuccess { int64 rejected_data_points = 1; string error_message = 2; }
  message ExportMetricsServiceResponse { ExportMetricsPartialSuccess partial_success = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; string schema_url = 3; }
  message ScopeMetrics { InstrumentationScope scope = 1; repeated Metric metrics = 2; string schema_url = 3; }
  message Metric {
    string name = 1; string description = 2; string unit = 3;
    oneof data {
      Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; ExponentialHistogram exponential_histogram = 10;
      Summary summary = 11;
    }
    repeated KeyValue metadata = 12;
  }
  message Gauge { repeated NumberDataPoint data_points = 1; }
  message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
  message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
  message ExponentialHistogram {
    repeated ExponentialHistogramDataPoint data_points = 1; int32 aggregation_temporality = 2;
  }
  message Summary { repeated SummaryDataPoint data_points = 1; }
  message NumberDataPoint {
    repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
    oneof value { double as_double = 4; sfixed64 as_int = 6; }
    repeated Exemplar exemplars = 5; uint32 flags = 8;
  }
  message HistogramDataPoint {
    repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
    optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
    repeated Exemplar exemplars = 8; uint32 flags = 10; optional double min = 11; optional double max = 12;
  }
  message ExponentialHistogramDataPoint {
    repeated KeyValue attributes = 1; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
    optional double sum = 5; sint32 scale = 6; fixed64 zero_count = 7; Buckets positive = 8; Buckets negative = 9;
    uint32 flags = 10; repeated Exemplar exemplars = 11; optional double min = 12; optional double max = 13;
    double zero_threshold = 14;
    message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }
  }
  message SummaryDataPoint {
    repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
    double sum = 5; repeated ValueAtQuantile quantile_values = 6; uint32 flags = 8;
    message ValueAtQuantile { double quantile = 1; double value = 2; }
  }
  message Exemplar {
    repeated KeyValue filtered_attributes = 7; fixed64 time_unix_nano = 2;
    oneof value { double as_double = 3; sfixed64 as_int = 6; }
    bytes span_id = 4; bytes trace_id = 5;
  }
  message ExportLogsServiceRequest { repeated ResourceLogs resource_logs = 1; }
  message ExportLogsPartialSuccess { int64 rejected_log_records = 1; string error_message = 2; }
  message ExportLogsServiceResponse { ExportLogsPartialSuccess partial_success = 1; }
  message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; string schema_url = 3; }
  message ScopeLogs { InstrumentationScope scope = 1; repeated LogRecord log_records = 2; string schema_url = 3; }
  message LogRecord {
    fixed64 time_unix_nano = 1; fixed64 observed_time_unix_nano = 11; int32 severity_number = 2;
    string severity_text = 3; AnyValue body = 5; repeated KeyValue attributes = 6; uint32 dropped_attributes_count = 7;
    fixed32 flags = 8; bytes trace_id = 9; bytes span_id = 10; string event_name = 12;
  }
${COMMON_PROTO}`;

const root = protobuf.parse(SCHEMA, { keepCase: true }).root;
const Request = root.lookupType('ExportMetricsServiceRequest');
const Response = root.lookupType('ExportMetricsServiceResponse');
const LogsRequest = root.lookupType('ExportLogsServiceRequest');
const LogsResponse = root.lookupType('ExportLogsServiceResponse');

/** For who makes requests of them. */
export { LogsRequest as LogsRequestType, Request as MetricsRequestType };

/** The fields that every kind of data point has. Times are decimal strings, as a JavaScript number loses digits. */
interface OtlpPoint {
  attributes?: OtlpKeyValue[];
  start_time_unix_nano?: string | number;
  time_unix_nano?: string | number;
  flags?: number;
}

interface OtlpExemplar {
  filtered_attributes?: OtlpKeyValue[];
  time_unix_nano?: string | number;
  as_double?: number;
  as_int?: number | string;
  span_id?: Uint8Array;
  trace_id?: Uint8Array;
}

export interface OtlpNumberPoint extends OtlpPoint {
  as_double?: number;
  as_int?: number | string;
  exemplars?: OtlpExemplar[];
}

interface OtlpHistogramPoint extends OtlpPoint {
  count?: number | string;
  sum?: number;
  bucket_counts?: (number | string)[];
  explicit_bounds?: number[];
  exemplars?: OtlpExemplar[];
  min?: number;
  max?: number;
}

interface OtlpExponentialHistogramPoint extends OtlpPoint {
  count?: number | string;
  sum?: number;
  scale?: number;
  zero_count?: number | string;
  positive?: { offset?: number; bucket_counts?: (number | string)[] };
  negative?: { offset?: number; bucket_counts?: (number | string)[] };
  exemplars?: OtlpExemplar[];
  min?: number;
  max?: number;
  zero_threshold?: number;
}

interface OtlpSummaryPoint extends OtlpPoint {
  count?: number | string;
  sum?: number;
  quantile_values?: { quantile?: number; value?: number }[];
}

/** Temporality 1 delta, 2 cumulative. */
export interface OtlpMetric {
  name?: string;
  description?: string;
  unit?: string;
  gauge?: { data_points?: OtlpNumberPoint[] };
  sum?: { data_points?: OtlpNumberPoint[]; aggregation_temporality?: number; is_monotonic?: boolean };
  histogram?: { data_points?: OtlpHistogramPoint[]; aggregation_temporality?: number };
  exponential_histogram?: { data_points?: OtlpExponentialHistogramPoint[]; aggregation_temporality?: number };
  summary?: { data_points?: OtlpSummaryPoint[] };
  metadata?: OtlpKeyValue[];
}

export interface OtlpMetricsRequest {
  resource_metrics?: {
    resource?: { attributes?: OtlpKeyValue[] };
    scope_metrics?: { scope?: { name?: string; version?: string }; metrics?: OtlpMetric[] }[];
  }[];
}

export interface OtlpLogsRequest {
  resource_logs?: {
    resource?: { attributes?: OtlpKeyValue[] };
    scope_logs?: { log_records?: { body?: OtlpKeyValue['value']; attributes?: OtlpKeyValue[] }[] }[];
  }[];
}

/** The request in protobuf. Absent fields stay absent on the wire. */
export function encodeMetricsRequest(request: OtlpMetricsRequest): Uint8Array {
  return Request.encode(Request.fromObject(request)).finish();
}

/** The request in the shape of `encodeMetricsRequest`; 64-bit integers as decimal strings. Throws on malformed bytes. */
export function decodeMetricsRequest(bytes: Uint8Array): OtlpMetricsRequest {
  return Request.toObject(Request.decode(bytes), { longs: String }) as OtlpMetricsRequest;
}

/** All metrics of a request, flattened in wire order. */
export function metricsOf(request: OtlpMetricsRequest): OtlpMetric[] {
  return (request.resource_metrics ?? [])
    .flatMap((resource) => resource.scope_metrics ?? [])
    .flatMap((scope) => scope.metrics ?? []);
}

/** How many data points, of whatever kind, a request has. */
export function pointsIn(request: OtlpMetricsRequest): number {
  return metricsOf(request)
    .flatMap(({ gauge, sum, histogram, exponential_histogram, summary }) => [
      gauge,
      sum,
      histogram,
      exponential_histogram,
      summary,
    ])
    .reduce((count, data) => count + (data?.data_points?.length ?? 0), 0);
}

export function decodeMetricsResponse(bytes: Uint8Array): {
  partial_success?: { rejected_data_points?: string; error_message?: string };
} {
  return Response.toObject(Response.decode(bytes), { longs: String });
}

export function encodeLogsRequest(request: OtlpLogsRequest): Uint8Array {
  return LogsRequest.encode(LogsRequest.fromObject(request)).finish();
}

/** How many log records a request has. Throws on malformed bytes. */
export function logRecordsIn(bytes: Uint8Array): number {
  const request = LogsRequest.toObject(LogsRequest.decode(bytes)) as OtlpLogsRequest;
  return (request.resource_logs ?? [])
    .flatMap((resource) => resource.scope_logs ?? [])
    .reduce((count, scope) => count + (scope.log_records?.length ?? 0), 0);
}

export function decodeLogsRequest(bytes: Uint8Array): OtlpLogsRequest {
  return LogsRequest.toObject(LogsRequest.decode(bytes), { longs: String }) as OtlpLogsRequest;
}

export function decodeLogsResponse(bytes: Uint8Array): {
  partial_success?: { rejected_log_records?: string; error_message?: string };
} {
  return LogsResponse.toObject(LogsResponse.decode(bytes), { longs: String });
}
