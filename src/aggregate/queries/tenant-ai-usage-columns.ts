import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type AiUsageBreakdown, aiUsageSums } from '../ai-usage-sql.ts';

/** AI usage of one tenant by everything that its price depends on, each count as an array of one. */
export function tenantAiUsageColumns(tenant: TenantId, breakdown: AiUsageBreakdown): AnalyticsQuery {
  const usage = aiUsageSums(breakdown, { tenant });
  return {
    question: 'tenant-ai-usage',
    sql: `SELECT {nonce:String} AS nonce, tenant_id, part, hour, provider, model, operation, inputTier, serviceTier,
                 [calls] AS calls, [inputTokens] AS inputTokens, [outputTokens] AS outputTokens,
                 [cacheReadTokens] AS cacheReadTokens, [cacheWriteTokens] AS cacheWriteTokens,
                 [reasoningTokens] AS reasoningTokens, [searchUnits] AS searchUnits
          FROM (${usage.sql}) WHERE tenant_id = {tenant:String}`,
    params: usage.params,
    scope: { tenant },
  };
}
