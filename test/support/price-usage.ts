import { aiInputTierOf } from '../../src/domain/ai-usage.ts';
import { floorTo, MINUTE_MS, SECOND_MS } from '../../src/domain/window.ts';

export interface UsageSample {
  readonly tenant: string;
  /** Unix ms. */
  readonly at: number;
  readonly model: string;
  readonly provider?: string;
  readonly operation?: string;
  readonly serviceTier?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly searchUnits?: number;
}

/** Calls as the rows of `ai_usage_by_minute` that their spans would make, for `insertRows`. */
export function aiUsageRows(samples: readonly UsageSample[]): string {
  return samples
    .map(({ tenant, at, model, provider, operation, serviceTier, inputTokens, outputTokens, searchUnits }) =>
      JSON.stringify({
        TenantId: tenant,
        ServiceName: 'shop',
        Provider: provider ?? 'openai',
        Model: model,
        Operation: operation ?? 'chat',
        InputTier: aiInputTierOf(inputTokens),
        ServiceTier: serviceTier ?? '',
        Time: floorTo(at, MINUTE_MS) / SECOND_MS,
        Calls: 1,
        Errors: 0,
        DurationNs: 1,
        InputTokens: inputTokens,
        OutputTokens: outputTokens,
        CacheReadTokens: 0,
        CacheWriteTokens: 0,
        ReasoningTokens: 0,
        SearchUnits: searchUnits ?? 0,
      }),
    )
    .join('\n');
}
