import { DAY_MS, floorTo, HOUR_MS, type Window } from '../domain/window.ts';
import { planLevels } from './time-levels.ts';
import type { UsageStep } from './usage-source.ts';

/** A stretch of time that is read from one rollup; of a row that reaches beyond it, the part that lies in it. */
export interface StorageSegment {
  readonly level: 'hour' | 'day';
  readonly window: Window;
  /** Of a row's time lies inside, in ms; the whole row's time for whole rows. */
  readonly insideMs: number;
}

/** Cuts a window so that every moment is read once. Within an hour bytes are taken to be stored evenly. */
export function storageSegments(window: Window, step?: UsageStep): readonly StorageSegment[] {
  const byDays = step === undefined || step === 'day' || step === 'month';
  return planLevels(window).flatMap(({ level, window: piece }): StorageSegment[] => {
    if (level === 'day' && byDays) return [{ level: 'day', window: piece, insideMs: DAY_MS }];
    if (level !== 'minute') return [{ level: 'hour', window: piece, insideMs: HOUR_MS }];
    const segments: StorageSegment[] = [];
    for (let from = piece.from; from < piece.to; from = floorTo(from, HOUR_MS) + HOUR_MS) {
      const hour = floorTo(from, HOUR_MS);
      const insideMs = Math.min(piece.to, hour + HOUR_MS) - from;
      segments.push({ level: 'hour', window: { from: hour, to: hour + HOUR_MS }, insideMs });
    }
    return segments;
  });
}
