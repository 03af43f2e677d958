import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type MeterSqlQuestion, meterSelect } from '../meter-sql.ts';

/** What a meter has counted of one tenant: the texts select rows with TenantId = {tenant:String}. */
export function meterValues(tenant: TenantId, question: Omit<MeterSqlQuestion, 'whose' | 'byTenant'>): AnalyticsQuery {
  return {
    question: 'meter-values',
    ...meterSelect({ ...question, whose: { tenant }, byTenant: true }),
    scope: { tenant },
  };
}
