/**
 * When a signal begins and when it ends. A condition must hold for a while before a signal is made of it, and be gone
 * for a while before it ends, so that it does not come and go with every evaluation:
 *
 *   quiet --on--> waiting --on for holdMs--> open --off--> leaving --off for releaseMs--> quiet
 *     ^--not on------+                        ^----not off----+
 *
 * `unknown` changes nothing in any state.
 */
import type { SignalGrade, SignalKind } from '../domain/signal.ts';
import { DAY_MS } from '../domain/window.ts';

/** Since when a condition has held, or been gone without a break. Unix ms. */
export interface SignalWatch {
  readonly onSince: number | null;
  readonly offSince: number | null;
}

export interface WatchTerms {
  readonly holdMs: number;
  readonly releaseMs: number;
}

export const NO_WATCH: SignalWatch = { onSince: null, offSince: null };

/**
 * Conditions over weeks move slowly by themselves and wait a day; quotas are near when they have been so for days, and
 * margins of single days are noise. Limits already felt need no waiting.
 */
export const WATCH_TERMS: Readonly<Record<SignalKind, WatchTerms>> = {
  near_quota: { holdMs: 3 * DAY_MS, releaseMs: 2 * DAY_MS },
  growth: { holdMs: DAY_MS, releaseMs: 7 * DAY_MS },
  beyond_plan: { holdMs: DAY_MS, releaseMs: 7 * DAY_MS },
  negative_margin: { holdMs: 2 * DAY_MS, releaseMs: 7 * DAY_MS },
  limited_experience: { holdMs: 0, releaseMs: DAY_MS },
  shrinking: { holdMs: DAY_MS, releaseMs: 7 * DAY_MS },
};

export interface WatchStep {
  readonly watch: SignalWatch;
  /** `begin`: a signal is to be made, since `watch.onSince`. `end`: the open one is over. */
  readonly change: 'begin' | 'end' | 'none';
}

/** One evaluation further. `isOpen`: there is a signal of it now. */
export function stepWatch(
  watch: SignalWatch,
  isOpen: boolean,
  grade: SignalGrade,
  now: number,
  { holdMs, releaseMs }: WatchTerms,
): WatchStep {
  if (grade === 'unknown') return { watch, change: 'none' };
  if (isOpen) {
    if (grade !== 'off') return { watch: { ...watch, offSince: null }, change: 'none' };
    const offSince = watch.offSince ?? now;
    if (now - offSince < releaseMs) return { watch: { ...watch, offSince }, change: 'none' };
    return { watch: NO_WATCH, change: 'end' };
  }
  if (grade !== 'on') return { watch: NO_WATCH, change: 'none' };
  const onSince = watch.onSince ?? now;
  return { watch: { onSince, offSince: null }, change: now - onSince >= holdMs ? 'begin' : 'none' };
}
