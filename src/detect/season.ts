import { HOUR, HOURS_A_DAY, hourOf, weekHour } from './calendar.ts';

/**
 * The shape of a series' day and week as offsets in log space: 24 hours of the day, and what each of the 168 hours of the
 * week adds to its hour of the day, shrunk by n/(n+1) while it rests on few weeks. All zero = no shape known.
 */
export interface Season {
  readonly dayOffsets: Float32Array;
  readonly daySeen: Float32Array;
  readonly weekOffsets: Float32Array;
  readonly weekSeen: Float32Array;
}

/** No hour is believed to differ from the level by more than e^3, about 20 times. */
const WIDEST_OFFSET = 3;
/** The first look at an hour counts more than later ones, or the first week would pass before a shape is known. */
const FIRST_RATE = 0.6;

function offsetOf(season: Season, hour: number): number {
  const week = weekHour(hour);
  const seen = season.weekSeen[week] ?? 0;
  const usual = season.dayOffsets[hour % HOURS_A_DAY] ?? 0;
  return seen === 0 ? usual : usual + ((season.weekOffsets[week] ?? 0) * seen) / (seen + 1);
}

/** The log offset at `minute`, linear between the middles of hours, so that no alarm is born at the full hour. */
export function seasonAt(season: Season, minute: number): number {
  const hour = hourOf(minute);
  const fromMiddle = (minute % HOUR) / HOUR - 0.5;
  const neighbour = fromMiddle < 0 ? hour - 1 : hour + 1;
  const share = Math.abs(fromMiddle);
  return (1 - share) * offsetOf(season, hour) + share * offsetOf(season, neighbour);
}

/** The highest offset of this time of day, an hour before and an hour after: clocks change, and jobs start early. */
export function seasonAround(season: Season, minute: number, now: number): number {
  return Math.max(now, seasonAt(season, minute - HOUR), seasonAt(season, minute + HOUR));
}

/** Moves an hour's offsets by `rate` of its residual, half of it shared by the same hour of every day. */
export function learnHour(season: Season, hour: number, residual: number, rate: number): void {
  const day = hour % HOURS_A_DAY;
  const week = weekHour(hour);
  const dayRate = season.daySeen[day] === 0 ? FIRST_RATE : rate / 2;
  season.dayOffsets[day] = bounded((season.dayOffsets[day] ?? 0) + dayRate * residual);
  season.daySeen[day] = (season.daySeen[day] ?? 0) + 1;
  season.weekOffsets[week] = bounded((season.weekOffsets[week] ?? 0) + rate * residual * (1 - dayRate));
  season.weekSeen[week] = (season.weekSeen[week] ?? 0) + 1;
}

function bounded(offset: number): number {
  return Math.max(-WIDEST_OFFSET, Math.min(WIDEST_OFFSET, offset));
}
