import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { Client, credentials, Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import type { OtlpSignal } from '../../ingest/wire-check.ts';
import { INGEST_KEY } from './ingest-bench.ts';
import { type DetailedStatus, decodeDetailedStatus } from './otlp-rpc-status.ts';

export const METHODS: Readonly<Record<OtlpSignal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

export interface GrpcAnswer {
  /** grpc-status. */
  readonly code: number;
  readonly message: string;
  /** grpc-status-details-bin; undefined: none came. */
  readonly details: DetailedStatus | undefined;
  /** The response message; empty unless the code is 0. */
  readonly response: Buffer;
}

export interface CallOptions {
  readonly compression?: 'identity' | 'deflate' | 'gzip';
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

const AUTHORIZED = { authorization: `Bearer ${INGEST_KEY}` };
/** grpc-js names them by number. */
const ALGORITHMS = { identity: 0, deflate: 1, gzip: 2 } as const;

/** The official client with raw bytes in place of generated messages. `end` closes its connection. */
export class GrpcBench {
  readonly #port: number;
  readonly #clients = new Map<string, Client>();

  constructor(port: number) {
    this.#port = port;
  }

  call(method: string, bytes: Uint8Array, options: CallOptions = {}): Promise<GrpcAnswer> {
    return this.start(method, bytes, options).answer;
  }

  /** A call that can be cancelled. */
  start(method: string, bytes: Uint8Array, options: CallOptions = {}): { answer: Promise<GrpcAnswer>; cancel(): void } {
    const { compression = 'identity', metadata = AUTHORIZED, deadlineMs } = options;
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    let cancel = () => {};
    const answer = new Promise<GrpcAnswer>((resolve) => {
      let response: Buffer = Buffer.alloc(0);
      const call = this.#client(compression).makeUnaryRequest(
        method,
        (message: Buffer) => message,
        (message: Buffer) => message,
        Buffer.from(bytes),
        sent,
        deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
        (_error: ServiceError | null, message?: Buffer) => {
          response = message ?? response;
        },
      );
      cancel = () => call.cancel();
      call.on('status', ({ code, details, metadata: trailers }: StatusObject) => {
        const [bin] = trailers.get('grpc-status-details-bin');
        const detailed = bin instanceof Buffer ? decodeDetailedStatus(bin) : undefined;
        // The callback, which has the message, comes in the same turn as the status or before it.
        setImmediate(() => resolve({ code, message: details, details: detailed, response }));
      });
    });
    return { answer, cancel };
  }

  end(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client(compression: keyof typeof ALGORITHMS): Client {
    const known = this.#clients.get(compression);
    if (known !== undefined) return known;
    const client = new Client(`127.0.0.1:${this.#port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': ALGORITHMS[compression],
      'grpc.use_local_subchannel_pool': 1,
      // Tests look at each answer; what the client does with it is the exporters' affair.
      'grpc.enable_retries': 0,
    });
    this.#clients.set(compression, client);
    return client;
  }
}

/** A length-prefixed message, as it stands on the wire. */
export function frame(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** What no proper client would send: any headers, any bytes. */
export function rawCall(
  port: number,
  body: Uint8Array,
  headers: OutgoingHttpHeaders = {},
): Promise<{ readonly httpStatus: number; readonly code: number; readonly message: string }> {
  const session = connect(`http://127.0.0.1:${port}`);
  const all: OutgoingHttpHeaders = {
    ...{ ':method': 'POST', ':path': METHODS.traces, 'content-type': 'application/grpc', te: 'trailers' },
    ...{ ...AUTHORIZED, ...headers },
  };
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request(all);
    let httpStatus = 0;
    let code = status.OK as number;
    let message = '';
    const readStatus = (fields: Record<string, unknown>) => {
      code = Number(fields['grpc-status'] ?? code);
      message = decodeURI(String(fields['grpc-message'] ?? message));
    };
    stream.on('response', (fields) => {
      httpStatus = Number(fields[':status']);
      readStatus(fields);
    });
    stream.on('trailers', readStatus);
    stream.on('error', reject);
    stream.on('close', () => {
      session.destroy();
      resolve({ httpStatus, code, message });
    });
    stream.resume();
    stream.end(body);
  });
}
