import fc from 'fast-check';
import type { AiUsage } from '../../src/domain/ai-usage.ts';
import { aiInputTierOf } from '../../src/domain/ai-usage.ts';

/** One call of `gpt-4o` with 1,000 input and 100 output tokens, but for what is given. */
export function oneCall(parts: Partial<AiUsage> = {}): AiUsage {
  const inputTokens = parts.inputTokens ?? 1_000;
  return {
    provider: 'openai',
    model: 'gpt-4o',
    operation: 'chat',
    inputTier: aiInputTierOf(inputTokens),
    calls: 1,
    inputTokens,
    outputTokens: 100,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    searchUnits: 0,
    serviceTier: '',
    ...parts,
  };
}

/** The row that a rollup would keep for two that share provider, model, operation and tier. */
export function summed(a: AiUsage, b: AiUsage): AiUsage {
  return {
    ...a,
    calls: a.calls + b.calls,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    searchUnits: a.searchUnits + b.searchUnits,
  };
}

/** Calls of one model and operation as a rollup keeps them: one row for each input size class. */
export function rolledUp(calls: readonly AiUsage[]): AiUsage[] {
  const rows = new Map<number, AiUsage>();
  for (const call of calls) {
    const row = rows.get(call.inputTier);
    rows.set(call.inputTier, row === undefined ? call : summed(row, call));
  }
  return [...rows.values()];
}

/** Sizes of one call: parts never exceed their whole; inputs fall on both sides of every price tier. */
export const callSizes = fc
  .record({
    inputTokens: fc.oneof(fc.nat(5_000), fc.integer({ min: 127_990, max: 600_000 })),
    outputTokens: fc.nat(20_000),
    cacheReadShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
    cacheWriteShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
    reasoningShare: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ inputTokens, outputTokens, cacheReadShare, cacheWriteShare, reasoningShare }) => ({
    inputTokens,
    outputTokens,
    cacheReadTokens: Math.floor(inputTokens * cacheReadShare),
    cacheWriteTokens: Math.floor(inputTokens * cacheWriteShare),
    reasoningTokens: Math.floor(outputTokens * reasoningShare),
  }));

/** Calls of models with flat, tiered, per-request and unknown prices. */
export const anyCall = fc
  .record({
    sold: fc.constantFrom(
      { provider: 'openai', model: 'gpt-4o' },
      { provider: 'gcp.gemini', model: 'gemini-2.5-pro' },
      { provider: 'perplexity', model: 'sonar-pro' },
      { provider: 'openai', model: 'no-such-model' },
    ),
    sizes: callSizes,
  })
  .map(({ sold, sizes }) => oneCall({ ...sold, ...sizes }));
