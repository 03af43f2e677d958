import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { TenantryError, toError } from '../src/domain/errors.ts';
import type { Counters } from './counters.ts';
import { grpcBody, grpcTimeout } from './grpc-message.ts';
import { watchSession } from './grpc-session.ts';
import { refuseCall, refuseNonGrpc, sendTaken } from './grpc-status.ts';
import { asTenantryError, rpcStatusOf } from './rpc-status.ts';
import { type SignalPipelineParts, takeIn } from './signal-pipeline.ts';
import type { OtlpSignal } from './wire-check.ts';

export interface GrpcReceiverParts {
  /** The same way that requests over HTTP take. */
  readonly pipeline: SignalPipelineParts;
  readonly counters: Pick<Counters, 'answered'>;
  /** Told of telemetry that was refused though its sender has a key. */
  readonly onRefused?: () => void;
  /** Bytes of a refused call's message that are read and thrown away, so that the client gets to see the answer. */
  readonly discardBytes: number;
  readonly log: Logger;
  readonly random?: () => number;
}

/** The one method of each signal's service. */
const METHODS: ReadonlyMap<string, OtlpSignal> = new Map([
  ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'traces'],
  ['/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', 'metrics'],
  ['/opentelemetry.proto.collector.logs.v1.LogsService/Export', 'logs'],
]);
/** Calls of one connection at a time; an exporter has one, a collector ten. */
const MAX_CONCURRENT_STREAMS = 128;
/** As for requests over HTTP. */
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CALL_MS = 60_000;
/** What a client may send before it waits for us: HTTP/2's 64 KiB make a batch of 200 KB wait for three round trips. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/**
 * The server for OTLP/gRPC: three unary methods on bare node:http2 rather than on the server of @grpc/grpc-js. That one
 * decompresses a message before any handler is asked, without a limit on its expansion, any number at a time and outside
 * the memory budget: 150 messages of 19 KB took 3.7 GB (measured with 1.14.7; its `max_receive_message_length` bounds
 * each message alone). Here a call takes the same way as a request over HTTP, so each limit holds alike.
 * Source: gRPC over HTTP2, grpc/grpc:doc/PROTOCOL-HTTP2.md.
 */
export class GrpcReceiver {
  readonly #parts: GrpcReceiverParts;
  readonly #random: () => number;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Calls that are being worked on; their clients may have gone. */
  readonly #running = new Set<Promise<void>>();

  constructor(parts: GrpcReceiverParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#server = createServer({
      settings: {
        maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
        maxHeaderListSize: MAX_HEADER_BYTES,
        initialWindowSize: STREAM_WINDOW_BYTES,
      },
    });
    this.#server.on('session', (session: ServerHttp2Session) => this.#accept(session));
    this.#server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const call = this.#serve(stream, headers).finally(() => this.#running.delete(call));
      this.#running.add(call);
    });
  }

  /**
   * @returns the port that it listens on
   * @throws TenantryError CONFIG_INVALID
   */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port)));
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Takes no new calls, lets running ones finish for `graceMs`, then cuts what is left. */
  async stop(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    const cut = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, graceMs);
    await closed;
    clearTimeout(cut);
    await Promise.all(this.#running);
  }

  #accept(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    watchSession(session);
  }

  /** Never rejects: whatever goes wrong becomes a status. */
  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    // A broken stream also closes, and that is what the reading of the body notices.
    stream.on('error', () => {});
    const signal = METHODS.get(headers[':path'] ?? '');
    const label = signal ?? 'other';
    try {
      const httpStatus = refuseNonGrpc(stream, headers);
      if (httpStatus !== undefined) return this.#parts.counters.answered(label, httpStatus, 'NOT_GRPC', 'grpc');
      const taken = await withinDeadline(headers, () => this.#take(stream, headers, signal));
      this.#parts.counters.answered(label, 200, 'ok', 'grpc');
      sendTaken(stream, taken);
    } catch (thrown) {
      this.#refuse(stream, signal, thrown);
    }
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, signal: OtlpSignal | undefined) {
    if (signal === undefined) {
      throw new TenantryError('NOT_FOUND', 'nothing is served under this method', {
        hint: 'OTLP/gRPC is served: Export of the TraceService, the MetricsService and the LogsService.',
      });
    }
    const form = () => ({ body: grpcBody(headers), isJson: false });
    return takeIn({ signal, headers, source: stream, form }, this.#parts.pipeline);
  }

  #refuse(stream: ServerHttp2Stream, signal: OtlpSignal | undefined, thrown: unknown): void {
    const error = thrown instanceof DeadlineExceeded ? undefined : asTenantryError(thrown);
    if (error?.code === 'INTERNAL') this.#parts.log.error({ err: toError(thrown) }, 'a call failed unexpectedly');
    else this.#parts.log.debug({ code: error?.code ?? 'DEADLINE_EXCEEDED', detail: error?.message }, 'call refused');
    const httpStatus = error?.status ?? 408;
    this.#parts.counters.answered(signal ?? 'other', httpStatus, error?.code ?? 'DEADLINE_EXCEEDED', 'grpc');
    if (signal !== undefined && httpStatus !== 401 && httpStatus !== 403) this.#parts.onRefused?.();
    const status = error === undefined ? DEADLINE_STATUS : rpcStatusOf(error, this.#random());
    refuseCall(stream, status, this.#parts.discardBytes);
  }
}

const DEADLINE_STATUS = { code: 4, message: 'The time that the call had is over.' };

class DeadlineExceeded extends Error {}

/** What is written to the disk all the same is recognised when the client sends it again. */
async function withinDeadline<T>(headers: IncomingHttpHeaders, run: () => Promise<T>): Promise<T> {
  const timeoutMs = Math.min(grpcTimeout(headers) ?? MAX_CALL_MS, MAX_CALL_MS);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded()), timeoutMs);
  });
  try {
    return await Promise.race([run(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): TenantryError {
  return new TenantryError('CONFIG_INVALID', `cannot listen on ${host}:${port} (${error.code ?? error.message})`, {
    hint: 'Stop the process that uses the port, or set TENANTRY_OTLP_GRPC_PORT (0 picks a free one).',
    cause: error,
  });
}
