import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { alignOutwards, SECOND_MS } from '../domain/window.ts';
import { METRICS, type MetricGroup } from './metrics.ts';
import { type MetricPoint, type MetricSeriesQuestion, metricSeries } from './queries/metric-series.ts';

export interface MetricSeriesAnswer {
  readonly metric: MetricSeriesQuestion['metric'];
  readonly unit: (typeof METRICS)[MetricSeriesQuestion['metric']]['unit'];
  readonly step_seconds: number;
  readonly series: { group: Partial<Record<MetricGroup, string>>; points: [number, number | null][] }[];
}

/**
 * One metric over time with every step of the window present. The window is widened to whole steps, so that the first
 * and the last point are whole. Steps that lie after `now` are null: they have not been measured.
 */
export async function readMetricSeries(
  reader: AnalyticsReader,
  question: MetricSeriesQuestion,
  now: number,
): Promise<MetricSeriesAnswer> {
  const stepMs = question.stepSeconds * SECOND_MS;
  const window = alignOutwards(question.window, stepMs);
  const rows = await reader.rows<MetricPoint>(metricSeries({ ...question, window }));
  const { unit, whenEmpty } = METRICS[question.metric];

  const groups = new Map<string, Map<number, number | null>>();
  if (question.groupBy === undefined) groups.set('', new Map());
  for (const { group_value, at, value } of rows) {
    const points = groups.get(group_value) ?? new Map<number, number | null>();
    points.set(at * SECOND_MS, value);
    groups.set(group_value, points);
  }
  const steps = Array.from({ length: (window.to - window.from) / stepMs }, (_, index) => window.from + index * stepMs);
  return {
    metric: question.metric,
    unit,
    step_seconds: question.stepSeconds,
    series: [...groups].map(([value, points]) => ({
      group: question.groupBy === undefined ? {} : { [question.groupBy]: value },
      points: steps.map((at) => [at, points.get(at) ?? (at > now ? null : whenEmpty)]),
    })),
  };
}
