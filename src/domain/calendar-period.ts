import { HOUR_MS, MINUTE_MS, type Window } from './window.ts';

/** Minutes that a time zone is ahead of UTC at an instant (Unix ms); fractions for zones of before 1972. */
export type ZoneOffset = (at: number) => number;

/** No zone is further from UTC than 14 hours, and none jumps by more than a day. */
const LARGEST_OFFSET_MS = 15 * HOUR_MS;

/**
 * The period that `now` lies in: from the first instant of its local day or month to the first of the next one. Half
 * open, so the instant of midnight belongs to the new period; on days with a change of clocks it has 23 or 25 hours.
 * `anchorDay`: the day on which months begin (1 to 31); in shorter months the last day.
 */
export function periodAt(period: 'day' | 'month', now: number, offset: ZoneOffset, anchorDay = 1): Window {
  const local = new Date(now + offset(now) * MINUTE_MS);
  const [year, month, date] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  if (period === 'day') {
    return {
      from: firstInstant(Date.UTC(year, month, date), offset),
      to: firstInstant(Date.UTC(year, month, date + 1), offset),
    };
  }
  const begin = (at: number) => Date.UTC(year, at, Math.min(anchorDay, daysIn(year, at)));
  const first = date < Math.min(anchorDay, daysIn(year, month)) ? month - 1 : month;
  return { from: firstInstant(begin(first), offset), to: firstInstant(begin(first + 1), offset) };
}

/** `month` counts on from 0 and may lie outside the year, as Date takes it. */
function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}

/**
 * The first instant at which the wall clock shows `wall` or later. Where clocks jump over midnight that is the instant
 * of the jump; where midnight comes twice, the first.
 */
function firstInstant(wall: number, offset: ZoneOffset): number {
  const shows = (at: number) => at + offset(at) * MINUTE_MS >= wall;
  let before = wall - LARGEST_OFFSET_MS;
  let after = wall + LARGEST_OFFSET_MS;
  // A clock set back makes `shows` go true, false, true: search below the first hour that shows it.
  for (let hour = before; hour <= after; hour += HOUR_MS / 2) {
    if (!shows(hour)) continue;
    after = hour;
    before = hour - HOUR_MS / 2;
    break;
  }
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (shows(middle)) after = middle;
    else before = middle;
  }
  return after;
}
