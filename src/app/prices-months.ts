import { AiCostTally, microOfPico, type TenantAiCost } from '../cost/ai-cost.ts';
import { type CostDifference, costDifferences, monthFigures } from '../cost/price-repricing.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { TenantryError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ClosedMonth, PriceMonthStore, Repricing } from '../store/postgres/price-month-store.ts';
import { changedMeanwhile } from '../store/postgres/price-store.ts';
import { type BookSource, monthAfter } from './prices-costs.ts';
import { priceWindow } from './prices-window.ts';

export interface MonthDeskOptions {
  readonly reader: AnalyticsReader;
  readonly books: BookSource;
  readonly store: PriceMonthStore;
  readonly now: () => number;
}

interface MonthDifference extends CostDifference {
  readonly month: number;
  readonly closed: boolean;
}

/** More would be read from rollups one after the other while somebody waits. */
const MAX_MONTHS = 24;

/** Closes months, and says and writes what a change of prices does to those that are over. */
export class MonthDesk {
  readonly #options: MonthDeskOptions;

  constructor(options: MonthDeskOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly ClosedMonth[]> {
    return this.#options.store.closed();
  }

  async close(actor: StaffActor, month: number): Promise<ClosedMonth> {
    const { reader, books, store, now } = this.#options;
    if (monthAfter(month) > now()) {
      throw new TenantryError('BAD_REQUEST', 'The month has not ended.', { hint: 'Close it once it is over, in UTC.' });
    }
    const book = books.current();
    const costs = await priceWindow(reader, book, { from: month, to: monthAfter(month) });
    const lines = [...costs].flatMap(([tenantId, { byModel }]) =>
      byModel.map(({ provider, model, calls, unpricedCalls, costPico }) => ({
        ...{ tenantId, provider, model, calls, unpricedCalls, costPico },
      })),
    );
    await store.close(actor, { month, bookVersion: book.version, lines });
    const closed = (await store.closed()).find((one) => one.month === month);
    if (closed === undefined) throw new TenantryError('INTERNAL', 'The month just closed cannot be read');
    return closed;
  }

  async figures(actor: StaffActor, month: number, tenant: TenantId | undefined) {
    const { store } = this.#options;
    if (!(await store.closed()).some((one) => one.month === month)) return undefined;
    return monthFigures(await store.lines(actor, month, tenant)).map(({ closedMicro, corrections, ...figure }) => ({
      ...figure,
      closedMicro: Number(closedMicro),
      corrections: corrections.map(({ repricing, micro }) => ({ repricing, micro: Number(micro) })),
    }));
  }

  /** Nothing is written. Open months are compared with an earlier version of the book: the one before, if none is named. */
  async preview({
    from,
    to,
    fromVersion,
  }: {
    readonly from: number;
    readonly to: number;
    readonly fromVersion?: number;
  }) {
    const book = this.#options.books.current();
    const earlier = fromVersion ?? Math.max(0, book.version - 1);
    if (earlier > book.version) {
      throw new TenantryError('BAD_REQUEST', `The book has no version ${earlier} yet; it is at ${book.version}.`);
    }
    const differences = await this.#differences({ from, to }, earlier);
    return {
      version: book.version,
      fromVersion: earlier,
      items: differences.map(({ before, after, ...rest }) => ({
        ...rest,
        beforePico: before.costPico,
        afterPico: after.costPico,
        calls: after.calls,
        unpricedCallsBefore: before.unpricedCalls,
        unpricedCallsAfter: after.unpricedCalls,
      })),
      correctionMicro: Number(correctionMicro(differences)),
    };
  }

  /** Writes the differences of the closed months beside their figures. Open months follow the book by themselves. */
  async apply(
    actor: StaffActor,
    { from, to }: { readonly from: number; readonly to: number },
    { expectedVersion, reason }: { readonly expectedVersion: number; readonly reason: string },
  ): Promise<Repricing> {
    const { books, store } = this.#options;
    const bookVersion = books.current().version;
    if (bookVersion !== expectedVersion) throw changedMeanwhile();
    const months = (await store.closed()).filter(({ month }) => month >= from && month < to);
    if (months.length === 0) {
      throw new TenantryError('BAD_REQUEST', 'None of these months is closed.', {
        hint: 'Open months follow the price book by themselves.',
      });
    }
    const differences = (await this.#differences({ from, to }, bookVersion)).filter(({ closed }) => closed);
    const corrections = differences.map(({ month, tenantId, provider, model, before, after }) => ({
      ...{ month, tenantId, provider, model },
      calls: after.calls - before.calls,
      unpricedCalls: after.unpricedCalls - before.unpricedCalls,
      costPico: after.costPico - before.costPico,
    }));
    return store.reprice(actor, {
      ...{ from, to, bookVersion, reason, months, corrections },
      differenceMicro: correctionMicro(differences),
    });
  }

  async repricings(actor: StaffActor, limit: number): Promise<readonly Repricing[]> {
    return this.#options.store.repricings(actor, limit);
  }

  async #differences(range: { readonly from: number; readonly to: number }, earlier: number) {
    const { reader, books, store, now } = this.#options;
    const closed = new Set((await store.closed()).map(({ month }) => month));
    const differences: MonthDifference[] = [];
    for (const month of monthsOf(range, now())) {
      const window = { from: month, to: monthAfter(month) };
      const isClosed = closed.has(month);
      const current = books.current();
      if (!isClosed && earlier === current.version) continue;
      const before = isClosed
        ? standingCosts(await store.standing([month]))
        : await priceWindow(reader, await books.at(earlier), window);
      const after = await priceWindow(reader, current, window);
      differences.push(...costDifferences(before, after).map((one) => ({ ...one, month, closed: isClosed })));
    }
    return differences;
  }
}

function standingCosts(lines: Awaited<ReturnType<PriceMonthStore['standing']>>): ReadonlyMap<TenantId, TenantAiCost> {
  const tally = new AiCostTally();
  for (const line of lines) tally.ofModel(line).addSum(line.tenantId, { ...line, unpriced: null });
  return tally.costs();
}

/** Starts of the range's months that have begun. */
function monthsOf({ from, to }: { readonly from: number; readonly to: number }, now: number): readonly number[] {
  const months: number[] = [];
  for (let month = from; month < to && month <= now; month = monthAfter(month)) {
    if (months.length === MAX_MONTHS) {
      throw new TenantryError('BAD_REQUEST', `At most ${MAX_MONTHS} months can be repriced at once.`);
    }
    months.push(month);
  }
  return months;
}

/** What the closed months' tenants would pay more, each rounded by itself as their figures are. */
function correctionMicro(differences: readonly MonthDifference[]): bigint {
  return microOfPico(
    differences.reduce((sum, { closed, before, after }) => (closed ? sum + after.costPico - before.costPico : sum), 0n),
  );
}
