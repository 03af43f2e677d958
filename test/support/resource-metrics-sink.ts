/** An OTLP/HTTP receiver that keeps the metrics which real exporters send, decoded. */
import { attributesOf, type OtlpCollector, startOtlpCollector } from './otlp-collector.ts';
import { decodeMetricsRequest, type OtlpMetric, type OtlpMetricsRequest } from './otlp-metrics-proto.ts';

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

export interface MetricsSink extends OtlpCollector<readonly SinkPoint[]> {
  /** One entry a request, in order. */
  readonly requests: readonly (readonly SinkPoint[])[];
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
  const collector = await startOtlpCollector<readonly SinkPoint[]>({
    decode: (body, path) => (path === '/v1/metrics' ? [decode(decodeMetricsRequest(body))] : undefined),
    status,
  });
  return { ...collector, requests: collector.items };
}
