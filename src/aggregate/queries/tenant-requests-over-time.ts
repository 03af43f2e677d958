import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { requestsOverTimeSelect } from '../requests-over-time-sql.ts';

/** Requests per step of one tenant: RequestsAtStep. */
export function tenantRequestsOverTime(tenant: TenantId, window: Window, stepSeconds: number): AnalyticsQuery {
  const select = requestsOverTimeSelect(window, stepSeconds, { tenant });
  return {
    question: 'tenant-requests-over-time',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${select.sql}) WHERE tenant_id = {tenant:String}`,
    params: select.params,
    scope: { tenant },
  };
}
