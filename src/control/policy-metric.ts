/** `requests on /orders` is counted as `requests`: parts of a metric are of its kind. */
export function usageMetric(metric: string): string {
  return metric.split(' ', 1)[0] ?? metric;
}
