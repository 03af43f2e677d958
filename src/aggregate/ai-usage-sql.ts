import type { AiUsage } from '../domain/ai-usage.ts';
import type { Window } from '../domain/window.ts';
import { type Fragment, rowsInWindow, type Whose } from './rollup-source.ts';

/** What a price depends on, summed. `day` is Unix seconds of the day's start, or 0 when the window is one sum. */
export interface AiUsageRow extends AiUsage {
  readonly tenant_id: string;
  readonly day: number;
}

export function aiUsageSelect(window: Window, whose: Whose, by: 'day' | 'window'): Fragment {
  const rows = rowsInWindow('ai_usage', window, whose);
  return {
    sql: `SELECT TenantId AS tenant_id, ${by === 'day' ? 'toUnixTimestamp(toStartOfDay(Time))' : '0'} AS day,
                 Provider AS provider, Model AS model, Operation AS operation, InputTier AS inputTier, ServiceTier AS serviceTier,
                 sum(Calls) AS calls, sum(InputTokens) AS inputTokens, sum(OutputTokens) AS outputTokens,
                 sum(CacheReadTokens) AS cacheReadTokens, sum(CacheWriteTokens) AS cacheWriteTokens,
                 sum(ReasoningTokens) AS reasoningTokens, sum(SearchUnits) AS searchUnits
          FROM ${rows.sql} GROUP BY tenant_id, day, provider, model, operation, inputTier, serviceTier`,
    params: rows.params,
  };
}
