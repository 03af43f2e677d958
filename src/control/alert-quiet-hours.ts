import type { QuietHours } from '../domain/alert.ts';
import type { ZoneOffset } from '../domain/calendar-period.ts';
import { DAY_MS, MINUTE_MS } from '../domain/window.ts';

/** Every day quiet for 24 hours has no end: after so long it is told anyway. */
const LONGEST_MS = 8 * DAY_MS;
const DAY_MINUTES = 1_440;

/**
 * The first instant from `at` (Unix ms) on that is not quiet: `at` itself outside quiet hours. Goes by what the wall
 * clock shows, so nights with a change of clocks are an hour shorter or longer.
 */
export function afterQuietHours(quiet: QuietHours, at: number, offset: ZoneOffset): number {
  if (!isQuiet(quiet, at, offset)) return at;
  // Wall clocks only ever step on whole minutes since 1972, so the end lies on one.
  let next = Math.floor(at / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  while (next < at + LONGEST_MS && isQuiet(quiet, next, offset)) next += MINUTE_MS;
  return next;
}

/** Whether the wall clock shows a quiet minute at `at` (Unix ms). `from` equal to `to` is a whole day. */
export function isQuiet({ from, to, days }: QuietHours, at: number, offset: ZoneOffset): boolean {
  const wall = new Date(at + offset(at) * MINUTE_MS);
  const minute = wall.getUTCHours() * 60 + wall.getUTCMinutes();
  const day = wall.getUTCDay();
  const length = (to - from + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  const sinceToday = minute - from;
  if (sinceToday >= 0) return sinceToday < length && days.includes(day);
  return sinceToday + DAY_MINUTES < length && days.includes((day + 6) % 7);
}
