import { AiCosts } from '../../src/app/prices-costs.ts';
import { type AiPrice, priceUsage } from '../../src/cost/ai-price.ts';
import type { PriceBook } from '../../src/cost/price-book.ts';
import { loadCatalogue } from '../../src/cost/price-catalogue.ts';
import { seedBook } from '../../src/cost/price-seed.ts';
import type { AiUsage } from '../../src/domain/ai-usage.ts';
import type { AnalyticsReader } from '../../src/domain/analytics-query.ts';
import type { PriceBookData, PriceEntry } from '../../src/domain/price.ts';

const catalogue = await loadCatalogue();

/** The book that a new installation has, with what is given on top. */
export function testBook(added: Partial<PriceBookData> = {}): PriceBook {
  return seedBook(catalogue, added);
}

const fresh = testBook();

/** What a new installation says that usage of a moment costs. */
export function seedPrice(usage: AiUsage, at: Date): AiPrice {
  return priceUsage(usage, fresh.rates({ ...usage, at: at.getTime() }));
}

/** Costs by a book that stays as it is. */
export function testCosts(reader: AnalyticsReader, book: PriceBook = testBook()): AiCosts {
  return new AiCosts(reader, { current: () => book, at: async () => book });
}

let entries = 0;

/** A price in the book: the input of gpt-4o of OpenAI at 1 USD a million tokens since ever, but for what is given. */
export function priceEntry(parts: Partial<PriceEntry> = {}): PriceEntry {
  entries += 1;
  return {
    id: `entry-${entries}`,
    layer: 'book',
    owner: '',
    version: 1,
    provider: 'openai',
    model: 'gpt-4o',
    variant: 'standard',
    kind: 'input',
    daily: null,
    rate: { base: 1_000_000n, steps: [] },
    effectiveFrom: null,
    effectiveTo: null,
    source: 'manual',
    sourceRef: '',
    ...parts,
  };
}
