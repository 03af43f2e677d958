import { type UnitPrices, unitPrices } from '../cost/ai-price.ts';
import type { PriceBook } from '../cost/price-book.ts';
import { RATE_TIERS, type TokenRate, type TokenRates } from '../domain/spend-price.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS } from '../domain/window.ts';
import type { BookSource } from './prices-costs.ts';

/** How long a look-up in the price book may be reused: prices change on the hour at most. */
const FRESH_MS = MINUTE_MS;
/** Names come from apps, so anybody may invent more. */
const MAX_REMEMBERED = 5_000;

/** Prices of a model for a tenant as of a moment (Unix ms); null when it has none. */
export type SpendRates = (provider: string, model: string, at: number, tenant?: TenantId) => TokenRates | null;

/**
 * The price book's word on a model in each size class: within one prices are linear, so that is all there is to know.
 * null: it has no price for the model's tokens.
 */
function ratesOf(book: PriceBook, question: Parameters<PriceBook['rates']>[0]): TokenRates | null {
  const found = book.rates(question);
  const byTier: UnitPrices[] = [];
  for (const inputTier of RATE_TIERS) {
    const prices = unitPrices(found, { operation: 'chat', inputTier });
    if ('unpriced' in prices) return null;
    byTier.push(prices);
  }
  const rate = (kind: 'input' | 'output' | 'cacheRead' | 'cacheWrite' | 'reasoning'): TokenRate => {
    const tiers = byTier.map((prices) => (prices[kind] === undefined ? null : Number(prices[kind])));
    return tiers.every((one) => one === tiers[0]) ? tiers.slice(0, 1) : tiers;
  };
  return {
    call: Number(byTier[0]?.call ?? 0n),
    input: rate('input'),
    output: rate('output'),
    cache_read: rate('cacheRead'),
    cache_write: rate('cacheWrite'),
    reasoning: rate('reasoning'),
  };
}

/** Rates by tenant, provider and model, remembered for a minute or until the book changes. */
export function spendRates(books: Pick<BookSource, 'current'>): SpendRates {
  let remembered = new Map<string, TokenRates | null>();
  let book: PriceBook | undefined;
  let until = Number.NEGATIVE_INFINITY;
  return (provider, model, at, tenant) => {
    if (book !== books.current() || at >= until || remembered.size >= MAX_REMEMBERED) {
      remembered = new Map();
      book = books.current();
      until = at + FRESH_MS;
    }
    const payer = tenant !== undefined && book.hasOwnTerms(tenant) ? tenant : undefined;
    const key = JSON.stringify([payer, provider, model]);
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const rates = ratesOf(book, { provider, model, serviceTier: '', at, tenant: payer });
    remembered.set(key, rates);
    return rates;
  };
}
