import { Agent, request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { otlpJsonBody } from './otlp-json-body.ts';

export const KEY = 'bench-ingest-key-0123456789';
const CONNECTIONS = 8;
const GRPC_EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
/** grpc-js's number for gzip in `grpc.default_compression_algorithm`. */
const GRPC_GZIP = 2;

export interface Ports {
  readonly port: number;
  readonly grpcPort?: number;
}

/** Posts one body; resolves to whether it was taken, with OTLP's own status where it was not. */
export interface Sender {
  send(body: Uint8Array): Promise<true | string>;
  close(): void;
}

/** One way in which exporters send. */
export interface Transport {
  readonly name: string;
  /**
   * A protobuf request as it goes over the wire; done before anything is measured. Ingest takes a body that it has seen
   * before for a retry, so each gets a number of its own: in protobuf in a field that OTLP does not know.
   */
  encode(request: Uint8Array, number: number): Uint8Array;
  /** Undefined where ingest does not serve it. */
  open(ports: Ports, connections?: number): Sender | undefined;
}

const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const JSON_TYPE = { 'content-type': 'application/json' };
const GZIP = { 'content-encoding': 'gzip' };
const zip = (bytes: Uint8Array) => gzipSync(bytes, { level: 1 });

export const HTTP_PROTOBUF_GZIP: Transport = {
  name: 'http/protobuf gzip',
  encode: (request, number) => zip(numbered(request, number)),
  open: ({ port }, connections) => httpSender(port, { ...PROTOBUF, ...GZIP }, connections),
};

export const TRANSPORTS: readonly Transport[] = [
  HTTP_PROTOBUF_GZIP,
  {
    name: 'http/protobuf identity',
    encode: numbered,
    open: ({ port }, connections) => httpSender(port, PROTOBUF, connections),
  },
  {
    name: 'http/json gzip',
    encode: (request, number) => zip(otlpJsonBody(request, number)),
    open: ({ port }, connections) => httpSender(port, { ...JSON_TYPE, ...GZIP }, connections),
  },
  {
    name: 'http/json identity',
    encode: otlpJsonBody,
    open: ({ port }, connections) => httpSender(port, JSON_TYPE, connections),
  },
  // grpc-js compresses in the sender; what it spends on that is not counted either.
  { name: 'grpc gzip', encode: numbered, open: ({ grpcPort }) => grpcSender(grpcPort, GRPC_GZIP) },
  { name: 'grpc identity', encode: numbered, open: ({ grpcPort }) => grpcSender(grpcPort, 0) },
];

/** Sends every body once over a few connections, as exporters do; this process's CPU is the customers', not ours. */
export async function sendAll(sender: Sender, bodies: readonly Uint8Array[]): Promise<void> {
  const waiting = bodies.values();
  const connection = async () => {
    for (const body of waiting) {
      const answer = await sender.send(body);
      if (answer !== true) throw new Error(`ingest answered ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
}

function numbered(request: Uint8Array, number: number): Uint8Array {
  const field = Buffer.alloc(10);
  field.set([0x99, 0x3f]);
  field.writeDoubleLE(number, 2);
  return Buffer.concat([request, field]);
}

function httpSender(port: number, headers: Readonly<Record<string, string>>, connections = CONNECTIONS): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const all = { authorization: `Bearer ${KEY}`, ...headers };
  return {
    send: (body) =>
      new Promise((resolve, reject) => {
        const target = { agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/traces' };
        const request = httpRequest({ ...target, headers: { ...all, 'content-length': body.length } }, (answer) => {
          answer.resume();
          answer.on('error', reject);
          answer.on('end', () => resolve(answer.statusCode === 200 || String(answer.statusCode)));
        });
        request.on('error', reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function grpcSender(port: number | undefined, compression: number): Sender | undefined {
  if (port === undefined) return undefined;
  const options = { 'grpc.default_compression_algorithm': compression, 'grpc.use_local_subchannel_pool': 1 };
  const clients = Array.from(
    { length: CONNECTIONS },
    () => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options),
  );
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${KEY}`);
  const bytes = (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.length);
  let next = 0;
  return {
    send: (body) =>
      new Promise((resolve) => {
        next += 1;
        clients[next % CONNECTIONS]?.makeUnaryRequest(
          ...([GRPC_EXPORT, bytes, (answer: Buffer) => answer, body, metadata] as const),
          (error) => resolve(error === null || `${error.code} ${error.details}`),
        );
      }),
    close: () => {
      for (const client of clients) client.close();
    },
  };
}
