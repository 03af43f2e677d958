import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { TAKEN_ENCODINGS } from './decompression.ts';
import type { Taken } from './door.ts';
import { grpcFrame } from './grpc-message.ts';
import { exportResponse } from './otlp-answer.ts';
import { protobufOfStatus, type RpcStatus } from './rpc-status.ts';

const GRPC_TYPE = 'application/grpc';
const ANSWER_HEADERS = {
  ':status': 200,
  'content-type': `${GRPC_TYPE}+proto`,
  'grpc-accept-encoding': TAKEN_ENCODINGS.join(','),
} as const;

/**
 * Answers what is no gRPC call in plain HTTP, as gRPC asks for.
 * @returns the status; undefined: it is a call
 */
export function refuseNonGrpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): number | undefined {
  const isPost = headers[':method'] === 'POST';
  const type = (headers['content-type'] ?? '').toLowerCase();
  if (isPost && /^application\/grpc(?:\+proto)?(?:;|$)/.test(type)) return undefined;
  const status = isPost ? 415 : 405;
  if (!stream.destroyed)
    stream.respond({ ':status': status, ...(isPost ? {} : { allow: 'POST' }) }, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
  return status;
}

export function sendTaken(stream: ServerHttp2Stream, taken: Taken): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(ANSWER_HEADERS, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(grpcFrame(exportResponse(taken)));
}

/** What a client gets for reading its answer and ending its side, before the stream is taken from it. */
const LINGER_MS = 1_000;

/**
 * Sends nothing but the status, whose details say more to those who read them. What is left of the message is read so
 * far, and thrown away: a stream that is reset at once may take its answer with it.
 */
export function refuseCall(stream: ServerHttp2Stream, status: RpcStatus, discardBytes: number): void {
  if (stream.destroyed || stream.headersSent) return;
  const trailers = {
    'grpc-status': String(status.code),
    'grpc-message': encodeURI(status.message),
    'grpc-status-details-bin': Buffer.from(protobufOfStatus(status)).toString('base64').replace(/=+$/, ''),
  };
  stream.respond({ ...ANSWER_HEADERS, ...trailers }, { endStream: true });
  let left = discardBytes;
  stream.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) stream.close(constants.NGHTTP2_NO_ERROR);
  });
  stream.resume();
  // One that never ends its side would keep what it has sent in memory for ever.
  const linger = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS);
  stream.once('close', () => clearTimeout(linger));
}
