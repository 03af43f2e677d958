import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { type StorageListQuestion, storageList } from '../../storage-sql.ts';

/** What every tenant stores, store by store, the most byte-hours first. */
export function storage(question: StorageListQuestion): AnalyticsQuery {
  const { sql, params } = storageList(question, 'everybody');
  return { question: 'storage', sql, params, scope: 'across-tenants' };
}
