/** An OTLP/HTTP receiver that keeps what real exporters send, decoded, for tests of the sending side. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { decodeTraceRequest, type OtlpKeyValue } from './otlp-proto.ts';

export interface SinkSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 2 = server, 3 = client. */
  readonly kind: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
}

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

function attributesOf(list: readonly OtlpKeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
}

function decode(body: Buffer): SinkSpan[] {
  return (decodeTraceRequest(body).resource_spans ?? []).flatMap(({ resource, scope_spans = [] }) =>
    scope_spans.flatMap(({ scope, spans = [] }) =>
      spans.map((span) => ({
        traceId: hex(span.trace_id),
        spanId: hex(span.span_id),
        parentSpanId: hex(span.parent_span_id),
        name: span.name ?? '',
        kind: span.kind ?? 0,
        durationMs: Number(BigInt(span.end_time_unix_nano ?? 0) - BigInt(span.start_time_unix_nano ?? 0)) / 1e6,
        attributes: attributesOf(span.attributes),
        resource: attributesOf(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  );
}

export interface OtlpSink {
  /** `http://127.0.0.1:port`, without `/v1/traces`. */
  readonly url: string;
  readonly spans: readonly SinkSpan[];
  /** `authorization` headers seen. */
  readonly keys: ReadonlySet<string>;
  /** Resolves with all spans as soon as `enough` holds. */
  waitFor(enough: (spans: readonly SinkSpan[]) => boolean): Promise<readonly SinkSpan[]>;
  close(): Promise<void>;
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: SinkSpan[] = [];
  const keys = new Set<string>();
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      keys.add(request.headers.authorization ?? '');
      spans.push(...decode(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    keys,
    waitFor: (enough) =>
      new Promise((resolve) => {
        const check = () => {
          if (!enough(spans)) return;
          waiting.delete(check);
          resolve(spans);
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
