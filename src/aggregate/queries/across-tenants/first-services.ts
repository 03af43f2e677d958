import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS } from '../../../domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../../domain/window.ts';
import { NEWEST_WAITING } from '../../waiting-spans-sql.ts';

export interface FirstServiceRow {
  readonly service: string;
  /** Unix seconds: the start of the newest minute with a span. */
  readonly at: number;
  readonly spans: number;
  readonly attributed: number;
  /** '': none of its spans names a tenant. */
  readonly example: string;
}

/** Services that sent spans within a day before `now` (Unix ms), with and without a tenant (also those that wait for one); those seen last come first. */
export function firstServices(now: number, limit: number): AnalyticsQuery {
  const known = 'TenantId NOT IN {reserved:Array(String)}';
  const since = (ms: number) => Math.floor((now - ms) / SECOND_MS);
  const part = (table: string, time: string) =>
    `SELECT ServiceName AS service, max(Time) AS newest, sum(Spans) AS n, sumIf(Spans, ${known}) AS known,
            anyLastIf(TenantId, ${known}) AS tenant FROM ${table} WHERE ${time} GROUP BY service`;
  return {
    question: 'first-services',
    // Minutes of a whole day would be many rows where there are many tenants: hours, and minutes for the last of them.
    sql: `SELECT {nonce:String} AS nonce, service, toUInt32(max(newest)) AS at, sum(n) AS spans, sum(known) AS attributed,
                 max(tenant) AS example
          FROM (${part('spans_by_hour', `Time >= toDateTime({day:UInt32}, 'UTC') AND Time < toDateTime({hour:UInt32}, 'UTC')`)}
                UNION ALL ${part('spans_by_minute', `Time >= toDateTime({hour:UInt32}, 'UTC')`)}
                UNION ALL SELECT ServiceName AS service, ${NEWEST_WAITING} AS newest, count() AS n, 0 AS known, '' AS tenant
                          FROM spans_waiting GROUP BY service)
          GROUP BY service ORDER BY at DESC, spans DESC, service LIMIT {limit:UInt32}`,
    params: {
      day: since(DAY_MS),
      hour: Math.floor((now - HOUR_MS) / HOUR_MS) * 3_600,
      limit,
      reserved: RESERVED_TENANTS,
    },
    scope: 'across-tenants',
  };
}
