import type { TenantryError } from '../src/domain/errors.ts';
import type { Taken } from './door.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import { jsonOfStatus, protobufOfStatus, type RpcStatus, rpcCode, rpcStatusOf } from './rpc-status.ts';
import type { OtlpSignal } from './wire-check.ts';
import { WIRE_TYPE } from './wire-schema.ts';

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

/** The field of each signal's partial success that says how much was rejected, as OTLP/JSON names it. */
const REJECTED = { traces: 'rejectedSpans', metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' } as const;
const MAX_RESPONSE_BYTES = 64 * 1024;

/** Which of OTLP's two encodings a content type names, with whatever parameters; undefined: neither. */
export function otlpMediaType(contentType: string | undefined): OtlpMediaType | undefined {
  const name = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase();
  return name === PROTOBUF || name === JSON_TYPE ? name : undefined;
}

/**
 * What became of a request that was taken. With a reason it is a partial success (a warning where nothing was rejected):
 * clients do not send the request again.
 */
export function takenAnswer(signal: OtlpSignal, taken: Taken, mediaType: OtlpMediaType): Answer {
  if (mediaType === PROTOBUF) return answer(200, PROTOBUF, exportResponse(taken));
  const { rejected, reason } = taken;
  const partialSuccess = { [REJECTED[signal]]: String(rejected), errorMessage: reason };
  return answer(200, mediaType, Buffer.from(JSON.stringify(reason === undefined ? {} : { partialSuccess })));
}

/**
 * The export response in protobuf, which is the same for each signal:
 * partial_success = 1 { int64 rejected_… = 1; string error_message = 2 }, and nothing at all where all was taken
 */
export function exportResponse({ rejected, reason }: Pick<Taken, 'rejected' | 'reason'>): Uint8Array {
  const writer = new ProtobufWriter(MAX_RESPONSE_BYTES);
  if (reason !== undefined) {
    writer.tag(1, WIRE_TYPE.LEN);
    const start = writer.begin();
    writer.tag(1, WIRE_TYPE.VARINT);
    writer.varint(rejected);
    writer.tag(2, WIRE_TYPE.LEN);
    writer.bytes(Buffer.from(reason, 'utf8'));
    writer.end(start);
  }
  return writer.finish();
}

/**
 * The answer to a request that failed: a google.rpc.Status that says what happened and what to do.
 * @param random 0 to 1; spreads Retry-After, so that clients do not come back all at once
 */
export function errorAnswer(error: TenantryError, mediaType: OtlpMediaType, random: number): Answer {
  const status = rpcStatusOf(error, random);
  const retryAfter = status.retryAfterSeconds;
  return statusAnswer(
    error.status,
    status,
    mediaType,
    retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
  );
}

/** For what is no TenantryError (Node's own parser errors): nothing of the cause goes out. */
export function bareAnswer(status: number, message: string): Answer {
  return statusAnswer(status, { code: rpcCode(status), message }, PROTOBUF, {});
}

function statusAnswer(
  httpStatus: number,
  status: RpcStatus,
  mediaType: OtlpMediaType,
  headers: Readonly<Record<string, string>>,
): Answer {
  const body = mediaType === JSON_TYPE ? Buffer.from(jsonOfStatus(status)) : protobufOfStatus(status);
  return answer(httpStatus, mediaType, body, headers);
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
