import { ERRORS, type ErrorCode, TenantryError } from '../src/domain/errors.ts';

/** An HTTP answer, not yet sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export const PROTOBUF = 'application/x-protobuf';
export const JSON_TYPE = 'application/json';
/** OTLP answers in the encoding of the request. */
export type OtlpMediaType = typeof PROTOBUF | typeof JSON_TYPE;

/** google.rpc.Code */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 12, // UNIMPLEMENTED
  405: 12,
  408: 4, // DEADLINE_EXCEEDED
  413: 11, // OUT_OF_RANGE: unlike RESOURCE_EXHAUSTED, nobody takes it for "retry"
  415: 3,
  429: 8, // RESOURCE_EXHAUSTED
  431: 11,
  503: 14, // UNAVAILABLE
};
const RPC_INTERNAL = 13;

/** An ExportTraceServiceResponse without partial success has no bytes in protobuf. */
export function successAnswer(mediaType: OtlpMediaType): Answer {
  return answer(200, mediaType, mediaType === JSON_TYPE ? Buffer.from('{}') : new Uint8Array(0));
}

/**
 * The answer to a request that failed: a google.rpc.Status that says what happened and what to do.
 * @param random 0 to 1; spreads Retry-After, so that clients do not come back all at once
 */
export function errorAnswer(error: TenantryError, mediaType: OtlpMediaType, random: number): Answer {
  const message = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  return statusAnswer(error.status, message, mediaType, retryHeaders(error.status, random));
}

/** For what is no TenantryError (Node's own parser errors, bugs): nothing of the cause goes out. */
export function bareAnswer(status: number, message: string): Answer {
  return statusAnswer(status, message, PROTOBUF, {});
}

/** Anything thrown as a TenantryError; what nobody foresaw says no more than INTERNAL. */
export function asTenantryError(thrown: unknown): TenantryError {
  if (thrown instanceof TenantryError) return thrown;
  const code: ErrorCode = 'INTERNAL';
  return new TenantryError(code, ERRORS[code].title, { cause: thrown });
}

/**
 * 1 to 5 s: the JavaScript exporter drops the data at once when Retry-After exceeds what is left of its 10 s timeout.
 * Only 429 and 503 are retried by OTLP clients.
 */
function retryHeaders(status: number, random: number): Record<string, string> {
  return status === 429 || status === 503 ? { 'retry-after': String(1 + Math.floor(random * 5)) } : {};
}

function statusAnswer(
  status: number,
  message: string,
  mediaType: OtlpMediaType,
  headers: Readonly<Record<string, string>>,
): Answer {
  const code = RPC_CODES[status] ?? RPC_INTERNAL;
  const body = mediaType === JSON_TYPE ? Buffer.from(JSON.stringify({ code, message })) : encodeStatus(code, message);
  return answer(status, mediaType, body, headers);
}

function answer(
  status: number,
  mediaType: OtlpMediaType,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { ...headers, 'content-type': mediaType, 'content-length': String(body.length) },
    body,
  };
}

const STATUS_CODE_TAG = 0x08;
const STATUS_MESSAGE_TAG = 0x12;

/** google.rpc.Status { int32 code = 1; string message = 2; } */
function encodeStatus(code: number, message: string): Uint8Array {
  const text = Buffer.from(message, 'utf8');
  const length: number[] = [];
  for (let rest = text.length; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) break;
  }
  return Buffer.concat([Buffer.from([STATUS_CODE_TAG, code, STATUS_MESSAGE_TAG, ...length]), text]);
}
