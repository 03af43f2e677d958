import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { aiUsageSelect } from '../ai-usage-sql.ts';

/** AI usage of one tenant by day and everything that its price depends on: AiUsageRow. */
export function tenantAiUsage(tenant: TenantId, window: Window): AnalyticsQuery {
  const usage = aiUsageSelect(window, { tenant }, 'day');
  return {
    question: 'tenant-ai-usage',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${usage.sql}) WHERE tenant_id = {tenant:String}`,
    params: usage.params,
    scope: { tenant },
  };
}
