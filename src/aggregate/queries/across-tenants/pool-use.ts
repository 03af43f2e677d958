import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { SECOND_MS, type Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

/** One row a tenant; the arrays run in parallel and hold only minutes in which the tenant did something. */
export interface PoolUseRow {
  readonly tenant_id: string;
  /** Index of the minute within the window. */
  readonly at: readonly number[];
  readonly requests: readonly number[];
  readonly cpuMs: readonly number[];
  readonly dbMs: readonly number[];
  /** 0 in minutes without requests. */
  readonly p95Ms: readonly number[];
}

/**
 * What tenants used of one service, minute by minute. Of an estate of thousands only those who used it most in `newest`
 * are asked for: nobody else can have slowed it down.
 */
export function poolUse(service: string, window: Window, newest: Window, tenants: number): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const recent = timeCondition(newest, 'n');
  const at = 'intDiv(toUnixTimestamp(Time) - {w_from:UInt32}, 60)';
  const where = `${time.sql} AND ServiceName = {service:String} AND TenantId IN (SELECT TenantId FROM busiest)`;
  return {
    question: 'pool-use',
    sql: `WITH busiest AS (
            SELECT TenantId FROM requests_by_minute WHERE ${recent.sql} AND ServiceName = {service:String}
            GROUP BY TenantId ORDER BY sum(DurationNs) DESC, TenantId LIMIT {tenants:UInt32})
          SELECT {nonce:String} AS nonce, tenant_id, groupArray(at) AS at, groupArray(minute_requests) AS requests,
                 groupArray(minute_cpu) AS cpuMs, groupArray(minute_db) AS dbMs, groupArray(minute_p95) AS p95Ms
          FROM (SELECT tenant_id, at, sum(requests) AS minute_requests, sum(cpu_ms) AS minute_cpu,
                       sum(db_ms) AS minute_db, max(p95_ms) AS minute_p95
                FROM (SELECT TenantId AS tenant_id, ${at} AS at, sum(Requests) AS requests, 0. AS cpu_ms, 0. AS db_ms,
                             quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency)[2] AS p95_ms
                      FROM requests_by_minute WHERE ${where} GROUP BY tenant_id, at
                      UNION ALL
                      SELECT TenantId, ${at} AS at, 0, 0., sum(DurationNs) / 1e6, 0.
                      FROM db_calls_by_minute WHERE ${where} GROUP BY TenantId, at
                      UNION ALL
                      SELECT TenantId, ${at} AS at, 0, sum(CpuNs) / 1e6, 0., 0.
                      FROM resource_use_by_minute WHERE ${where} GROUP BY TenantId, at)
                GROUP BY tenant_id, at)
          GROUP BY tenant_id`,
    params: {
      ...time.params,
      ...recent.params,
      service,
      tenants,
      w_from: Math.floor(window.from / SECOND_MS),
    },
    scope: 'across-tenants',
  };
}
