import type { CounterName } from './counters.ts';

export type Count = (name: CounterName) => void;

/** Counts, and survives a counter that is itself broken. */
export function countSafely(count: Count, name: CounterName): void {
  try {
    count(name);
  } catch {
    // Nothing is left to report to, and the host's request matters more.
  }
}

/** The result of `work`, or `fallback` when it throws; a throw is counted under `name` and goes no further. */
export function guarded<T>(count: Count, name: CounterName, work: () => T, fallback: T): T {
  try {
    return work();
  } catch {
    countSafely(count, name);
    return fallback;
  }
}
