import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

export interface ServiceRow {
  readonly service: string;
}

/** Services that answered requests in the window, the busiest first. */
export function services(window: Window, limit: number): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  return {
    question: 'services',
    sql: `SELECT {nonce:String} AS nonce, ServiceName AS service FROM requests_by_minute WHERE ${time.sql}
          GROUP BY service ORDER BY sum(Requests) DESC, service LIMIT {limit:UInt32}`,
    params: { ...time.params, limit },
    scope: 'across-tenants',
  };
}
