import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { rowsInWindow } from '../../rollup-source.ts';

/**
 * How much of the window's telemetry could be attributed, and up to when there is any: one row
 * `{ spans, attributed, newest }`; `newest` is the start of the newest minute with data in Unix seconds, 0 if none.
 */
export function coverage(window: Window): AnalyticsQuery {
  const rows = rowsInWindow('spans', window, 'everybody');
  return {
    question: 'coverage',
    sql: `SELECT {nonce:String} AS nonce, sum(Spans) AS spans, sumIf(Spans, TenantId NOT IN {reserved:Array(String)}) AS attributed,
                 (SELECT toUnixTimestamp(max(Time)) FROM spans_by_minute WHERE Time >= now() - INTERVAL 2 DAY) AS newest
          FROM ${rows.sql}`,
    params: { ...rows.params, reserved: RESERVED_TENANTS },
    scope: 'across-tenants',
  };
}
