import { ERRORS, type ErrorCode, TenantryError } from '../src/domain/errors.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import { WIRE_TYPE } from './wire-schema.ts';

/** A google.rpc.Status: what every refusal is answered with, over HTTP as over gRPC. */
export interface RpcStatus {
  /** google.rpc.Code */
  readonly code: number;
  readonly message: string;
  /** google.rpc.BadRequest: what is wrong with the request. */
  readonly violation?: { readonly field: string; readonly description: string };
  /** google.rpc.RetryInfo: come again, not before. */
  readonly retryAfterSeconds?: number;
}

/** google.rpc.Code by HTTP status. */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 12, // UNIMPLEMENTED
  405: 12,
  408: 4, // DEADLINE_EXCEEDED
  413: 8, // RESOURCE_EXHAUSTED: OTLP clients repeat it only where RetryInfo says when
  415: 12,
  429: 8,
  431: 8,
  503: 14, // UNAVAILABLE
};
const RPC_INTERNAL = 13;
const MAX_STATUS_BYTES = 64 * 1024;
const TYPE_URL = 'type.googleapis.com/';
const BAD_REQUEST = `${TYPE_URL}google.rpc.BadRequest`;
const RETRY_INFO = `${TYPE_URL}google.rpc.RetryInfo`;

/**
 * @param random 0 to 1; spreads the time after which clients come again, so that they do not come all at once
 */
export function rpcStatusOf(error: TenantryError, random: number): RpcStatus {
  const message = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  const isRetryable = error.status === 429 || error.status === 503;
  return {
    ...{ code: rpcCode(error.status), message },
    ...(error.status === 400 ? { violation: { field: fieldPath(error.pointer), description: error.message } } : {}),
    // 1 to 5 s: the JavaScript exporter drops the data at once when this exceeds what is left of its 10 s timeout.
    ...(isRetryable ? { retryAfterSeconds: error.retryAfterSeconds ?? 1 + Math.floor(random * 5) } : {}),
  };
}

export function rpcCode(httpStatus: number): number {
  return RPC_CODES[httpStatus] ?? RPC_INTERNAL;
}

/** Anything thrown as a TenantryError; what nobody foresaw says no more than INTERNAL. */
export function asTenantryError(thrown: unknown): TenantryError {
  if (thrown instanceof TenantryError) return thrown;
  const code: ErrorCode = 'INTERNAL';
  return new TenantryError(code, ERRORS[code].title, { cause: thrown });
}

/** A JSON pointer as google.rpc.BadRequest writes paths: `resourceSpans[0].scopeSpans`. */
function fieldPath(pointer: string | undefined): string {
  const steps = (pointer ?? '').split('/').slice(1);
  return steps.map((step, at) => (/^\d+$/.test(step) ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');
}

/** Status { code = 1; message = 2; repeated Any details = 3 { type_url = 1; value = 2 } } */
export function protobufOfStatus({ code, message, violation, retryAfterSeconds }: RpcStatus): Uint8Array {
  const writer = new ProtobufWriter(MAX_STATUS_BYTES);
  writer.tag(1, WIRE_TYPE.VARINT);
  writer.varint(code);
  text(writer, 2, message);
  if (violation !== undefined) {
    // BadRequest { repeated FieldViolation field_violations = 1 { field = 1; description = 2 } }
    detail(writer, BAD_REQUEST, () =>
      nested(writer, 1, () => {
        text(writer, 1, violation.field);
        text(writer, 2, violation.description);
      }),
    );
  }
  if (retryAfterSeconds !== undefined) {
    // RetryInfo { Duration retry_delay = 1 { int64 seconds = 1 } }
    detail(writer, RETRY_INFO, () =>
      nested(writer, 1, () => {
        writer.tag(1, WIRE_TYPE.VARINT);
        writer.varint(retryAfterSeconds);
      }),
    );
  }
  return writer.finish();
}

/** The same in protobuf's JSON mapping. */
export function jsonOfStatus({ code, message, violation, retryAfterSeconds }: RpcStatus): string {
  const details = [
    ...(violation === undefined ? [] : [{ '@type': BAD_REQUEST, fieldViolations: [violation] }]),
    ...(retryAfterSeconds === undefined ? [] : [{ '@type': RETRY_INFO, retryDelay: `${retryAfterSeconds}s` }]),
  ];
  return JSON.stringify({ code, message, ...(details.length === 0 ? {} : { details }) });
}

function detail(writer: ProtobufWriter, typeUrl: string, write: () => void): void {
  nested(writer, 3, () => {
    text(writer, 1, typeUrl);
    nested(writer, 2, write);
  });
}

function nested(writer: ProtobufWriter, field: number, write: () => void): void {
  writer.tag(field, WIRE_TYPE.LEN);
  const start = writer.begin();
  write();
  writer.end(start);
}

function text(writer: ProtobufWriter, field: number, value: string): void {
  writer.tag(field, WIRE_TYPE.LEN);
  writer.bytes(Buffer.from(value, 'utf8'));
}
