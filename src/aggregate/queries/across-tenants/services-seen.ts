import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../../domain/window.ts';
import { NEWEST_WAITING } from '../../waiting-spans-sql.ts';

export interface ServiceSeenRow {
  readonly service: string;
  /** Unix seconds: the start of the newest minute or hour with a span. */
  readonly at: number;
  /** Of the last hour. */
  readonly spans: number;
}

/**
 * Services that sent spans within a week before `now` (Unix ms): when last, to the minute within two hours, else to the
 * hour; and how many within the last hour. Those that were seen last come first.
 */
export function servicesSeen(now: number, limit: number): AnalyticsQuery {
  const since = (ms: number) => Math.floor((now - ms) / SECOND_MS);
  return {
    question: 'services-seen',
    sql: `SELECT {nonce:String} AS nonce, service, toUInt32(max(newest)) AS at, sum(lately) AS spans FROM (
            SELECT ServiceName AS service, max(Time) AS newest, sumIf(Spans, Time >= toDateTime({hour:UInt32}, 'UTC')) AS lately
            FROM spans_by_minute WHERE Time >= toDateTime({minutes:UInt32}, 'UTC') GROUP BY service
            UNION ALL
            SELECT ServiceName AS service, max(Time) AS newest, 0 AS lately
            FROM spans_by_hour WHERE Time >= toDateTime({week:UInt32}, 'UTC') GROUP BY service
            UNION ALL
            SELECT ServiceName AS service, ${NEWEST_WAITING} AS newest, count() AS lately FROM spans_waiting GROUP BY service)
          GROUP BY service ORDER BY at DESC, spans DESC, service LIMIT {limit:UInt32}`,
    params: { hour: since(HOUR_MS), minutes: since(2 * HOUR_MS), week: since(7 * DAY_MS), limit },
    scope: 'across-tenants',
  };
}
