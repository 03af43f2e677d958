import { randomBytes } from 'node:crypto';
import { encodeRecord } from '../../ingest/spool-record.ts';
import {
  encodeTraceRequest,
  type OtlpAnyValue,
  type OtlpKeyValue,
  type OtlpSpan,
  type OtlpTraceRequest,
} from './otlp-proto.ts';

export type AttributeInput = Readonly<Record<string, string | number | boolean | OtlpAnyValue>>;

/** Attributes as OTLP writes them: strings, integers, doubles and booleans by their JavaScript type, the rest as given. */
export function otlpAttributes(attributes: AttributeInput): OtlpKeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));
}

function otlpValue(value: string | number | boolean | OtlpAnyValue): OtlpAnyValue {
  if (typeof value === 'string') return { string_value: value };
  if (typeof value === 'boolean') return { bool_value: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { int_value: value } : { double_value: value };
  return value;
}

export interface SpanInput {
  readonly name?: string;
  readonly kind?: number;
  /** Unix milliseconds, fractions allowed. */
  readonly start: number;
  readonly durationMs?: number;
  readonly attributes?: AttributeInput;
  readonly more?: OtlpSpan;
}

export function otlpSpan({
  name = 'work',
  kind = 1,
  start,
  durationMs = 1,
  attributes = {},
  more = {},
}: SpanInput): OtlpSpan {
  const startNs = BigInt(Math.round(start * 1_000)) * 1_000n;
  return {
    trace_id: randomBytes(16),
    span_id: randomBytes(8),
    name,
    kind,
    start_time_unix_nano: startNs.toString(),
    end_time_unix_nano: (startNs + BigInt(Math.round(durationMs * 1e6))).toString(),
    attributes: otlpAttributes(attributes),
    ...more,
  };
}

export function otlpRequest(
  spans: readonly OtlpSpan[],
  resource: AttributeInput = { 'service.name': 'shop' },
): OtlpTraceRequest {
  return {
    resource_spans: [
      {
        resource: { attributes: otlpAttributes(resource) },
        scope_spans: [{ scope: { name: 'test', version: '1' }, spans: [...spans] }],
      },
    ],
  };
}

export interface RecordOrigin {
  readonly receivedAt: number;
  readonly keyId?: string;
  readonly keyTenant?: string;
  readonly keyService?: string;
}

/** A segment as ingest writes it: one record for each request. */
export function segmentOf(requests: readonly OtlpTraceRequest[], origin: RecordOrigin): Buffer {
  return Buffer.concat(
    requests.flatMap((request) => [
      ...encodeRecord(encodeTraceRequest(request), {
        receivedAt: origin.receivedAt,
        keyId: origin.keyId ?? 'test-key',
        keyTenant: origin.keyTenant,
        keyService: origin.keyService,
      }),
    ]),
  );
}
