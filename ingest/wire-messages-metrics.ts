import { MESSAGE, type MessageSchema } from './wire-messages.ts';

const POINT_TIMES = { 2: ['start_time_unix_nano', 'fixed64'], 3: ['time_unix_nano', 'fixed64'] } as const;
const DISTRIBUTION = { ...POINT_TIMES, 4: ['count', 'fixed64'], 5: ['sum', 'double'] } as const;

/** The messages of metrics, as `wire-messages.ts` has those of traces and logs. */
export const METRICS_SCHEMAS: Readonly<Record<number, MessageSchema>> = {
  [MESSAGE.METRICS_REQUEST]: {
    name: 'ExportMetricsServiceRequest',
    fields: { 1: ['resource_metrics', MESSAGE.RESOURCE_METRICS, 'repeated'] },
  },
  [MESSAGE.RESOURCE_METRICS]: {
    name: 'ResourceMetrics',
    fields: {
      1: ['resource', MESSAGE.RESOURCE],
      2: ['scope_metrics', MESSAGE.SCOPE_METRICS, 'repeated'],
      3: ['schema_url', 'string'],
    },
  },
  [MESSAGE.SCOPE_METRICS]: {
    name: 'ScopeMetrics',
    fields: { 1: ['scope', MESSAGE.SCOPE], 2: ['metrics', MESSAGE.METRIC, 'repeated'], 3: ['schema_url', 'string'] },
  },
  [MESSAGE.METRIC]: {
    name: 'Metric',
    fields: {
      1: ['name', 'string'],
      2: ['description', 'string'],
      3: ['unit', 'string'],
      5: ['gauge', MESSAGE.GAUGE],
      7: ['sum', MESSAGE.SUM],
      9: ['histogram', MESSAGE.HISTOGRAM],
      10: ['exponential_histogram', MESSAGE.EXPONENTIAL_HISTOGRAM],
      11: ['summary', MESSAGE.SUMMARY],
      12: ['metadata', MESSAGE.KEY_VALUE, 'repeated'],
    },
    oneOf: [5, 7, 9, 10, 11],
  },
  [MESSAGE.GAUGE]: { name: 'Gauge', fields: { 1: ['data_points', MESSAGE.NUMBER_POINT, 'repeated'] } },
  [MESSAGE.SUM]: {
    name: 'Sum',
    fields: {
      1: ['data_points', MESSAGE.NUMBER_POINT, 'repeated'],
      2: ['aggregation_temporality', 'enum'],
      3: ['is_monotonic', 'bool'],
    },
  },
  [MESSAGE.HISTOGRAM]: {
    name: 'Histogram',
    fields: { 1: ['data_points', MESSAGE.HISTOGRAM_POINT, 'repeated'], 2: ['aggregation_temporality', 'enum'] },
  },
  [MESSAGE.EXPONENTIAL_HISTOGRAM]: {
    name: 'ExponentialHistogram',
    fields: {
      1: ['data_points', MESSAGE.EXPONENTIAL_HISTOGRAM_POINT, 'repeated'],
      2: ['aggregation_temporality', 'enum'],
    },
  },
  [MESSAGE.SUMMARY]: { name: 'Summary', fields: { 1: ['data_points', MESSAGE.SUMMARY_POINT, 'repeated'] } },
  [MESSAGE.NUMBER_POINT]: {
    name: 'NumberDataPoint',
    fields: {
      ...POINT_TIMES,
      4: ['as_double', 'double'],
      5: ['exemplars', MESSAGE.EXEMPLAR, 'repeated'],
      6: ['as_int', 'sfixed64'],
      7: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      8: ['flags', 'uint32'],
    },
    oneOf: [4, 6],
  },
  [MESSAGE.HISTOGRAM_POINT]: {
    name: 'HistogramDataPoint',
    fields: {
      ...DISTRIBUTION,
      6: ['bucket_counts', 'fixed64s'],
      7: ['explicit_bounds', 'doubles'],
      8: ['exemplars', MESSAGE.EXEMPLAR, 'repeated'],
      9: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      10: ['flags', 'uint32'],
      11: ['min', 'double'],
      12: ['max', 'double'],
    },
  },
  [MESSAGE.EXPONENTIAL_HISTOGRAM_POINT]: {
    name: 'ExponentialHistogramDataPoint',
    fields: {
      1: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      ...DISTRIBUTION,
      6: ['scale', 'sint32'],
      7: ['zero_count', 'fixed64'],
      8: ['positive', MESSAGE.BUCKETS],
      9: ['negative', MESSAGE.BUCKETS],
      10: ['flags', 'uint32'],
      11: ['exemplars', MESSAGE.EXEMPLAR, 'repeated'],
      12: ['min', 'double'],
      13: ['max', 'double'],
      14: ['zero_threshold', 'double'],
    },
  },
  [MESSAGE.SUMMARY_POINT]: {
    name: 'SummaryDataPoint',
    fields: {
      ...DISTRIBUTION,
      6: ['quantile_values', MESSAGE.QUANTILE, 'repeated'],
      7: ['attributes', MESSAGE.KEY_VALUE, 'repeated'],
      8: ['flags', 'uint32'],
    },
  },
  [MESSAGE.BUCKETS]: { name: 'Buckets', fields: { 1: ['offset', 'sint32'], 2: ['bucket_counts', 'uint64s'] } },
  [MESSAGE.QUANTILE]: { name: 'ValueAtQuantile', fields: { 1: ['quantile', 'double'], 2: ['value', 'double'] } },
  [MESSAGE.EXEMPLAR]: {
    name: 'Exemplar',
    fields: {
      2: ['time_unix_nano', 'fixed64'],
      3: ['as_double', 'double'],
      4: ['span_id', 'id'],
      5: ['trace_id', 'id'],
      6: ['as_int', 'sfixed64'],
      7: ['filtered_attributes', MESSAGE.KEY_VALUE, 'repeated'],
    },
  },
};
