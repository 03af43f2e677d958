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

/** The field of each signal's partial success that says how much was rejected, as OTLP/JSON names it. */
const REJECTED = { traces: 'rejectedSpans', metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' } as const;

/** An export response without partial success has no bytes in protobuf, whichever signal's it is. */
export function successAnswer(mediaType: OtlpMediaType): Answer {
  return answer(200, mediaType, mediaType === JSON_TYPE ? Buffer.from('{}') : new Uint8Array(0));
}

/**
 * Success for all but `rejected` items, with the reason. Clients do not send the request again.
 * In protobuf the response is the same for each signal: partial_success = 1 { int64 rejected_… = 1; string error_message = 2 }
 */
export function partialSuccessAnswer(
  signal: keyof typeof REJECTED,
  rejected: number,
  message: string,
  mediaType: OtlpMediaType,
): Answer {
  if (mediaType === JSON_TYPE) {
    const partialSuccess = { [REJECTED[signal]]: String(rejected), errorMessage: message };
    return answer(200, mediaType, Buffer.from(JSON.stringify({ partialSuccess })));
  }
  const inner = Buffer.concat([Buffer.from([INT_FIELD_1, ...varint(rejected)]), textField(TEXT_FIELD_2, message)]);
  return answer(200, mediaType, Buffer.concat([Buffer.from([MESSAGE_FIELD_1, ...varint(inner.length)]), inner]));
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

/** Protobuf tags: field number * 8 + wire type. */
const INT_FIELD_1 = 0x08;
const MESSAGE_FIELD_1 = 0x0a;
const TEXT_FIELD_2 = 0x12;

/** google.rpc.Status { int32 code = 1; string message = 2; } */
function encodeStatus(code: number, message: string): Uint8Array {
  return Buffer.concat([Buffer.from([INT_FIELD_1, code]), textField(TEXT_FIELD_2, message)]);
}

function textField(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
}

/** Of a number below 2^32. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) return bytes;
  }
}
