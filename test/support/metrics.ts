import { encodeRecord } from '../../ingest/spool-record.ts';
import {
  encodeMetricsRequest,
  type OtlpMetric,
  type OtlpMetricsRequest,
  type OtlpNumberPoint,
} from './otlp-metrics-proto.ts';
import { type AttributeInput, otlpAttributes, type RecordOrigin } from './spans.ts';

const NS_PER_MS = 1_000_000n;

export const DELTA = 1;
export const CUMULATIVE = 2;

export interface PointInput {
  /** Unix milliseconds of the end of the interval that the point stands for. */
  readonly at: number;
  readonly value: number;
  readonly attributes?: AttributeInput;
  readonly more?: OtlpNumberPoint;
}

/** A data point over the ten seconds before `at`: an integer if its value is one. */
export function otlpPoint({ at, value, attributes = {}, more = {} }: PointInput): OtlpNumberPoint {
  const end = BigInt(at) * NS_PER_MS;
  return {
    start_time_unix_nano: String(end - 10_000n * NS_PER_MS),
    time_unix_nano: String(end),
    attributes: otlpAttributes(attributes),
    ...(Number.isInteger(value) ? { as_int: value } : { as_double: value }),
    ...more,
  };
}

/** A monotonic sum, delta unless said otherwise. */
export function otlpSum(name: string, unit: string, points: readonly PointInput[], temporality = DELTA): OtlpMetric {
  return {
    name,
    unit,
    sum: { data_points: points.map(otlpPoint), aggregation_temporality: temporality, is_monotonic: true },
  };
}

export function otlpMetrics(
  metrics: readonly OtlpMetric[],
  resource: AttributeInput = { 'service.name': 'shop', 'service.instance.id': 'shop-1' },
): OtlpMetricsRequest {
  return {
    resource_metrics: [
      {
        resource: { attributes: otlpAttributes(resource) },
        scope_metrics: [{ scope: { name: 'test' }, metrics: [...metrics] }],
      },
    ],
  };
}

/** A segment of metrics as ingest writes it: one record for each request. */
export function metricsSegmentOf(requests: readonly OtlpMetricsRequest[], origin: RecordOrigin): Buffer {
  return Buffer.concat(
    requests.flatMap((request) => [
      ...encodeRecord(encodeMetricsRequest(request), {
        receivedAt: origin.receivedAt,
        keyId: origin.keyId ?? 'test-key',
        keyTenant: origin.keyTenant,
        keyService: origin.keyService,
      }),
    ]),
  );
}
