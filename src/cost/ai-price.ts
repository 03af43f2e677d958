import type { AiUsage } from '../domain/ai-usage.ts';
import type { PriceKind, Rate } from '../domain/price.ts';

/** Why usage has no price. Unknown is never zero. */
export type UnpricedReason =
  /** The span named no model. */
  | 'no-model'
  /** Nobody's prices are known for this model at this provider. */
  | 'unknown-model'
  /** There are prices, but none for the time of the usage. */
  | 'no-price-then'
  /** There are prices, but none for this service tier. */
  | 'no-price-for-tier'
  /** The model is charged by something that spans do not carry (audio hours, pages), or this kind of token is not priced. */
  | 'no-token-price'
  /** The call is charged by an amount that its span does not tell. */
  | 'no-amount'
  /** More cached than input tokens, or more reasoning than output tokens: the parts do not fit the whole. */
  | 'inconsistent-usage';

export type AiPrice = { readonly costPico: bigint } | { readonly unpriced: UnpricedReason };

/** What is charged for a model at one moment to one tenant. */
export type Rates =
  | { readonly rates: Readonly<Partial<Record<PriceKind, Rate>>> }
  | { readonly unpriced: UnpricedReason };

/** Pico-units for one of each, within one input size class; undefined: not known. */
export interface UnitPrices {
  readonly call: bigint;
  readonly input: bigint | undefined;
  readonly output: bigint | undefined;
  readonly cacheRead: bigint | undefined;
  readonly cacheWrite: bigint | undefined;
  readonly reasoning: bigint | undefined;
  /** Set: the call is charged by search units, and tokens cost nothing more. */
  readonly searchUnit: bigint | undefined;
}

type Counts = Pick<
  AiUsage,
  'calls' | 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'reasoningTokens' | 'searchUnits'
>;

/**
 * Prices of one kind of call within one size class of its input. Where a kind has no price of its own, that of the whole
 * it is part of holds: reasoning costs what output does. All tokens are charged as text, cache writes at the general
 * rate: spans tell neither which tokens were audio or images nor how long a cache is kept.
 */
export function unitPrices(
  found: Rates,
  { operation, inputTier }: Pick<AiUsage, 'operation' | 'inputTier'>,
): UnitPrices | { readonly unpriced: UnpricedReason } {
  if ('unpriced' in found) return found;
  const of = (...kinds: readonly PriceKind[]): bigint | undefined => {
    const rate = kinds.map((kind) => found.rates[kind]).find((one) => one !== undefined);
    return rate === undefined ? undefined : at(rate, inputTier);
  };
  const searchUnit = operation === 'rerank' || operation === 'reranker' ? of('search_unit') : undefined;
  const isEmbedding = operation === 'embeddings' || operation === 'embedding';
  const input = isEmbedding ? of('embedding_input', 'input') : of('input');
  const call = found.rates.request;
  if (input === undefined && of('output') === undefined && call === undefined && searchUnit === undefined) {
    return { unpriced: 'no-token-price' };
  }
  return {
    call: call === undefined ? 0n : at(call, 0),
    input,
    // Embeddings have no output; what instrumentations report there (vectors, a copy of the total) is not charged.
    output: isEmbedding ? 0n : of('output'),
    cacheRead: of('cache_read') ?? input,
    cacheWrite: of('cache_write', 'cache_write_5m') ?? input,
    reasoning: isEmbedding ? 0n : of('reasoning', 'output'),
    searchUnit,
  };
}

/** Every call of a row has more input than `inputTier` and no more than the next start, so starts up to it hold. */
function at(rate: Rate, inputTier: number): bigint {
  return rate.steps.findLast((step) => step.over <= inputTier)?.pico ?? rate.base;
}

/**
 * The exact cost of counts in pico-US-dollars, before any rounding; prices are linear, so a sum of rows costs what its
 * rows cost.
 */
export function charge(prices: UnitPrices, counts: Counts): AiPrice {
  const { calls, cacheReadTokens, cacheWriteTokens, reasoningTokens, searchUnits } = counts;
  const ofCalls = calls === 0 ? 0n : BigInt(calls) * prices.call;
  if (prices.searchUnit !== undefined) {
    // Every call takes one unit at least, so fewer units than calls means that some did not tell.
    if (searchUnits < calls) return { unpriced: 'no-amount' };
    return { costPico: ofCalls + BigInt(searchUnits) * prices.searchUnit };
  }
  const input = counts.inputTokens - cacheReadTokens - cacheWriteTokens;
  const output = counts.outputTokens - reasoningTokens;
  if (input < 0 || output < 0) return { unpriced: 'inconsistent-usage' };
  if (
    (input > 0 && prices.input === undefined) ||
    (cacheReadTokens > 0 && prices.cacheRead === undefined) ||
    (cacheWriteTokens > 0 && prices.cacheWrite === undefined) ||
    (output > 0 && prices.output === undefined) ||
    (reasoningTokens > 0 && prices.reasoning === undefined)
  ) {
    return { unpriced: 'no-token-price' };
  }
  return {
    costPico:
      ofCalls +
      times(input, prices.input) +
      times(cacheReadTokens, prices.cacheRead) +
      times(cacheWriteTokens, prices.cacheWrite) +
      times(output, prices.output) +
      times(reasoningTokens, prices.reasoning),
  };
}

/** Most kinds of tokens of most rows are none, and a product of big integers costs more than the question. */
function times(count: number, price: bigint | undefined): bigint {
  return count === 0 || price === undefined ? 0n : BigInt(count) * price;
}

/**
 * The cost of one row of usage at the rates of its time.
 * @throws RangeError when a count is not a whole number from 0 to 2^53
 */
export function priceUsage(usage: AiUsage, found: Rates): AiPrice {
  assertCounts(usage);
  const prices = unitPrices(found, usage);
  return 'unpriced' in prices ? prices : charge(prices, usage);
}

/** Where a call's cached tokens are counted: within its input (OpenTelemetry, OpenAI), or beside it (Anthropic's API). */
export type CacheConvention = 'inside' | 'beside';

/** The same call with its input counted as AiUsage has it: cached tokens inside. */
export function withCacheInside<Counted extends Counts>(counts: Counted, convention: CacheConvention): Counted {
  if (convention === 'inside') return counts;
  return { ...counts, inputTokens: counts.inputTokens + counts.cacheReadTokens + counts.cacheWriteTokens };
}

function assertCounts(usage: AiUsage): void {
  const { calls, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, searchUnits } = usage;
  const counts = {
    ...{ calls, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, searchUnits },
  };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isSafeInteger(count) || count < 0)
      throw new RangeError(`${name} must be a whole number from 0, not ${count}`);
  }
}
