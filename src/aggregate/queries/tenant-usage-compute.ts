import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { usageComputeSelect } from '../usage-compute-sql.ts';

/** CPU time and request time of one tenant by service: at most one UsageComputeRow. */
export function tenantUsageCompute(tenant: TenantId, window: Window): AnalyticsQuery {
  const compute = usageComputeSelect(window, { tenant });
  return {
    question: 'tenant-usage-compute',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${compute.sql}) WHERE tenant_id = {tenant:String}`,
    params: compute.params,
    scope: { tenant },
  };
}
