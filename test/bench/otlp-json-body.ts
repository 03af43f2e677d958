import { decodeTraceRequest, type OtlpAnyValue, type OtlpKeyValue, type OtlpSpan } from '../support/otlp-proto.ts';

/**
 * The request as OTLP/JSON writes it: camelCase names, ids in hex, 64-bit integers as text; with a number in an attribute of
 * its resources, as ingest makes protobuf of it before it looks whether the request came before.
 */
export function otlpJsonBody(protobuf: Uint8Array, number: number): Buffer {
  const numbered = { key: 'bench.number', value: { intValue: String(number) } };
  const resourceSpans = (decodeTraceRequest(protobuf).resource_spans ?? []).map(({ resource, scope_spans = [] }) => ({
    resource: { attributes: [...(resource?.attributes ?? []).map(jsonAttribute), numbered] },
    scopeSpans: scope_spans.map(({ scope, spans = [] }) => ({
      scope: { name: scope?.name, version: scope?.version },
      spans: spans.map(jsonSpan),
    })),
  }));
  return Buffer.from(JSON.stringify({ resourceSpans }));
}

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

function jsonSpan(span: OtlpSpan): object {
  return {
    traceId: hex(span.trace_id),
    spanId: hex(span.span_id),
    parentSpanId: hex(span.parent_span_id),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.start_time_unix_nano,
    endTimeUnixNano: span.end_time_unix_nano,
    attributes: span.attributes?.map(jsonAttribute),
    status: span.status ?? {},
  };
}

function jsonAttribute({ key, value = {} }: OtlpKeyValue): object {
  return { key, value: jsonValue(value) };
}

/** The kinds that the bench's telemetry has. */
function jsonValue({ string_value, bool_value, int_value, double_value }: OtlpAnyValue): object {
  if (string_value !== undefined) return { stringValue: string_value };
  if (bool_value !== undefined) return { boolValue: bool_value };
  if (int_value !== undefined) return { intValue: String(int_value) };
  return { doubleValue: double_value };
}
