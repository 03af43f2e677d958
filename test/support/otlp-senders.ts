import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { OtlpSignal } from '../../ingest/wire-check.ts';
import { INGEST_KEY } from './ingest-bench.ts';
import { GrpcBench, METHODS } from './ingest-grpc.ts';
import { otlpJsonBytes } from './otlp-json.ts';
import { encodeLogsRequest, encodeMetricsRequest } from './otlp-metrics-proto.ts';
import { encodeTraceRequest } from './otlp-proto.ts';
import { type DetailedStatus, decodeDetailedStatus, parseDetailedStatus } from './otlp-rpc-status.ts';

export const TRANSPORTS = ['http/protobuf', 'http/json', 'grpc'] as const;
export type SentOver = (typeof TRANSPORTS)[number];

const ENCODERS = { traces: encodeTraceRequest, metrics: encodeMetricsRequest, logs: encodeLogsRequest };
const MEDIA_TYPES = { 'http/protobuf': 'application/x-protobuf', 'http/json': 'application/json' } as const;

export interface TransportAnswer {
  /** HTTP status; of a gRPC call that was answered at all it is 200. */
  readonly http: number;
  /** google.rpc.Status; undefined: success. */
  readonly status: DetailedStatus | undefined;
  /** Header of HTTP; gRPC has it in the status. */
  readonly retryAfter: number | undefined;
  readonly contentType: string | undefined;
  /** Body of a success. */
  readonly response: Buffer;
}

export interface Sending {
  readonly ports: { readonly http: number; readonly grpc: number };
  readonly over: SentOver;
  readonly gzip: boolean;
  readonly signal: OtlpSignal;
  /** In the shape that the encoders of protobuf take; a Buffer goes as it is. */
  readonly request: object;
  readonly key?: string;
}

/** One request over whichever transport, and its answer in one form. */
export async function sendOver(sending: Sending): Promise<TransportAnswer> {
  return sending.over === 'grpc' ? await overGrpc(sending) : await overHttp(sending, MEDIA_TYPES[sending.over]);
}

function bodyOf({ over, signal, request }: Sending): Uint8Array {
  if (request instanceof Uint8Array) return request;
  return over === 'http/json' ? otlpJsonBytes(request) : ENCODERS[signal](request);
}

async function overGrpc(sending: Sending): Promise<TransportAnswer> {
  const { ports, gzip, signal, key = INGEST_KEY } = sending;
  const client = new GrpcBench(ports.grpc);
  try {
    const { code, details, response } = await client.call(METHODS[signal], bodyOf(sending), {
      compression: gzip ? 'gzip' : 'identity',
      metadata: { authorization: `Bearer ${key}` },
    });
    if (code !== (details?.code ?? 0)) throw new Error(`status ${code}, and ${details?.code} in its details`);
    return { http: 200, status: details, retryAfter: details?.retryAfter, contentType: undefined, response };
  } finally {
    client.end();
  }
}

function overHttp(sending: Sending, mediaType: string): Promise<TransportAnswer> {
  const { ports, gzip, signal, key = INGEST_KEY } = sending;
  const headers = {
    ...{ 'content-type': mediaType, authorization: `Bearer ${key}` },
    ...(gzip ? { 'content-encoding': 'gzip' } : {}),
  };
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: ports.http,
      method: 'POST',
      path: `/v1/${signal}`,
      headers,
      agent: false,
    };
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        const http = response.statusCode ?? 0;
        const contentType = response.headers['content-type'];
        const decode = (bytes: Buffer) =>
          contentType === MEDIA_TYPES['http/json'] ? parseDetailedStatus(String(bytes)) : decodeDetailedStatus(bytes);
        const after = response.headers['retry-after'];
        resolve({
          ...{ http, contentType, response: body, status: http === 200 ? undefined : decode(body) },
          retryAfter: after === undefined ? undefined : Number(after),
        });
      });
    });
    request.on('error', reject);
    const body = bodyOf(sending);
    request.end(gzip ? gzipSync(body) : body);
  });
}
