import type { ModelInfo, ModelPrice } from '@pydantic/genai-prices';
import { calcPrice, findProvider } from '@pydantic/genai-prices';
import type { AiUsage } from '../domain/ai-usage.ts';
import { picoPerTokenFromPerMillion } from '../domain/money.ts';
import { catalogueProvider } from './ai-providers.ts';

/** Why usage has no price. Unknown is never zero. */
export type UnpricedReason =
  /** The span named no model. */
  | 'no-model'
  /** The catalogue does not know this model at this provider. */
  | 'unknown-model'
  /** The catalogue knows the model but charges it by something that spans do not carry (audio hours, pages), or not at all. */
  | 'no-token-price'
  /** More cached than input tokens, or more reasoning than output tokens: the parts do not fit the whole. */
  | 'inconsistent-usage';

export type AiPrice = { readonly costPico: bigint } | { readonly unpriced: UnpricedReason };

/** What the catalogue charges for a model at one moment; free = it says so, which an empty price alone does not. */
type Rates = { readonly price: ModelPrice; readonly free: boolean } | { readonly unpriced: UnpricedReason };

/** Looks rates up as of one moment. */
export type RateLookup = (provider: string, model: string) => Rates;

/** Longer names are no model's name; the bound keeps the catalogue's patterns away from hostile text. */
const MAX_MODEL_LENGTH = 256;
/** How many lookups are remembered: names come from spans, so anybody may invent more. */
const MAX_REMEMBERED = 2_000;
const PICO_PER_REQUEST_FACTOR = 1_000n;

/**
 * A lookup that remembers its answers: matching a name costs the catalogue 10 to 70 µs. Share one over all rows that are
 * priced at the same moment. Prices change by date, and for some models by time of day, so `at` is the time of the usage.
 */
export function ratesAt(at: Date): RateLookup {
  const remembered = new Map<string, Rates>();
  return (provider, model) => {
    const key = JSON.stringify([provider, model]);
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const rates = findRates(provider, model, at);
    if (remembered.size < MAX_REMEMBERED) remembered.set(key, rates);
    return rates;
  };
}

/**
 * The exact cost of one row of usage in pico-US-dollars, before any rounding. Cache writes are charged at the list's
 * general rate (spans do not tell how long they are kept), and all tokens as text (nor which were audio or images).
 * @throws RangeError when a count is not a whole number from 0 to 2^53
 */
export function priceUsage(usage: AiUsage, at: Date, rates: RateLookup = ratesAt(at)): AiPrice {
  assertCounts(usage);
  const found = rates(usage.provider, usage.model);
  if ('unpriced' in found) return found;
  if (found.free) return { costPico: 0n };
  return charge(usage, found.price);
}

function findRates(provider: string, model: string, timestamp: Date): Rates {
  const name = model.trim();
  if (name === '') return { unpriced: 'no-model' };
  const seller = catalogueProvider(provider);
  if (seller === null || name.length > MAX_MODEL_LENGTH) return { unpriced: 'unknown-model' };
  const known = seller !== '' && findProvider({ providerId: seller }) !== undefined;
  // For a gateway that the catalogue does not know, its LiteLLM rules apply: `openai/gpt-4o` names its seller, and a
  // bare `gpt-4o` is taken for that of the company that makes it.
  const found = calcPrice({}, name, { providerId: known ? seller : 'litellm', timestamp });
  if (found === null) return { unpriced: 'unknown-model' };
  return { price: found.model_price, free: isFree(found.model, found.model_price) };
}

/** A price list without entries is "nothing known" to us, unless the catalogue says in words that the model is free. */
function isFree(model: ModelInfo, price: ModelPrice): boolean {
  const saysSo =
    model.id.endsWith(':free') ||
    model.name?.endsWith('(free)') === true ||
    model.price_comments?.includes('Free of charge') === true;
  return saysSo && Object.keys(price).length === 0;
}

interface Part {
  readonly priceKey: string;
  readonly tokens: number;
}

function charge(usage: AiUsage, price: ModelPrice): AiPrice {
  const { input_mtok, output_mtok, requests_kcount } = price;
  if (input_mtok === undefined && output_mtok === undefined && requests_kcount === undefined) {
    return { unpriced: 'no-token-price' };
  }
  const input = splitWhole('input_mtok', usage.inputTokens, [
    { priceKey: 'cache_read_mtok', tokens: usage.cacheReadTokens },
    { priceKey: 'cache_write_mtok', tokens: usage.cacheWriteTokens },
  ]);
  // Embeddings have no output; what instrumentations report there (vectors, a copy of the total) is not charged.
  const output =
    usage.operation === 'embeddings'
      ? []
      : splitWhole('output_mtok', usage.outputTokens, [
          { priceKey: 'output_reasoning_mtok', tokens: usage.reasoningTokens },
        ]);
  if (input === undefined || output === undefined) return { unpriced: 'inconsistent-usage' };

  let costPico = BigInt(usage.calls) * picoPerRequest(price);
  for (const { priceKey, tokens, wholeKey } of [...input, ...output]) {
    if (tokens === 0) continue;
    const rate = price[priceKey] ?? price[wholeKey];
    if (rate === undefined) return { unpriced: 'no-token-price' };
    costPico += BigInt(tokens) * picoPerTokenFromPerMillion(perMillion(rate, usage.inputTier));
  }
  return { costPico };
}

/** The parts that may have a rate of their own, then the rest of the whole; undefined when the parts exceed the whole. */
function splitWhole(
  wholeKey: string,
  whole: number,
  parts: readonly Part[],
): readonly (Part & { readonly wholeKey: string })[] | undefined {
  const rest = parts.reduce((left, part) => left - part.tokens, whole);
  if (rest < 0) return undefined;
  return [...parts, { priceKey: wholeKey, tokens: rest }].map((part) => ({ ...part, wholeKey }));
}

function perMillion(rate: NonNullable<ModelPrice[string]>, inputTier: number): number {
  if (typeof rate === 'number') return rate;
  // Every call of the row has more input than inputTier and no more than the next start, so starts up to inputTier hold.
  const reached = rate.tiers.filter((tier) => tier.start <= inputTier);
  return reached.reduce((best, tier) => (tier.start > best.start ? tier : best), { start: -1, price: rate.base }).price;
}

/** `requests_kcount` is US dollars per thousand requests: 12 = 0.012 USD = 12,000,000,000 pico-USD a request. */
function picoPerRequest(price: ModelPrice): bigint {
  const rate = price['requests_kcount'];
  if (rate === undefined) return 0n;
  return picoPerTokenFromPerMillion(perMillion(rate, 0)) * PICO_PER_REQUEST_FACTOR;
}

function assertCounts(usage: AiUsage): void {
  const { calls, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens } = usage;
  const counts = { calls, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isSafeInteger(count) || count < 0)
      throw new RangeError(`${name} must be a whole number from 0, not ${count}`);
  }
}
