import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { alignOutwards, SECOND_MS, type Window } from '../domain/window.ts';
import { bucketCounts, HEAT_BOUNDS_MS, HEAT_LEVELS } from './latency-heat.ts';
import { type LatencyHeatQuestion, type LatencyHeatRow, tenantLatencyHeat } from './queries/tenant-latency-heat.ts';
import { type LatencyRouteStepRow, tenantLatencyRouteSteps } from './queries/tenant-latency-route-steps.ts';
import { type LatencyRouteRow, tenantLatencyRoutes } from './queries/tenant-latency-routes.ts';
import { NS_PER_MS } from './trace-sql.ts';

interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

interface HeatStep {
  /** Unix ms of its start. */
  readonly at: number;
  readonly requests: number;
  readonly errors: number;
  /** One more than there are bounds. */
  readonly counts: readonly number[];
}

interface RouteLatency extends Percentiles {
  readonly tenantId: string;
  readonly route: string;
  readonly requests: number;
  readonly errors: number;
  /** Time spent in all its requests. */
  readonly totalMs: number;
  /** For each step of the answer; null: no request. */
  readonly steps: readonly (({ readonly requests: number; readonly errors: number } & Percentiles) | null)[];
}

export interface LatencyHeat {
  /** Whole steps. */
  readonly window: Window;
  readonly boundsMs: readonly number[];
  /** Every step of the window, oldest first. */
  readonly steps: readonly HeatStep[];
  /** Busiest first. */
  readonly routes: readonly RouteLatency[];
  readonly totalRoutes: number;
}

/** One tenant's latencies by time and size, and by route and time; from rollups, whose sketches are mergeable. */
export async function readLatencyHeat(
  reader: AnalyticsReader,
  asked: LatencyHeatQuestion & { readonly routes: number },
): Promise<LatencyHeat> {
  const stepMs = asked.stepSeconds * SECOND_MS;
  const question = { ...asked, window: alignOutwards(asked.window, stepMs) };
  const [heat, routes] = await Promise.all([
    reader.rows<LatencyHeatRow>(tenantLatencyHeat(question, HEAT_LEVELS)),
    asked.routes === 0 ? [] : reader.rows<LatencyRouteRow>(tenantLatencyRoutes(question, asked.routes)),
  ]);
  const names = routes.map(({ route }) => route);
  const routeSteps =
    names.length === 0 ? [] : await reader.rows<LatencyRouteStepRow>(tenantLatencyRouteSteps(question, names));
  const { from, to } = question.window;
  const times = Array.from({ length: (to - from) / stepMs }, (_, index) => from + index * stepMs);
  return {
    window: question.window,
    boundsMs: HEAT_BOUNDS_MS,
    steps: heatSteps(times, heat),
    routes: routes.map((route) => routeOf(route, times, routeSteps)),
    totalRoutes: routes[0]?.all_routes ?? 0,
  };
}

function heatSteps(times: readonly number[], rows: readonly LatencyHeatRow[]): HeatStep[] {
  const byTime = new Map(rows.map((row) => [row.at * SECOND_MS, row]));
  return times.map((at) => {
    const { requests = 0, errors = 0, quantiles_ms: values = [] } = byTime.get(at) ?? {};
    return { at, requests, errors, counts: bucketCounts(requests, values) };
  });
}

function percentilesOf([p50Ms = 0, p95Ms = 0, p99Ms = 0]: readonly number[]): Percentiles {
  return { p50Ms, p95Ms, p99Ms };
}

function routeOf(
  row: LatencyRouteRow,
  times: readonly number[],
  allSteps: readonly LatencyRouteStepRow[],
): RouteLatency {
  const byTime = new Map(
    allSteps.filter(({ route }) => route === row.route).map((step) => [step.at * SECOND_MS, step]),
  );
  return {
    tenantId: row.tenant_id,
    route: row.route,
    requests: row.requests,
    errors: row.errors,
    totalMs: row.duration_ns / NS_PER_MS,
    ...percentilesOf(row.percentiles_ms),
    steps: times.map((at) => {
      const step = byTime.get(at);
      if (step === undefined) return null;
      return { requests: step.requests, errors: step.errors, ...percentilesOf(step.percentiles_ms) };
    }),
  };
}
