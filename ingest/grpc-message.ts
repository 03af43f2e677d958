import type { IncomingHttpHeaders } from 'node:http';
import { TenantryError } from '../src/domain/errors.ts';
import { bodyEncoding } from './decompression.ts';
import type { BodyForm } from './request-body.ts';

/** One byte that says whether the message is compressed, four for its length. */
const PREFIX_BYTES = 5;

/**
 * The one message of a unary call: `Length-Prefixed-Message` of gRPC over HTTP/2. It may be sent as it is whatever
 * `grpc-encoding` says; with the compressed flag set it is of that encoding.
 */
export function grpcBody(headers: IncomingHttpHeaders): BodyForm {
  const named = headers['grpc-encoding'];
  const encoding = bodyEncoding(typeof named === 'string' ? named : undefined);
  return {
    announcedBytes: 0,
    framingBytes: PREFIX_BYTES,
    unwrap: (received) => {
      const isCompressed = unwrapFlag(received);
      if (isCompressed && encoding === 'identity') {
        throw malformed('the message is marked as compressed, and grpc-encoding does not say how');
      }
      return { encoding: isCompressed ? encoding : 'identity', content: received.subarray(PREFIX_BYTES) };
    },
  };
}

/** A message as it stands in the body of an answer, never compressed. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

const TIMEOUT_PATTERN = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * How long the caller waits, in ms; undefined: it does not say.
 * @throws TenantryError BAD_REQUEST
 */
export function grpcTimeout(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['grpc-timeout'];
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = TIMEOUT_PATTERN.exec(String(text)) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) throw new TenantryError('BAD_REQUEST', 'the header grpc-timeout is not valid');
  return Number(digits) * unitMs;
}

function unwrapFlag(received: Buffer): boolean {
  if (received.length < PREFIX_BYTES) throw malformed('the call ends before its message does');
  const flag = received[0];
  if (flag !== 0 && flag !== 1) throw malformed('the message does not begin as one of gRPC');
  const length = received.readUInt32BE(1);
  const present = received.length - PREFIX_BYTES;
  if (length > present) throw malformed('the call ends before its message does');
  if (length < present) throw malformed('more than one message in a unary call');
  return flag === 1;
}

function malformed(what: string): TenantryError {
  return new TenantryError('OTLP_MALFORMED', what, {
    hint: 'Send one export request for each call, as OTLP/gRPC says.',
  });
}
