import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS, type TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

/** Sums as text: byte-milliseconds of a day do not fit a double. */
export interface PoolDayRow {
  readonly pool: string;
  /** Seconds since the epoch. */
  readonly day: number;
  readonly tenant_id: string;
  readonly amount: string;
  readonly total: string;
}

/**
 * What tenants used of each pool on each whole day: those with at least `percent` of it, or all days of the tenants
 * given. A service is told by its CPU time where it reports any, else by how long requests took.
 */
export function dedicatedPoolDays(
  window: Window,
  whose: { percent: number } | { tenants: readonly TenantId[] },
): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const day = 'toUInt32(Time) AS day';
  const only =
    'tenants' in whose ? 'tenant_id IN {tenants:Array(String)}' : 'used * 100 >= everybody * {percent:UInt8}';
  return {
    question: 'dedicated-pool-days',
    sql: `SELECT {nonce:String} AS nonce, pool, day, tenant_id, toString(used) AS amount, toString(everybody) AS total
          FROM (SELECT pool, day, tenant_id, used, sum(used) OVER (PARTITION BY pool, day) AS everybody
                FROM (SELECT concat('cpu:', ServiceName) AS pool, ${day}, toString(TenantId) AS tenant_id, toUInt128(sum(CpuNs)) AS used
                      FROM resource_use_by_day WHERE ${time.sql} GROUP BY pool, day, tenant_id
                      UNION ALL
                      SELECT concat('time:', ServiceName) AS pool, ${day}, toString(TenantId) AS tenant_id, toUInt128(sum(DurationNs))
                      FROM requests_by_day WHERE ${time.sql} AND ServiceName NOT IN (
                        SELECT ServiceName FROM resource_use_by_day WHERE ${time.sql} AND CpuNs > 0)
                      GROUP BY pool, day, tenant_id
                      UNION ALL
                      SELECT concat('db:', DbSystem) AS pool, ${day}, toString(TenantId) AS tenant_id, toUInt128(sum(DurationNs))
                      FROM db_calls_by_day WHERE ${time.sql} GROUP BY pool, day, tenant_id
                      UNION ALL
                      SELECT concat('storage:', Store) AS pool, ${day}, toString(TenantId) AS tenant_id, sum(ByteMs)
                      FROM storage_by_day FINAL WHERE ${time.sql} GROUP BY pool, day, tenant_id)
                WHERE used > 0)
          WHERE ${only} AND tenant_id NOT IN {reserved:Array(String)}
          ORDER BY pool, day, tenant_id`,
    params: { ...time.params, ...whose, reserved: RESERVED_TENANTS },
    scope: 'across-tenants',
  };
}
