import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import { AI_COUNTS, type AiUsageBreakdown, aiUsageSums } from '../../ai-usage-sql.ts';

export interface AiUsageQuestion extends AiUsageBreakdown {
  /** Absent: everybody. */
  readonly tenants?: readonly TenantId[] | undefined;
}

const KEYS = 'part, hour, provider, model, operation, inputTier, serviceTier';

/** AI usage of many tenants, a row for each model with the tenants as columns: AiUsageColumns. */
export function aiUsageColumns({ tenants, ...breakdown }: AiUsageQuestion): AnalyticsQuery {
  const usage = aiUsageSums(breakdown, tenants === undefined ? 'everybody' : { tenants });
  const columns = AI_COUNTS.map((count) => `groupArray(sums.${count}) AS ${count}`);
  return {
    question: 'ai-usage-columns',
    sql: `SELECT {nonce:String} AS nonce, ${KEYS}, groupArray(sums.tenant_id) AS tenants, ${columns.join(', ')}
          FROM (${usage.sql}) AS sums GROUP BY ${KEYS}`,
    params: usage.params,
    scope: 'across-tenants',
  };
}
