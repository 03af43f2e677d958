import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import { rollupTable, timeCondition } from '../rollup-source.ts';
import { levelForStep } from '../time-levels.ts';
import type { LatencyHeatQuestion } from './tenant-latency-heat.ts';

const PERCENTILES = 'quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency)';

export interface LatencyRouteStepRow {
  readonly tenant_id: string;
  readonly route: string;
  /** Unix seconds of the step's start. */
  readonly at: number;
  readonly requests: number;
  readonly errors: number;
  readonly percentiles_ms: readonly number[];
}

/** Each of `routes` over time, steps without a request absent: LatencyRouteStepRow. */
export function tenantLatencyRouteSteps(question: LatencyHeatQuestion, routes: readonly string[]): AnalyticsQuery {
  const { tenantId, window, stepSeconds } = question;
  const time = timeCondition(window, 'w');
  return {
    question: 'tenant-latency-route-steps',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, Route AS route,
                 intDiv(toUnixTimestamp(Time), {step:UInt32}) * {step:UInt32} AS at,
                 sum(Requests) AS requests, sum(Errors) AS errors, ${PERCENTILES} AS percentiles_ms
          FROM ${rollupTable('requests', levelForStep(stepSeconds))}
          WHERE TenantId = {tenant:String} AND ${time.sql} AND Route IN {routes:Array(String)}
          GROUP BY tenant_id, route, at ORDER BY route, at`,
    params: { ...time.params, tenant: tenantId, step: stepSeconds, routes },
    scope: { tenant: tenantId },
  };
}
