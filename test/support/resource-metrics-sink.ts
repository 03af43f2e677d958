/** An OTLP/HTTP receiver that keeps the metrics which real exporters send, decoded. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { decodeMetricsRequest, type OtlpMetric, type OtlpMetricsRequest } from './otlp-metrics-proto.ts';
import type { OtlpKeyValue } from './otlp-proto.ts';

export interface SinkPoint {
  readonly metric: string;
  readonly unit: string;
  /** 1 is delta. */
  readonly temporality: number | undefined;
  readonly isMonotonic: boolean | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  /** Unix nanoseconds. */
  readonly from: bigint;
  readonly to: bigint;
  readonly value: number;
  readonly isInt: boolean;
}

export interface MetricsSink {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** One entry a request, in order. */
  readonly requests: readonly (readonly SinkPoint[])[];
  readonly keys: ReadonlySet<string>;
  /** Resolves as soon as `enough` holds of what has come so far. */
  waitFor(enough: (requests: readonly (readonly SinkPoint[])[]) => boolean): Promise<void>;
  close(): Promise<void>;
}

function attributesOf(list: readonly OtlpKeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
}

function pointsOf({ name = '', unit = '', sum }: OtlpMetric, resource: Record<string, unknown>): SinkPoint[] {
  return (sum?.data_points ?? []).map((point) => ({
    metric: name,
    unit,
    temporality: sum?.aggregation_temporality,
    isMonotonic: sum?.is_monotonic,
    attributes: attributesOf(point.attributes),
    resource,
    from: BigInt(point.start_time_unix_nano ?? 0),
    to: BigInt(point.time_unix_nano ?? 0),
    value: Number(point.as_int ?? point.as_double),
    isInt: point.as_int !== undefined,
  }));
}

function decode(request: OtlpMetricsRequest): SinkPoint[] {
  return (request.resource_metrics ?? []).flatMap(({ resource, scope_metrics = [] }) =>
    scope_metrics.flatMap(({ metrics = [] }) =>
      metrics.flatMap((metric) => pointsOf(metric, attributesOf(resource?.attributes))),
    ),
  );
}

/** @param status what it answers; anything but 200 refuses */
export async function startMetricsSink(status: () => number = () => 200): Promise<MetricsSink> {
  const requests: SinkPoint[][] = [];
  const keys = new Set<string>();
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.url === '/v1/metrics') {
        keys.add(request.headers.authorization ?? '');
        requests.push(
          decode(decodeMetricsRequest(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)),
        );
      }
      response.writeHead(status(), { 'content-type': 'application/x-protobuf' }).end();
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    keys,
    waitFor: (enough) =>
      new Promise((resolve) => {
        const check = () => {
          if (!enough(requests)) return;
          waiting.delete(check);
          resolve();
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
