import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { type UsageSelect, usageSelect } from '../../usage-sql.ts';

/** What some tenants used, or everybody: UsageSqlRow. */
export function usage(select: UsageSelect): AnalyticsQuery {
  const rows = usageSelect(select);
  return {
    question: 'usage',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${rows.sql})`,
    params: rows.params,
    scope: 'across-tenants',
  };
}
