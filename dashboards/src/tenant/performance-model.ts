import type { MetricSeries } from '../../../src/api/contract.ts';
import { groupLabel, sumOf } from '../shared/chart-data.ts';

export interface RouteRow {
  readonly route: string;
  readonly requests: number;
  readonly errors: number;
  readonly errorRate: number | null;
  /** Of the last day on which the route was called; null: never. Percentiles of several days cannot be added up. */
  readonly p95Ms: number | null;
}

/** Routes that were called, from answers by day and route. */
export function routeRows(answers: {
  readonly requests: MetricSeries;
  readonly errors: MetricSeries;
  readonly p95: MetricSeries;
}): readonly RouteRow[] {
  const byRoute = ({ series }: MetricSeries) => new Map(series.map(({ group, points }) => [groupLabel(group), points]));
  const errorsOf = byRoute(answers.errors);
  const p95Of = byRoute(answers.p95);
  return [...byRoute(answers.requests)]
    .map(([route, points]) => {
      const requests = sumOf(points);
      const errors = sumOf(errorsOf.get(route) ?? []);
      const p95 = (p95Of.get(route) ?? []).findLast(([, value]) => value !== null)?.[1] ?? null;
      return { route, requests, errors, errorRate: requests > 0 ? errors / requests : null, p95Ms: p95 };
    })
    .filter(({ requests }) => requests > 0);
}
