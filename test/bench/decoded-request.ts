import protobuf from 'protobufjs';
import { TRACE_PROTO } from '../../src/store/clickhouse/otlp-schema.ts';

/** protobufjs's 64-bit integer. */
export interface Long {
  readonly low: number;
  readonly high: number;
}

export interface DecodedValue {
  /** Name of the field that was sent. */
  readonly value?: keyof Omit<DecodedValue, 'value'>;
  readonly string_value: string;
  readonly bool_value: boolean;
  readonly int_value: Long;
  readonly double_value: number;
  readonly array_value: object;
  readonly kvlist_value: object;
  readonly bytes_value: Uint8Array;
}

export interface DecodedAttribute {
  readonly key: string;
  readonly value: DecodedValue | null;
}

export interface DecodedSpan {
  readonly trace_id: Uint8Array;
  readonly span_id: Uint8Array;
  readonly parent_span_id: Uint8Array;
  readonly trace_state: string;
  readonly name: string;
  readonly kind: number;
  readonly start_time_unix_nano: Long;
  readonly end_time_unix_nano: Long;
  readonly attributes: readonly DecodedAttribute[];
  readonly status: { readonly code: number; readonly message: string } | null;
}

export interface DecodedRequest {
  readonly resource_spans: readonly {
    readonly resource: { readonly attributes: readonly DecodedAttribute[] } | null;
    readonly scope_spans: readonly {
      readonly scope: {
        readonly name: string;
        readonly version: string;
        readonly attributes: readonly DecodedAttribute[];
      } | null;
      readonly spans: readonly DecodedSpan[];
    }[];
  }[];
  readonly tenantry_received_at: Long;
  readonly tenantry_key_id: string;
}

const Request = protobuf.parse(TRACE_PROTO, { keepCase: true }).root.lookupType('ExportTraceServiceRequest');

/** The requests of a segment, as protobufjs decodes them fastest: its own message objects, not converted to plain ones. */
export function* decodedRequests(segment: Uint8Array): Generator<DecodedRequest> {
  const reader = protobuf.Reader.create(segment);
  while (reader.pos < reader.len) yield Request.decodeDelimited(reader) as unknown as DecodedRequest;
}
