/**
 * AI usage as the rollups keep it: sums over calls of one provider, model, operation and input size class.
 * Price lists charge a call by the size of its own input, so the class must be known per call: a price tier that is
 * applied to a sum of calls charges small calls at the long-context rate.
 */
export interface AiUsage {
  /** `gen_ai.provider.name` as reported; '' when it was absent. */
  readonly provider: string;
  /** Response model, else request model, as reported; '' when both were absent. */
  readonly model: string;
  /** `gen_ai.operation.name`: `chat`, `embeddings`, … */
  readonly operation: string;
  /** 0 or one of AI_INPUT_TIER_STARTS: every call of the row had more input tokens than this. */
  readonly inputTier: number;
  /**
   * Counts are numbers, not bigint: sums stay below 2^53 (a million tokens a second for 285 years) and JSON carries
   * them; only products with prices need more room. Attempts count, not operations: each one is billed.
   */
  readonly calls: number;
  /** All input tokens, cached ones included (OpenTelemetry's convention). */
  readonly inputTokens: number;
  /** All output tokens, reasoning included. */
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  /** What rerank calls are charged by. */
  readonly searchUnits: number;
  /** '' = the seller's usual one. */
  readonly serviceTier: AiServiceTier;
}

/** Service tiers that sellers charge at prices of their own; every other one that spans name is the usual one. */
export const AI_SERVICE_TIERS = ['batch', 'flex', 'priority'] as const;
export type AiServiceTier = (typeof AI_SERVICE_TIERS)[number] | '';

/**
 * Every input size at which some price list changes its rate, ascending: a call is charged the higher rate when its
 * input is *larger* than the start. 199,999 and 200,000 are both needed: lists differ in whether 200,000 itself is
 * long. The classes of the ClickHouse rollup have these bounds; test/cost holds them against the price data.
 */
export const AI_INPUT_TIER_STARTS = [128_000, 199_999, 200_000, 271_999, 272_000, 512_000] as const;

/** The size class of one call: the largest start that its input exceeds, else 0. */
export function aiInputTierOf(inputTokens: number): number {
  return AI_INPUT_TIER_STARTS.findLast((start) => inputTokens > start) ?? 0;
}
