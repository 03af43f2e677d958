import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { type QueryVolumeQuestion, queryVolumeSelect } from '../../query-volume-sql.ts';

/** The dearest statements of everybody, by tenant or over all tenants: QueryVolumeRow. */
export function queryVolume(question: QueryVolumeQuestion, by: 'tenant' | 'query'): AnalyticsQuery {
  const volume = queryVolumeSelect(question, 'everybody', by);
  return {
    question: 'query-volume',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${volume.sql}) ORDER BY place`,
    params: volume.params,
    scope: 'across-tenants',
  };
}
