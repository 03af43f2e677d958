import type { AiUsage } from '../../../domain/ai-usage.ts';
import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { rollupTable, tenantCondition, timeCondition } from '../../rollup-source.ts';

/** What a price depends on, summed by hour. `hour` is Unix seconds of the hour's start. */
export interface AiUsageHour extends AiUsage {
  readonly tenant_id: TenantId;
  readonly hour: number;
}

/** AI usage of some tenants by hour, over a window of whole hours: AiUsageHour. */
export function aiUsageHours(window: Window, tenants: readonly TenantId[]): AnalyticsQuery {
  const whose = tenantCondition({ tenants });
  const time = timeCondition(window, 'w');
  return {
    question: 'ai-usage-hours',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, toUnixTimestamp(Time) AS hour, Provider AS provider,
                 Model AS model, Operation AS operation, InputTier AS inputTier, ServiceTier AS serviceTier,
                 sum(Calls) AS calls, sum(InputTokens) AS inputTokens, sum(OutputTokens) AS outputTokens,
                 sum(CacheReadTokens) AS cacheReadTokens, sum(CacheWriteTokens) AS cacheWriteTokens,
                 sum(ReasoningTokens) AS reasoningTokens, sum(SearchUnits) AS searchUnits
          FROM ${rollupTable('ai_usage', 'hour')} WHERE ${time.sql} AND ${whose.sql}
          GROUP BY tenant_id, hour, provider, model, operation, inputTier, serviceTier`,
    params: { ...time.params, ...whose.params },
    scope: 'across-tenants',
  };
}
