import { SECOND_MS } from '../domain/window.ts';
import type { Counts } from './ports.ts';

/** One tenant's counts of one metric in fixed intervals, and how many of the newest have not been judged yet. */
export interface Series {
  readonly intervalSeconds: number;
  /** Unix ms, exclusive end of the last interval. */
  readonly end: number;
  readonly counts: Counts;
  /** The newest `fresh` intervals are new since the last evaluation. */
  readonly fresh: number;
}

/** Unix ms at which interval `index` begins; also for indexes before the first and after the last. */
export function startOf(series: Series, index: number): number {
  return series.end - (series.counts.length - index) * series.intervalSeconds * SECOND_MS;
}

/** Index of the interval that begins at `time` or is the first to begin after it; may lie outside of the series. */
export function indexAt(series: Series, time: number): number {
  return series.counts.length - Math.floor((series.end - time) / (series.intervalSeconds * SECOND_MS));
}

/** Per second, or null when the interval was not measured. */
export function rateAt(series: Series, index: number): number | null {
  const count = series.counts[index];
  return isMeasured(count) ? count / series.intervalSeconds : null;
}

/** How many of the intervals from `from` to before `to` were measured, and the sum of their rates per second. */
export function measuredBetween(series: Series, from: number, to: number): { intervals: number; sum: number } {
  let intervals = 0;
  let total = 0;
  for (let index = from; index < to; index += 1) {
    const count = series.counts[index];
    if (!isMeasured(count)) continue;
    total += count;
    intervals += 1;
  }
  return { intervals, sum: total / series.intervalSeconds };
}

/** A count that is no number at all is no measurement either. */
function isMeasured(count: number | null | undefined): count is number {
  return typeof count === 'number' && count >= 0 && count !== Number.POSITIVE_INFINITY;
}

/** Unix ms at which the first interval with any activity begins, or undefined. */
export function firstActivity(series: Series): number | undefined {
  const index = series.counts.findIndex((count) => count !== null && count > 0);
  return index === -1 ? undefined : startOf(series, index);
}

/** True when every interval was measured and nothing happened in any. */
export function isSilent(series: Series): boolean {
  // From the newest: an active tenant is recognised at its first look.
  return series.counts.findLastIndex((count) => count !== 0) === -1;
}
