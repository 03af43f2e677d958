import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type QueryVolumeQuestion, queryVolumeSelect } from '../query-volume-sql.ts';

/** The dearest statements of one tenant: QueryVolumeRow. */
export function tenantQueryVolume(tenant: TenantId, question: QueryVolumeQuestion): AnalyticsQuery {
  const volume = queryVolumeSelect(question, { tenant }, 'tenant');
  return {
    question: 'tenant-query-volume',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${volume.sql}) WHERE tenant_id = {tenant:String} ORDER BY place`,
    params: volume.params,
    scope: { tenant },
  };
}
