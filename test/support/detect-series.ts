import type { ActivityTable, Counts, TenantActivity } from '../../src/detect/ports.ts';
import type { Series } from '../../src/detect/series.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

export const INTERVAL_SECONDS = 10;
export const INTERVAL_MS = 10_000;
/** Start of the first interval of every series made here. */
const EPOCH = Date.UTC(2026, 10, 2, 8);

/** Counts of 10 s intervals from rates per second: `rates([360, 2], [3, 8])` = an hour at 2/s, then 30 s at 8/s. */
export function rates(...runs: readonly (readonly [intervals: number, perSecond: number | null])[]): (number | null)[] {
  return runs.flatMap(([intervals, perSecond]) =>
    Array<number | null>(intervals).fill(perSecond === null ? null : perSecond * INTERVAL_SECONDS),
  );
}

/** The series from EPOCH on; `fresh` = how many of its newest intervals are still to be judged. */
export function seriesOf(counts: Counts, fresh: number): Series {
  return { intervalSeconds: INTERVAL_SECONDS, end: EPOCH + counts.length * INTERVAL_MS, counts, fresh };
}

/** Start of interval `index`, Unix ms. */
export function at(index: number): number {
  return EPOCH + index * INTERVAL_MS;
}

/** What a store would answer after `intervals` intervals: the newest `horizon` of each tenant's story. */
export function tableAfter(
  intervals: number,
  stories: Readonly<Record<string, { requests?: Counts; aiTokens?: Counts }>>,
  horizon = 395,
): ActivityTable {
  const from = Math.max(0, intervals - horizon);
  const seen = (story: Counts | undefined) => {
    const counts = story?.slice(from, intervals) ?? [];
    return [...counts, ...Array<number>(intervals - from - counts.length).fill(0)];
  };
  const tenants = new Map<TenantId, TenantActivity>();
  for (const [name, story] of Object.entries(stories)) {
    tenants.set(name as TenantId, { requests: seen(story.requests), aiTokens: seen(story.aiTokens) });
  }
  return { intervalSeconds: INTERVAL_SECONDS, end: at(intervals), tenants };
}
