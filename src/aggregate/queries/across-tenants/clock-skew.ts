import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { HOUR_MS, MINUTE_MS } from '../../../domain/window.ts';

export interface ClockSkewRow {
  readonly service: string;
  /** How far a span ended after it arrived, at most. */
  readonly ahead_ms: number;
}

const LATELY_MS = 5 * MINUTE_MS;

/** Services with spans that came in the five minutes before `now` (Unix ms) and ended after that: the worst first. */
export function clockSkew(now: number, limit: number): AnalyticsQuery {
  return {
    question: 'clock-skew',
    sql: `SELECT {nonce:String} AS nonce, ServiceName AS service, max(ahead) AS ahead_ms
          FROM (SELECT ServiceName, (toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)
                       - toUnixTimestamp64Nano(toDateTime64(ReceivedAt, 9, 'UTC'))) / 1e6 AS ahead
                FROM spans
                WHERE ReceivedAt >= fromUnixTimestamp64Milli({from:Int64})
                  AND Timestamp >= fromUnixTimestamp64Milli({begun:Int64}))
          GROUP BY service HAVING ahead_ms > 0 ORDER BY ahead_ms DESC, service LIMIT {limit:UInt32}`,
    params: { from: now - LATELY_MS, begun: now - HOUR_MS, limit },
    scope: 'across-tenants',
  };
}
