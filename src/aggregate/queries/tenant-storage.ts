import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type StorageListQuestion, storageList } from '../storage-sql.ts';

/** What one tenant stores ({tenant:String}), store by store. */
export function tenantStorage(tenant: TenantId, question: StorageListQuestion): AnalyticsQuery {
  const { sql, params } = storageList(question, { tenant });
  return { question: 'tenant-storage', sql, params, scope: { tenant } };
}
