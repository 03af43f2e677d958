import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { requestsOverTimeSelect } from '../../requests-over-time-sql.ts';

/** Requests per step of the named tenants, for the sparklines of a page: RequestsAtStep. */
export function requestsOverTime(window: Window, stepSeconds: number, tenants: readonly TenantId[]): AnalyticsQuery {
  const select = requestsOverTimeSelect(window, stepSeconds, { tenants });
  return {
    question: 'requests-over-time',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${select.sql})`,
    params: select.params,
    scope: 'across-tenants',
  };
}
