import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { type MeterSqlQuestion, meterSelect } from '../../meter-sql.ts';

/** What a meter has counted of all tenants, or of some, each by itself or all together. */
export function meterValuesOfAll(question: MeterSqlQuestion): AnalyticsQuery {
  return { question: 'meter-values-of-all', ...meterSelect(question), scope: 'across-tenants' };
}
