import { AiCostTally, type ModelSum, type TenantAiCost } from '../cost/ai-cost.ts';
import type { PriceBook } from '../cost/price-book.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import { priceTenantWindow, priceWindow } from './prices-window.ts';

/** The book in force; a new one takes its place at every change. */
export interface BookSource {
  current(): PriceBook;
  /** As a past version had it. */
  at(version: number): Promise<PriceBook>;
}

/** Closed months, whose costs are written down. */
export interface ClosedMonths {
  closed(): Promise<readonly { readonly month: number; readonly bookVersion: number }[]>;
  standing(months: readonly number[], tenants?: readonly TenantId[]): Promise<readonly MonthLine[]>;
  standingOf(tenant: TenantId, months: readonly number[]): Promise<readonly MonthLine[]>;
}

type MonthLine = Omit<ModelSum, 'unpriced'> & { readonly tenantId: TenantId };

/** A part of a window: a closed month whole, or time that is priced by one version of the book. */
interface Segment {
  readonly window: Window;
  /** undefined: the current one. */
  readonly bookVersion: number | undefined;
  readonly isClosedMonth: boolean;
}

/**
 * What AI usage costs, by the book: the one answer that lists, caps, bills and margins are made from. A closed month
 * costs what is written down for it; a part of one is priced by the version that the month stands on; everything else
 * follows the current book.
 */
export class AiCosts {
  readonly #reader: AnalyticsReader;
  readonly #books: BookSource;
  readonly #months: ClosedMonths | undefined;

  constructor(reader: AnalyticsReader, books: BookSource, months?: ClosedMonths) {
    this.#reader = reader;
    this.#books = books;
    this.#months = months;
  }

  /** Of everybody, or of the tenants given; those without calls are absent. Exact over whole minutes. */
  async byTenant(window: Window, tenants?: readonly TenantId[]): Promise<ReadonlyMap<TenantId, TenantAiCost>> {
    return this.#costs(window, {
      standing: (months) => this.#months?.standing(months, tenants) ?? Promise.resolve([]),
      priced: (book, part) => priceWindow(this.#reader, book, part, tenants),
    });
  }

  /** Of one tenant in its own scope: for its own people. undefined: it made no call. */
  async ofTenant(window: Window, tenant: TenantId): Promise<TenantAiCost | undefined> {
    const costs = await this.#costs(window, {
      standing: (months) => this.#months?.standingOf(tenant, months) ?? Promise.resolve([]),
      priced: (book, part) => priceTenantWindow(this.#reader, book, part, tenant),
    });
    return costs.get(tenant);
  }

  async #costs(
    window: Window,
    from: {
      readonly standing: (months: readonly number[]) => Promise<readonly MonthLine[]>;
      readonly priced: (book: PriceBook, part: Window) => Promise<ReadonlyMap<TenantId, TenantAiCost>>;
    },
  ): Promise<ReadonlyMap<TenantId, TenantAiCost>> {
    const segments = segmentsOf(window, (await this.#months?.closed()) ?? []);
    const [only] = segments;
    if (only !== undefined && segments.length === 1 && !only.isClosedMonth) {
      return from.priced(await this.#bookOf(only), only.window);
    }
    const tally = new AiCostTally();
    const closed = segments.filter(({ isClosedMonth }) => isClosedMonth).map((segment) => segment.window.from);
    for (const line of await from.standing(closed))
      tally.ofModel(line).addSum(line.tenantId, { ...line, unpriced: null });
    for (const segment of segments) {
      if (segment.isClosedMonth) continue;
      for (const [tenant, cost] of await from.priced(await this.#bookOf(segment), segment.window)) {
        for (const model of cost.byModel) tally.ofModel(model).addSum(tenant, model);
      }
    }
    return tally.costs();
  }

  async #bookOf({ bookVersion }: Segment): Promise<PriceBook> {
    return bookVersion === undefined ? this.#books.current() : this.#books.at(bookVersion);
  }
}

/** The window cut at the edges of closed months. */
function segmentsOf(
  window: Window,
  closed: readonly { readonly month: number; readonly bookVersion: number }[],
): readonly Segment[] {
  const segments: Segment[] = [];
  let from = window.from;
  for (const { month, bookVersion } of closed) {
    const end = monthAfter(month);
    const part = { from: Math.max(window.from, month), to: Math.min(window.to, end) };
    if (part.from >= part.to) continue;
    if (from < part.from)
      segments.push({ window: { from, to: part.from }, bookVersion: undefined, isClosedMonth: false });
    segments.push({ window: part, bookVersion, isClosedMonth: part.from === month && part.to === end });
    from = part.to;
  }
  if (from < window.to)
    segments.push({ window: { from, to: window.to }, bookVersion: undefined, isClosedMonth: false });
  return segments;
}

/** First moment of the month after one, in UTC. */
export function monthAfter(month: number): number {
  const date = new Date(month);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
