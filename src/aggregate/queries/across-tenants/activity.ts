import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { SECOND_MS, type Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

/** One row a tenant; the arrays run in parallel and hold only steps in which the tenant did something. */
export interface ActivityRow {
  readonly tenant_id: string;
  /** Index of the interval within the window. */
  readonly at: readonly number[];
  readonly requests: readonly number[];
  readonly aiTokens: readonly number[];
}

/** What every tenant did in each interval of the window: the detector's input. */
export function activity(window: Window, intervalSeconds: number): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  return {
    question: 'activity',
    sql: `SELECT {nonce:String} AS nonce, tenant_id, groupArray(at) AS at, groupArray(requests) AS requests, groupArray(tokens) AS aiTokens
          FROM (SELECT TenantId AS tenant_id, intDiv(toUnixTimestamp(Time) - {w_from:UInt32}, {interval:UInt32}) AS at,
                       sum(Requests) AS requests, sum(AiTokens) AS tokens
                FROM activity_by_ten_seconds WHERE ${time.sql} GROUP BY tenant_id, at)
          GROUP BY tenant_id`,
    params: { ...time.params, interval: intervalSeconds, w_from: Math.floor(window.from / SECOND_MS) },
    scope: 'across-tenants',
  };
}
