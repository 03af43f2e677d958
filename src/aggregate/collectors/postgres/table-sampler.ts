import { type Gap, gapsOf, seededRandom, stratifiedBlocks } from './block-picks.ts';
import { boundaryGaps, tenantsInRuns } from './layout.ts';
import { NO_TENANT, type ValuedSample, valueSample } from './page-values.ts';
import type { SampledBlock, TableFacts, TableSource } from './table-source.ts';
import { estimateTenants, type TenantEstimate } from './tenant-estimate.ts';

export interface SamplerOptions {
  /** Pages that may be asked for. A table that has no more is read whole. */
  readonly budgetPages: number;
  /** Tenants that have less in the table are not worth a page of their own. */
  readonly worthBytes: number;
  readonly seed: number;
  /** Called between two statements; resolves when the next one may come, rejects to give up. */
  readonly pause: () => Promise<void>;
}

export interface TableEstimate {
  readonly tenants: readonly TenantEstimate[];
  readonly attributedBytes: number;
}

/** Pages asked for by one statement: some 2 MB, so that none runs for long. */
const STEP_PAGES = 256;
/** Relative standard error at which a tenant is known well enough: three of them are the 3 % that is promised. */
const GOOD_ERROR = 0.006;
/** Part of the budget that the first look may take; the rest goes to where that look leaves the largest errors. */
const FIRST_SHARE = 0.4;
const LEAST_FIRST_SHARE = 0.25;
const FEWEST_FIRST = 16;
/** Pages that halving the gaps may take at once, before it looks again. */
const HALVING_PAGES = 64;

/** Pages of the way down to a tenant's rows in the index; part of it is shared with the tenant before. */
const DESCENT_PAGES = 2;
/** Rows are estimates themselves: counting may cost so many times what was expected. */
const COUNTING_MARGIN = 1.15;
/** Planning a statement looks at the first page of every index. */
const PLANNING_PAGES = 16;
/** Beside its leaves, a whole index has a few pages that are passed on the way. */
const WHOLE_INDEX_MARGIN = 1.03;

/**
 * Estimates what each tenant has in one table, asking for few of its pages.
 *
 *   look at pages spread evenly ──▶ count tenants in an index ──▶ find the ends of runs ──▶ look at more pages
 *
 * Each step is taken only if tenants are not known well enough, and only for those. Counting is exact but for the width
 * of a row, and costs an index's pages; the ends of runs are found by halving where pages of one tenant lie together;
 * and more pages average chance out. What is cheapest for what is missing comes first.
 */
export async function sampleTable(source: TableSource, options: SamplerOptions): Promise<TableEstimate> {
  const { facts } = source;
  if (facts.heapPages === 0) return { tenants: [], attributedBytes: 0 };
  const work = new TableWork(source, options);
  const pages = facts.heapPages;
  if (pages <= options.budgetPages) {
    await work.read(Array.from({ length: pages }, (_, block) => block));
    return work.estimate();
  }
  await work.look(firstPages(facts, options.budgetPages));
  // Counting leaves nothing open, so it comes first wherever it can be paid for; else it is for what halving leaves.
  if (!work.canCount()) await work.halve();
  await work.count();
  await work.halve();
  await work.spread();
  return work.estimate();
}

/** Where the whole counting index fits beside it, the first look leaves it room. */
function firstPages({ countingIndex }: TableFacts, budget: number): number {
  const wanted = budget * FIRST_SHARE;
  const besideIndex =
    countingIndex === undefined ? wanted : budget - countingIndex.pages * WHOLE_INDEX_MARGIN - PLANNING_PAGES;
  const first = besideIndex >= budget * LEAST_FIRST_SHARE ? Math.min(wanted, besideIndex) : wanted;
  return Math.min(budget, Math.max(FEWEST_FIRST, Math.floor(first)));
}

class TableWork {
  readonly random: () => number;
  readonly #source: TableSource;
  readonly #facts: TableFacts;
  readonly #options: SamplerOptions;
  readonly #counts = new Map<string, number>();
  #sample: SampledBlock[] = [];
  #inRuns: ReadonlySet<string> = new Set();

  constructor(source: TableSource, options: SamplerOptions) {
    this.#source = source;
    this.#facts = source.facts;
    this.#options = options;
    this.random = seededRandom(options.seed);
  }

  get #left(): number {
    return Math.max(0, this.#options.budgetPages - this.#source.pagesRead);
  }

  async look(pages: number): Promise<void> {
    await this.read(stratifiedBlocks(this.#facts.heapPages, pages, this.random));
    this.#inRuns = tenantsInRuns(valueSample(this.#sample, this.#facts));
  }

  async read(blocks: readonly number[]): Promise<void> {
    const known = new Set(this.#sample.map(({ block }) => block));
    const fresh = blocks.filter((block) => !known.has(block)).toSorted((left, right) => left - right);
    for (let start = 0; start < fresh.length; start += STEP_PAGES) {
      await this.#options.pause();
      this.#sample.push(...(await this.#source.readBlocks(fresh.slice(start, start + STEP_PAGES))));
    }
    this.#sample.sort((left, right) => left.block - right.block);
  }

  estimate(): TableEstimate {
    const { valued, tenants } = this.#estimate();
    return { tenants, attributedBytes: valued.attributedBytes };
  }

  /** Whether the budget suffices to count all tenants that are not known well. */
  canCount(): boolean {
    return this.#countingPages(this.#unknown(this.#estimate().tenants)) <= this.#left;
  }

  /** Counts the rows of tenants that are not known well enough, the worst first, as far as the budget goes. */
  async count(): Promise<void> {
    const { tenants } = this.#estimate();
    if (await this.#countAll(tenants)) return;
    let batch: string[] = [];
    let cost = 0;
    const flush = async () => {
      if (batch.length === 0) return;
      await this.#options.pause();
      for (const [tenant, rows] of await this.#source.countRows(batch)) this.#counts.set(tenant, rows);
      batch = [];
      cost = 0;
    };
    for (const tenant of this.#unknown(tenants)) {
      const price = this.#countingCost(tenant);
      if (cost + price > STEP_PAGES) await flush();
      if ((cost + price) * COUNTING_MARGIN > this.#left) continue;
      batch.push(tenant.tenant);
      cost += price;
    }
    await flush();
  }

  /** In one go, if that is affordable and costs less than asking for each tenant that has to be known better. */
  async #countAll(tenants: readonly TenantEstimate[]): Promise<boolean> {
    const unknown = this.#unknown(tenants);
    const oneByOne = unknown.reduce((sum, tenant) => sum + this.#countingCost(tenant), 0);
    if (unknown.length === 0 || this.#wholeIndex > this.#left || this.#wholeIndex > 2 * oneByOne) return false;
    await this.#options.pause();
    for (const [tenant, rows] of await this.#source.countRows(undefined)) this.#counts.set(tenant, rows);
    return true;
  }

  /** Halves the gaps in which a run ends, those that matter most first, until all are found or the budget is spent. */
  async halve(): Promise<void> {
    for (;;) {
      const { valued, boundaries, tenants } = this.#estimate();
      const unknown = new Map(this.#unknown(tenants).map((tenant) => [tenant.tenant, tenant]));
      const worst = [...boundaries]
        .map((gap) => ({ gap, harm: harmOf(gap, valued, unknown, this.#options.worthBytes) }))
        .filter(({ harm }) => harm > 0)
        .toSorted((left, right) => right.harm - left.harm || left.gap.first - right.gap.first)
        .slice(0, Math.min(HALVING_PAGES, this.#left));
      if (worst.length === 0) return;
      await this.read(worst.map(({ gap }) => gap.first + Math.floor(gap.length / 2)));
    }
  }

  /** More pages where chance rules, the largest gaps first, whatever was found beside them: so no side is favoured. */
  async spread(): Promise<void> {
    while (this.#left > 0) {
      const { valued, boundaries, tenants } = this.#estimate();
      if (this.#unknown(tenants, false).length === 0) return;
      const widest = gapsOf(
        valued.pages.map(({ block }) => block),
        this.#facts.heapPages,
      )
        .filter((gap) => ![...boundaries].some(({ first }) => first === gap.first))
        .toSorted((left, right) => right.length - left.length || left.first - right.first)
        .slice(0, Math.min(STEP_PAGES, this.#left));
      if (widest.length === 0) return;
      await this.read(widest.map(({ first, length }) => first + Math.floor(this.random() * length)));
    }
  }

  #estimate(): {
    readonly valued: ValuedSample;
    readonly boundaries: ReadonlySet<Gap>;
    readonly tenants: readonly TenantEstimate[];
  } {
    const valued = valueSample(this.#sample, this.#facts);
    const boundaries = boundaryGaps(valued, this.#inRuns);
    return { valued, boundaries, tenants: estimateTenants(valued, boundaries, this.#counts) };
  }

  /** Tenants that are worth it and not known well enough, the worst first. */
  #unknown(tenants: readonly TenantEstimate[], uncountedOnly = true): TenantEstimate[] {
    return tenants
      .filter(({ tenant, bytes, error }) => {
        if (uncountedOnly && this.#counts.has(tenant)) return false;
        // What may well be above the bound is treated as if it were.
        if (tenant === NO_TENANT || bytes + 2 * error < this.#options.worthBytes) return false;
        return this.#relativeError({ bytes, error }) > GOOD_ERROR;
      })
      .toSorted((left, right) => this.#relativeError(right) - this.#relativeError(left));
  }

  /** Small tenants count as if they had just what makes them worth it. */
  #relativeError({ bytes, error }: Pick<TenantEstimate, 'bytes' | 'error'>): number {
    return error / Math.max(bytes, this.#options.worthBytes);
  }

  get #wholeIndex(): number {
    return (this.#facts.countingIndex?.pages ?? Number.POSITIVE_INFINITY) * WHOLE_INDEX_MARGIN;
  }

  #countingPages(tenants: readonly TenantEstimate[]): number {
    const oneByOne = tenants.reduce((sum, tenant) => sum + this.#countingCost(tenant), 0);
    return Math.min(this.#wholeIndex, oneByOne * COUNTING_MARGIN);
  }

  #countingCost({ rows }: TenantEstimate): number {
    const index = this.#facts.countingIndex;
    return index === undefined ? Number.POSITIVE_INFINITY : rows * index.perRowPages + DESCENT_PAGES;
  }
}

/** How much of the relative error of tenants that are not known well comes from one gap. */
function harmOf(
  { left, right, length }: Gap,
  { pages }: ValuedSample,
  unknown: ReadonlyMap<string, TenantEstimate>,
  worthBytes: number,
): number {
  const ends = [left, right].flatMap((end) => (end === undefined ? [] : (pages[end]?.shares ?? [])));
  return Math.max(
    0,
    ...ends.map(({ tenant, pageBytes }) => {
      const known = unknown.get(tenant);
      return known === undefined ? 0 : (length * pageBytes) / Math.max(known.bytes, worthBytes);
    }),
  );
}
