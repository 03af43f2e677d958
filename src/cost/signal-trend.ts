/**
 * Where a tenant's use is going, from the sums of some weeks. The slope is the median of the slopes between all pairs of
 * weeks (Theil and Sen), so that a week of holidays or one of mad traffic does not make a trend.
 */

export interface Trend {
  /** Weeks that are known. */
  readonly weeks: number;
  /** Of the known weeks. */
  readonly median: number;
  /** Change in four weeks, of the median week: 0.25 is a quarter more. */
  readonly perFourWeeks: number;
  /** Share of pairs of weeks that go the way of the slope, 0.5 to 1. */
  readonly agreement: number;
  /** The last week of the row, null if it is not known. */
  readonly last: number | null;
  /** Median of the known weeks before the last. */
  readonly before: number;
}

const LEAST_WEEKS = 5;

/** Weeks oldest first; null: not known, which is not zero. Undefined with too few known weeks. */
export function weeklyTrend(weeks: readonly (number | null)[]): Trend | undefined {
  const known = weeks.flatMap((value, index) => (value === null ? [] : [{ index, value }]));
  if (known.length < LEAST_WEEKS) return undefined;
  const slopes = known.flatMap((from, at) =>
    known.slice(at + 1).map((to) => (to.value - from.value) / (to.index - from.index)),
  );
  const slope = medianOf(slopes);
  const median = medianOf(known.map(({ value }) => value));
  const same = slopes.filter((one) => Math.sign(one) === Math.sign(slope)).length;
  return {
    weeks: known.length,
    median,
    perFourWeeks: median === 0 ? 0 : (4 * slope) / median,
    agreement: same / slopes.length,
    last: weeks.at(-1) ?? null,
    before: medianOf(known.filter(({ index }) => index < weeks.length - 1).map(({ value }) => value)),
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
