import type { Logger } from 'pino';
import { loadCatalogue } from '../cost/price-catalogue.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { ChangeListener } from '../store/postgres/change-listener.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { PriceMonthStore } from '../store/postgres/price-month-store.ts';
import { PriceStore } from '../store/postgres/price-store.ts';
import { PriceBooks } from './prices-books.ts';
import { AiCosts, type BookSource } from './prices-costs.ts';
import { PriceDesk } from './prices-desk.ts';
import { PriceImports } from './prices-imports.ts';
import { MonthDesk } from './prices-months.ts';

export interface PriceParts {
  readonly books: BookSource;
  readonly aiCosts: AiCosts;
  /** What the API tells and takes about prices and contracts, and about closed months. */
  readonly priceDesk: PriceDesk & Pick<PriceImports, 'preview' | 'apply'>;
  readonly monthDesk: MonthDesk;
}

export interface PriceOptions {
  readonly clickhouse: AnalyticsReader;
  readonly postgres: Postgres;
  /** Not started yet: the book registers as a reader. */
  readonly changes: ChangeListener;
  readonly log: Logger;
}

/** Everything about prices: the book, seeded where it is empty, what usage costs by it, and who may change it how. */
export async function startPrices({ clickhouse, postgres, changes, log }: PriceOptions): Promise<PriceParts> {
  const catalogue = await loadCatalogue();
  const store = new PriceStore(postgres);
  const months = new PriceMonthStore(postgres);
  const books = new PriceBooks({ store, changes, catalogue, log });
  await books.start();
  const aiCosts = new AiCosts(clickhouse, books, months);
  const desk = new PriceDesk({ store, books, costs: aiCosts });
  const imports = new PriceImports(books, desk, catalogue);
  return {
    books,
    aiCosts,
    priceDesk: Object.assign(desk, {
      preview: imports.preview.bind(imports),
      apply: imports.apply.bind(imports),
    }),
    monthDesk: new MonthDesk({ reader: clickhouse, books, store: months, now: Date.now }),
  };
}
