import { randomBytes } from 'node:crypto';
import { DELTA, otlpSum } from './metrics.ts';
import type { OtlpMetric } from './otlp-metrics-proto.ts';
import { otlpAttributes } from './spans.ts';

/** Unix nanoseconds of `at` (Unix milliseconds), as OTLP writes them. */
export function nanos(at: number): string {
  return `${at}000000`;
}

/** One metric of each kind, with every field that OTLP has: six data points. */
export function fullMetrics(at: number): OtlpMetric[] {
  const times = { start_time_unix_nano: nanos(at - 10_000), time_unix_nano: nanos(at) };
  const exemplar = {
    time_unix_nano: nanos(at),
    as_int: 3,
    span_id: randomBytes(8),
    trace_id: randomBytes(16),
    filtered_attributes: otlpAttributes({ user: 'u-1' }),
  };
  const attributes = otlpAttributes({
    tenant_id: 'acme',
    'http.request.method': 'GET',
    list: { array_value: { values: [{ string_value: 'a' }] } },
  });
  const distribution = { ...times, attributes, count: 5, sum: 12.5, min: 0.5, max: 6 };
  return [
    {
      ...otlpSum('app.requests', '{request}', [{ at, value: -7 }]),
      description: 'Requests',
      metadata: otlpAttributes({ origin: 'test' }),
      sum: {
        is_monotonic: false,
        aggregation_temporality: DELTA,
        data_points: [
          { ...times, attributes, as_int: -7, exemplars: [exemplar] },
          { ...times, attributes, as_double: 0.25, flags: 0 },
        ],
      },
    },
    { name: 'app.temperature', unit: 'Cel', gauge: { data_points: [{ ...times, attributes, as_double: 21.5 }] } },
    {
      name: 'http.server.request.duration',
      unit: 's',
      histogram: {
        aggregation_temporality: DELTA,
        data_points: [
          { ...distribution, bucket_counts: [1, 3, 1], explicit_bounds: [0.1, 1], exemplars: [exemplar], flags: 2 },
        ],
      },
    },
    {
      name: 'gen_ai.client.operation.duration',
      unit: 's',
      exponential_histogram: {
        aggregation_temporality: DELTA,
        data_points: [
          {
            ...distribution,
            scale: -2,
            zero_count: 1,
            zero_threshold: 0.001,
            positive: { offset: -300, bucket_counts: [0, 300, 18_446] },
            negative: { offset: 2, bucket_counts: [1] },
            exemplars: [exemplar],
          },
        ],
      },
    },
    {
      name: 'old.latency',
      unit: 's',
      summary: {
        data_points: [
          { ...times, attributes, count: 5, sum: 12.5, quantile_values: [{ quantile: 0.5, value: 2 }], flags: 2 },
        ],
      },
    },
  ];
}
