import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { HOUR_MS, MINUTE_MS } from '../../../domain/window.ts';

export interface ExportDelayRow {
  readonly spans: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

const LATELY_MS = 5 * MINUTE_MS;

/** How long after its end a span arrived, of those that came in the five minutes before `now` (Unix ms): one row. */
export function exportDelay(now: number): AnalyticsQuery {
  return {
    question: 'export-delay',
    // Clocks of apps may be ahead of ours: a span from the future took no negative time.
    sql: `SELECT {nonce:String} AS nonce, count() AS spans, quantiles(0.5, 0.99)(delay) AS q,
                 toFloat64(q[1]) AS p50_ms, toFloat64(q[2]) AS p99_ms
          FROM (SELECT greatest(0, (toUnixTimestamp64Nano(toDateTime64(ReceivedAt, 9, 'UTC'))
                       - toUnixTimestamp64Nano(Timestamp) - toInt64(Duration)) / 1e6) AS delay FROM spans
                WHERE ReceivedAt >= fromUnixTimestamp64Milli({from:Int64})
                  AND Timestamp >= fromUnixTimestamp64Milli({begun:Int64}))`,
    params: { from: now - LATELY_MS, begun: now - HOUR_MS },
    scope: 'across-tenants',
  };
}
