import { loadCatalogue } from '../cost/price-catalogue.ts';
import { seedBook } from '../cost/price-seed.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { AiCosts, type BookSource } from './prices-costs.ts';

export interface PriceParts {
  readonly books: BookSource;
  readonly aiCosts: AiCosts;
}

/** Everything about prices: the book in memory, and what usage costs by it. */
export async function startPrices({ clickhouse }: { readonly clickhouse: AnalyticsReader }): Promise<PriceParts> {
  const book = seedBook(await loadCatalogue());
  const books: BookSource = { current: () => book };
  return { books, aiCosts: new AiCosts(clickhouse, books) };
}
