import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type UsageSelect, usageSelect } from '../usage-sql.ts';

/** What one tenant used: at most one UsageSqlRow. */
export function tenantUsage(tenant: TenantId, select: Omit<UsageSelect, 'whose'>): AnalyticsQuery {
  const usage = usageSelect({ ...select, whose: { tenant } });
  return {
    question: 'tenant-usage',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${usage.sql}) WHERE tenant_id = {tenant:String}`,
    params: usage.params,
    scope: { tenant },
  };
}
