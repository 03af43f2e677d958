import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';

export interface SetAsideRow {
  readonly kind: 'spans' | 'data points';
  readonly reason: string;
  readonly service: string;
  readonly key_id: string;
  readonly n: number;
  /** Unix seconds. */
  readonly first_at: number;
  readonly last_at: number;
  /** Name of one of them. */
  readonly example: string;
}

/** Spans and data points that could not be placed, by reason, service and key, the most first. */
export function setAside(window: Window, limit: number): AnalyticsQuery {
  const part = (kind: string, table: string, name: string) =>
    `SELECT '${kind}' AS kind, Reason AS reason, ServiceName AS service, KeyId AS key_id, count() AS n,
            toUInt32(min(ReceivedAt)) AS first_at, toUInt32(max(ReceivedAt)) AS last_at, any(${name}) AS example
     FROM ${table}
     WHERE ReceivedAt >= fromUnixTimestamp64Milli({from:Int64}) AND ReceivedAt < fromUnixTimestamp64Milli({to:Int64})
     GROUP BY reason, service, key_id`;
  return {
    question: 'set-aside',
    sql: `SELECT {nonce:String} AS nonce, kind, reason, service, key_id, n, first_at, last_at, example
          FROM (${part('spans', 'spans_set_aside', 'SpanName')} UNION ALL
                ${part('data points', 'metric_points_set_aside', 'MetricName')})
          ORDER BY n DESC, last_at DESC LIMIT {limit:UInt32}`,
    params: { from: window.from, to: window.to, limit },
    scope: 'across-tenants',
  };
}
