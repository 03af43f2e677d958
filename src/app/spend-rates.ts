import { priceUsage, type RateLookup, ratesAt } from '../cost/ai-price.ts';
import type { AiUsage } from '../domain/ai-usage.ts';
import { RATE_TIERS, TOKEN_KINDS, type TokenKind, type TokenRate, type TokenRates } from '../domain/spend-price.ts';
import { MINUTE_MS } from '../domain/window.ts';

/** How long a look-up in the price book may be reused: prices change by the day, for some models by the hour. */
const FRESH_MS = MINUTE_MS;
/** Names come from apps, so anybody may invent more. */
const MAX_REMEMBERED = 5_000;

const NOTHING: Omit<AiUsage, 'provider' | 'model' | 'inputTier'> = {
  operation: 'chat',
  calls: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  searchUnits: 0,
  serviceTier: '',
};

/** One token of each kind, as the price book wants it. */
const ONE_TOKEN: Readonly<Record<TokenKind, Partial<AiUsage>>> = {
  input: { inputTokens: 1 },
  output: { outputTokens: 1 },
  cache_read: { inputTokens: 1, cacheReadTokens: 1 },
  cache_write: { inputTokens: 1, cacheWriteTokens: 1 },
  reasoning: { outputTokens: 1, reasoningTokens: 1 },
};

/**
 * The price book's word on a model, one token at a time: within a size class prices are linear, so that is all there is
 * to know. null: it has no price for the model's tokens.
 */
function ratesOf(provider: string, model: string, at: Date, lookup: RateLookup): TokenRates | null {
  const price = (inputTier: number, changes: Partial<AiUsage>): number | null => {
    const answer = priceUsage({ ...NOTHING, provider, model, inputTier, ...changes }, at, lookup);
    return 'costPico' in answer ? Number(answer.costPico) : null;
  };
  const call = price(0, { calls: 1 });
  if (call === null) return null;
  const rate = (kind: TokenKind): TokenRate => {
    const tiers = RATE_TIERS.map((tier) => price(tier, ONE_TOKEN[kind]));
    return tiers.every((one) => one === tiers[0]) ? tiers.slice(0, 1) : tiers;
  };
  const [input, output, cacheRead, cacheWrite, reasoning] = TOKEN_KINDS.map(rate);
  const unknown: TokenRate = [null];
  return {
    call,
    input: input ?? unknown,
    output: output ?? unknown,
    cache_read: cacheRead ?? unknown,
    cache_write: cacheWrite ?? unknown,
    reasoning: reasoning ?? unknown,
  };
}

/** Rates by provider and model, remembered for a minute. `at` is Unix ms. */
export function spendRates(): (provider: string, model: string, at: number) => TokenRates | null {
  let remembered = new Map<string, TokenRates | null>();
  let lookup: RateLookup | undefined;
  let until = Number.NEGATIVE_INFINITY;
  return (provider, model, at) => {
    if (lookup === undefined || at >= until || remembered.size >= MAX_REMEMBERED) {
      remembered = new Map();
      lookup = ratesAt(new Date(at));
      until = at + FRESH_MS;
    }
    const key = JSON.stringify([provider, model]);
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const rates = ratesOf(provider, model, new Date(at), lookup);
    remembered.set(key, rates);
    return rates;
  };
}
