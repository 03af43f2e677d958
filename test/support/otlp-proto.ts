import protobuf from 'protobufjs';

/** What all signals share: opentelemetry-proto's `common.proto` and `resource.proto`. */
export const COMMON_PROTO = `
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message InstrumentationScope {
    string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4;
  }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
    }
  }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
`;

/**
 * OTLP's trace messages as opentelemetry-proto 1.11 numbers them, for tests that need requests which no exporter would
 * write. Production never builds these objects: ingest walks the bytes and ClickHouse decodes them.
 */
const SCHEMA = `
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
  message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
  message RpcStatus { int32 code = 1; string message = 2; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; fixed32 flags = 16;
    string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10;
    repeated Event events = 11; uint32 dropped_events_count = 12;
    repeated Link links = 13; uint32 dropped_links_count = 14;
    Status status = 15;
    message Event {
      fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4;
    }
    message Link {
      bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
      uint32 dropped_attributes_count = 5; fixed32 flags = 6;
    }
  }
  message Status { string message = 2; int32 code = 3; }
${COMMON_PROTO}`;

const root = protobuf.parse(SCHEMA, { keepCase: true }).root;
const Request = root.lookupType('ExportTraceServiceRequest');
const Response = root.lookupType('ExportTraceServiceResponse');
const StatusMessage = root.lookupType('RpcStatus');

/** For who makes requests of it. */
export { Request as TraceRequestType };

/** One of the seven; an empty object is an AnyValue without a value. 64-bit integers may be given as strings. */
export interface OtlpAnyValue {
  string_value?: string;
  bool_value?: boolean;
  int_value?: number | string;
  double_value?: number;
  array_value?: { values?: OtlpAnyValue[] };
  kvlist_value?: { values?: OtlpKeyValue[] };
  bytes_value?: Uint8Array;
}

export interface OtlpKeyValue {
  key?: string;
  value?: OtlpAnyValue;
}

interface OtlpEvent {
  time_unix_nano?: string | number;
  name?: string;
  attributes?: OtlpKeyValue[];
  dropped_attributes_count?: number;
}

interface OtlpLink {
  trace_id?: Uint8Array;
  span_id?: Uint8Array;
  trace_state?: string;
  attributes?: OtlpKeyValue[];
  dropped_attributes_count?: number;
  flags?: number;
}

export interface OtlpSpan {
  trace_id?: Uint8Array;
  span_id?: Uint8Array;
  trace_state?: string;
  parent_span_id?: Uint8Array;
  flags?: number;
  name?: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind?: number;
  /** Unix nanoseconds; a decimal string, as a JavaScript number loses digits. */
  start_time_unix_nano?: string | number;
  end_time_unix_nano?: string | number;
  attributes?: OtlpKeyValue[];
  dropped_attributes_count?: number;
  events?: OtlpEvent[];
  dropped_events_count?: number;
  links?: OtlpLink[];
  dropped_links_count?: number;
  /** Code 0 unset, 1 ok, 2 error. */
  status?: { message?: string; code?: number };
}

interface OtlpScopeSpans {
  scope?: { name?: string; version?: string; attributes?: OtlpKeyValue[]; dropped_attributes_count?: number };
  spans?: OtlpSpan[];
  schema_url?: string;
}

interface OtlpResourceSpans {
  resource?: { attributes?: OtlpKeyValue[]; dropped_attributes_count?: number };
  scope_spans?: OtlpScopeSpans[];
  schema_url?: string;
}

export interface OtlpTraceRequest {
  resource_spans?: OtlpResourceSpans[];
}

/** The request in protobuf. Absent fields stay absent on the wire. */
export function encodeTraceRequest(request: OtlpTraceRequest): Uint8Array {
  return Request.encode(Request.fromObject(request)).finish();
}

/** The request in the shape of `encodeTraceRequest`; 64-bit integers as decimal strings. Throws on malformed bytes. */
export function decodeTraceRequest(bytes: Uint8Array): OtlpTraceRequest {
  return Request.toObject(Request.decode(bytes), { longs: String }) as OtlpTraceRequest;
}

/** All spans of a request, flattened in wire order. */
export function spansOf(request: OtlpTraceRequest): OtlpSpan[] {
  return (request.resource_spans ?? [])
    .flatMap((resource) => resource.scope_spans ?? [])
    .flatMap((scope) => scope.spans ?? []);
}

export function decodeTraceResponse(bytes: Uint8Array): {
  partial_success?: { rejected_spans?: string; error_message?: string };
} {
  return Response.toObject(Response.decode(bytes), { longs: String });
}

/** A `google.rpc.Status`, the body of every OTLP error answer. */
export function decodeRpcStatus(bytes: Uint8Array): { code: number; message: string } {
  return StatusMessage.toObject(StatusMessage.decode(bytes), { defaults: true }) as { code: number; message: string };
}
