import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { HOUR_MS, type Window } from '../../../domain/window.ts';

export interface LoadedSpansRow {
  readonly loaded: number;
  readonly set_aside: number;
}

/** Spans that arrive later than this after they began are too few to change a share. */
const LATEST_MS = HOUR_MS;

/**
 * How many of the spans that arrived in the window are in the store, and how many of them were set aside: one row. Those
 * that wait for a tenant are in.
 */
export function loadedSpans(window: Window): AnalyticsQuery {
  const arrived = `ReceivedAt >= fromUnixTimestamp64Milli({from:Int64}) AND ReceivedAt < fromUnixTimestamp64Milli({to:Int64})`;
  return {
    question: 'loaded-spans',
    sql: `SELECT {nonce:String} AS nonce,
                 (SELECT count() FROM spans WHERE ${arrived}
                    AND Timestamp >= fromUnixTimestamp64Milli({begun:Int64}))
                   + (SELECT count() FROM spans_waiting
                      WHERE ReceivedAtNs >= {from:Int64} * 1000000 AND ReceivedAtNs < {to:Int64} * 1000000) AS loaded,
                 (SELECT count() FROM spans_set_aside WHERE ${arrived}) AS set_aside`,
    params: { from: window.from, to: window.to, begun: window.from - LATEST_MS },
    scope: 'across-tenants',
  };
}
