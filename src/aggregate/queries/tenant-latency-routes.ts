import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import { rowsInWindow } from '../rollup-source.ts';
import type { LatencyHeatQuestion } from './tenant-latency-heat.ts';

const PERCENTILES = 'quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency)';
const ROUTE = 'AND Route = {route:String}';

export interface LatencyRouteRow {
  readonly tenant_id: string;
  readonly route: string;
  readonly requests: number;
  readonly errors: number;
  readonly duration_ns: number;
  /** P50, P95 and P99 in milliseconds. */
  readonly percentiles_ms: readonly number[];
  /** Routes in the window, those beyond the limit too. */
  readonly all_routes: number;
}

/** The busiest routes of one tenant over the whole window: LatencyRouteRow. */
export function tenantLatencyRoutes({ tenantId, window, route }: LatencyHeatQuestion, limit: number): AnalyticsQuery {
  const rows = rowsInWindow('requests', window, { tenant: tenantId });
  return {
    question: 'tenant-latency-routes',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, Route AS route, sum(Requests) AS requests,
                 sum(Errors) AS errors, sum(DurationNs) AS duration_ns, ${PERCENTILES} AS percentiles_ms,
                 count() OVER () AS all_routes
          FROM ${rows.sql} WHERE TenantId = {tenant:String} ${route === undefined ? '' : ROUTE}
          GROUP BY tenant_id, route ORDER BY requests DESC, route LIMIT {limit:UInt32}`,
    params: { ...rows.params, tenant: tenantId, limit, ...(route === undefined ? {} : { route }) },
    scope: { tenant: tenantId },
  };
}
