import type { Gap } from './block-picks.ts';
import type { ValuedSample } from './page-values.ts';
import { type SampledMean, shrunkMeans } from './shrunk-means.ts';
import { PAGE_BYTES } from './table-source.ts';

/** What is known of one tenant's part of a table. */
export interface TenantEstimate {
  readonly tenant: string;
  readonly bytes: number;
  /** Standard error of `bytes`. */
  readonly error: number;
  readonly rows: number;
  readonly method: 'block sample' | 'index count';
}

/** Sums over the sample; those that say so stand for the whole table. */
interface Tally {
  /** Whole table: rows, and bytes on pages and in indexes. */
  rows: number;
  pageBytes: number;
  /** Sampled rows, and what they have, in bytes of the page and of the TOAST table. */
  sampled: number;
  heap: number;
  heapSquares: number;
  outside: number;
  outsideSquares: number;
  /** Whole table: of bytes. */
  variance: number;
}

/** How well a page that two tenants share is divided, unless all pages are read: its standard deviation as a uniform part. */
const PART_OF_PAGE = PAGE_BYTES / Math.sqrt(12);

type Means = ReturnType<typeof shrunkMeans>;

const EMPTY: Tally = {
  ...{ rows: 0, pageBytes: 0, sampled: 0, heap: 0, heapSquares: 0, outside: 0, outsideSquares: 0, variance: 0 },
};

/**
 * Every tenant of the sample. What its rows have outside of the page is the mean of the sampled ones times their number;
 * what is on pages is taken from pages, or, if its rows were counted, from the mean of the sampled ones as well.
 */
export function estimateTenants(
  sample: ValuedSample,
  boundaries: ReadonlySet<Gap>,
  counts: ReadonlyMap<string, number>,
): TenantEstimate[] {
  const tallies = tally(sample);
  for (const tenant of counts.keys()) if (!tallies.has(tenant)) tallies.set(tenant, { ...EMPTY });
  const rowsOf = (tenant: string, { rows }: Tally) => counts.get(tenant) ?? rows;
  const outside = outsideMeans(tallies, sample.prices.outside, rowsOf);
  addVariances(tallies, sample, boundaries, outside);
  const widths = pageMeans(tallies, sample.prices.heap, counts);
  const correction = correctionOfUncounted(tallies, counts);
  const part = sample.gaps.length === 0 ? 0 : PART_OF_PAGE;
  return [...tallies].map(([tenant, sums]): TenantEstimate => {
    const beside = outside.of.get(tenant) ?? outside.unseen;
    const counted = counts.get(tenant);
    if (counted === undefined) {
      const rows = sums.rows * correction;
      const bytes = sums.pageBytes * correction + rows * beside.mean;
      const error = Math.hypot(Math.sqrt(sums.variance) * correction, rows * Math.sqrt(beside.variance), part);
      return { tenant, bytes, error, rows, method: 'block sample' };
    }
    const width = widths.of.get(tenant) ?? widths.unseen;
    const error = counted * Math.sqrt(width.variance + beside.variance);
    return { tenant, bytes: counted * (width.mean + beside.mean), error, rows: counted, method: 'index count' };
  });
}

function tally({ pages, weights }: ValuedSample): Map<string, Tally> {
  const tallies = new Map<string, Tally>();
  for (const [index, { shares }] of pages.entries()) {
    const weight = weights[index] ?? 0;
    for (const { tenant, found, pageBytes } of shares) {
      const sums = tallies.get(tenant) ?? { ...EMPTY };
      tallies.set(tenant, sums);
      sums.rows += weight * found.rows;
      sums.pageBytes += weight * pageBytes;
      sums.sampled += found.rows;
      sums.heap += found.heap;
      sums.heapSquares += found.heapSquares;
      sums.outside += found.outside;
      sums.outsideSquares += found.outsideSquares;
    }
  }
  return tallies;
}

/** Bytes of the TOAST table for one row of each tenant. */
function outsideMeans(
  tallies: ReadonlyMap<string, Tally>,
  price: number,
  rowsOf: (tenant: string, sums: Tally) => number,
): Means {
  if (price === 0) return { of: new Map(), unseen: { mean: 0, variance: 0 } };
  return shrunkMeans(
    [...tallies].flatMap(([tenant, sums]): SampledMean[] => {
      const { sampled, outside, outsideSquares } = sums;
      if (sampled === 0) return [];
      const spread = spreadOf(sampled, outside, outsideSquares) * price ** 2;
      return [{ key: tenant, mean: (price * outside) / sampled, sampled, spread, rows: rowsOf(tenant, sums) }];
    }),
  );
}

/** Bytes on pages and in indexes for one row of each counted tenant. */
function pageMeans(tallies: ReadonlyMap<string, Tally>, price: number, counts: ReadonlyMap<string, number>): Means {
  return shrunkMeans(
    [...counts].flatMap(([tenant, rows]): SampledMean[] => {
      const sums = tallies.get(tenant);
      if (sums === undefined || sums.sampled === 0) return [];
      const spread = spreadOf(sums.sampled, sums.heap, sums.heapSquares) * price ** 2;
      return [{ key: tenant, mean: sums.pageBytes / sums.rows, sampled: sums.sampled, spread, rows }];
    }),
  );
}

function spreadOf(count: number, sum: number, squares: number): number {
  return count < 2 ? 0 : Math.max(0, squares - (sum * sum) / count) / (count - 1);
}

/**
 * The variance of each tenant's bytes. Pages between two of the sample are taken for the mean of both. Where nothing but
 * chance makes the two differ, half the square of their difference estimates the variance of a page (as with systematic
 * samples), and both pages' errors and those of the unread ones add up. In a gap in which a run ends the end may be
 * anywhere: a uniform distribution.
 */
function addVariances(
  tallies: ReadonlyMap<string, Tally>,
  { pages, gaps, weights }: ValuedSample,
  boundaries: ReadonlySet<Gap>,
  outside: Means,
): void {
  const after = new Map(gaps.map((gap) => [gap.left ?? -1, gap]));
  const last = pages.length - 1;
  const valuesOf = (index: number) =>
    (pages[index]?.shares ?? []).map(
      ({ tenant, found, pageBytes }) => [tenant, pageBytes + found.rows * (outside.of.get(tenant)?.mean ?? 0)] as const,
    );
  for (let index = 0; index < last; index += 1) {
    const coefficient = varianceCoefficient(index, { after, weights, boundaries, last });
    const steps = new Map(valuesOf(index).map(([tenant, value]) => [tenant, -value]));
    for (const [tenant, value] of valuesOf(index + 1)) steps.set(tenant, (steps.get(tenant) ?? 0) + value);
    for (const [tenant, step] of steps) {
      const sums = tallies.get(tenant);
      if (sums !== undefined) sums.variance += coefficient * step * step;
    }
  }
}

interface Surroundings {
  /** Gaps by the page that they follow, -1 for the one before the first. */
  readonly after: ReadonlyMap<number, Gap>;
  readonly weights: Float64Array;
  readonly boundaries: ReadonlySet<Gap>;
  /** Index of the last page. */
  readonly last: number;
}

/** What the square of the difference between page `index` and the next one adds to the variance of the total. */
function varianceCoefficient(index: number, { after, weights, boundaries, last }: Surroundings): number {
  const gap = after.get(index);
  if (gap !== undefined && boundaries.has(gap)) return (gap.length * gap.length) / 12;
  const excess = (page: number) => {
    // A page in the middle has two neighbours that tell of its variance.
    const neighbours = page === 0 || page === last ? 1 : 2;
    return ((weights[page] ?? 1) - 1) ** 2 / neighbours;
  };
  const before = index === 0 ? (after.get(-1)?.length ?? 0) : 0;
  const behind = index + 1 === last ? (after.get(last)?.length ?? 0) : 0;
  return (excess(index) + excess(index + 1) + (gap?.length ?? 0) + before + behind) / 2;
}

/** Counting says how many rows are left for those who were not counted; a wild factor is a flaw, and not followed. */
function correctionOfUncounted(tallies: ReadonlyMap<string, Tally>, counts: ReadonlyMap<string, number>): number {
  let all = 0;
  let uncounted = 0;
  let counted = 0;
  for (const [tenant, { rows }] of tallies) {
    const exact = counts.get(tenant);
    all += rows;
    if (exact === undefined) uncounted += rows;
    else counted += exact;
  }
  const factor = uncounted === 0 ? 1 : (all - counted) / uncounted;
  return factor > 0.5 && factor < 2 ? factor : 1;
}
