import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { rollupTable, timeCondition } from '../rollup-source.ts';
import { levelForStep } from '../time-levels.ts';

export interface LatencyHeatQuestion {
  readonly tenantId: TenantId;
  /** Made of whole steps. */
  readonly window: Window;
  readonly stepSeconds: number;
  /** undefined: all routes together. */
  readonly route: string | undefined;
}

export interface LatencyHeatRow {
  readonly tenant_id: string;
  /** Unix seconds of the step's start. */
  readonly at: number;
  readonly requests: number;
  readonly errors: number;
  /** Milliseconds at each of the levels that were asked for. */
  readonly quantiles_ms: readonly number[];
}

/**
 * The distribution of latencies of each step, as its sketch tells it at `levels`: LatencyHeatRow. A sketch answers any
 * level, whichever it was built for.
 */
export function tenantLatencyHeat(question: LatencyHeatQuestion, levels: readonly number[]): AnalyticsQuery {
  const { tenantId, window, stepSeconds, route } = question;
  const time = timeCondition(window, 'w');
  return {
    question: 'tenant-latency-heat',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id,
                 intDiv(toUnixTimestamp(Time), {step:UInt32}) * {step:UInt32} AS at,
                 sum(Requests) AS requests, sum(Errors) AS errors,
                 quantilesDDMerge(0.005, ${levels.join(', ')})(Latency) AS quantiles_ms
          FROM ${rollupTable('requests', levelForStep(stepSeconds))}
          WHERE TenantId = {tenant:String} AND ${time.sql}${route === undefined ? '' : ' AND Route = {route:String}'}
          GROUP BY tenant_id, at ORDER BY at`,
    params: { ...time.params, tenant: tenantId, step: stepSeconds, ...(route === undefined ? {} : { route }) },
    scope: { tenant: tenantId },
  };
}
