import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

/** `first`: Unix seconds of the first minute of the window in which anybody did anything; null: nobody did. */
export interface FirstMinuteRow {
  readonly first: number | null;
}

const TABLES = ['requests_by_minute', 'db_calls_by_minute', 'ai_usage_by_minute', 'resource_use_by_minute'];

/** The first measured minute of the window, of whatever is judged by the minute: one row. */
export function firstMinute(window: Window): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const ofTable = (table: string) => `SELECT minOrNull(toUnixTimestamp(Time)) AS at FROM ${table} WHERE ${time.sql}`;
  return {
    question: 'first-minute',
    sql: `SELECT {nonce:String} AS nonce, min(at) AS first FROM (${TABLES.map(ofTable).join(' UNION ALL ')})`,
    params: time.params,
    scope: 'across-tenants',
  };
}
