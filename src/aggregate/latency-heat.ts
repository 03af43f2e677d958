/**
 * From quantiles to a histogram, without reading a single span: the rollups hold a sketch of every minute's latencies,
 * and a sketch that tells the value at many levels tells how many values lie below a bound.
 */

/** Upper bounds of the buckets in milliseconds; the last bucket has none. */
export const HEAT_BOUNDS_MS: readonly number[] = [1, 10, 100, 1_000, 10_000].flatMap((decade) =>
  [1, 1.5, 2, 3, 5, 7].map((part) => part * decade),
);

/** A hundredth apart, and closer at the top: the few slowest requests are what a heat map is looked at for. */
export const HEAT_LEVELS: readonly number[] = [
  ...Array.from({ length: 100 }, (_, index) => index / 100),
  0.995,
  0.998,
  0.999,
  0.9999,
  1,
];

/**
 * How many of `requests` values lie below `bound`. The sketch answers level p with the value of rank floor(p * (n - 1)),
 * so the last level below the bound and the first at or above it enclose the count: exact up to a hundred values,
 * and off by at most half a hundredth of them beyond; at the bound itself by the sketch's 0.5 %.
 */
export function countBelow(
  bound: number,
  requests: number,
  levels: readonly number[],
  values: readonly number[],
): number {
  const above = values.findIndex((value) => value >= bound);
  if (above === -1) return requests;
  if (above === 0) return 0;
  const rank = (index: number) => Math.floor((levels[index] ?? 1) * (requests - 1));
  return Math.round((rank(above - 1) + 1 + rank(above)) / 2);
}

/** Requests in each bucket, one more than there are bounds; they add up to `requests`. */
export function bucketCounts(
  requests: number,
  values: readonly number[],
  bounds: readonly number[] = HEAT_BOUNDS_MS,
  levels: readonly number[] = HEAT_LEVELS,
): number[] {
  if (requests === 0) return [...bounds, 0].map(() => 0);
  const below = [...bounds.map((bound) => countBelow(bound, requests, levels, values)), requests];
  return below.map((count, index) => count - (below[index - 1] ?? 0));
}
