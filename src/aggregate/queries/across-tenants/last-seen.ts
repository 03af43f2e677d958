import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../../domain/window.ts';

export interface LastSeenRow {
  readonly tenant_id: TenantId;
  /** Unix seconds: the start of the newest minute, hour or day with a span. */
  readonly at: number;
  readonly step_seconds: number;
}

/**
 * When tenants last sent a span before `now` (Unix ms): to the minute within two hours, to the hour within two days, else
 * to the day. Minutes alone would be 43,200 rows a tenant and month that nobody asks about; days alone would call a tenant
 * that is sending right now as old as midnight. Tenants without a span are absent.
 */
export function lastSeen(tenants: readonly TenantId[], now: number): AnalyticsQuery {
  const level = (table: string, seconds: number, since: string) =>
    `SELECT TenantId, max(Time) AS newest, ${seconds} AS step FROM ${table}
     WHERE TenantId IN {tenants:Array(String)} AND Time >= toDateTime({${since}:UInt32}, 'UTC') GROUP BY TenantId`;
  const levels = [
    level('spans_by_minute', 60, 'minutes_from'),
    level('spans_by_hour', 3_600, 'hours_from'),
    level('spans_by_day', 86_400, 'days_from'),
  ];
  const since = (ms: number) => Math.floor((now - ms) / SECOND_MS);
  return {
    question: 'last-seen',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, toUInt32(max(newest)) AS at, min(step) AS step_seconds
          FROM (${levels.join(' UNION ALL ')}) GROUP BY TenantId`,
    params: { tenants, minutes_from: since(2 * HOUR_MS), hours_from: since(2 * DAY_MS), days_from: 0 },
    scope: 'across-tenants',
  };
}
