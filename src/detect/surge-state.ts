import { HOURS_A_DAY, HOURS_A_WEEK } from './calendar.ts';
import { CusumState } from './cusum-watch.ts';
import type { Season } from './season.ts';

/** Days of excursions and peaks that are kept. */
export const DAYS_KEPT = 10;
/** Days of hourly excursions that are kept: three to look back on, one to write. */
export const DAYS_OF_HOURS = 4;

/** Everything that the surge detector remembers of one series, changed in place; 2.4 kB. Times are unix minutes. */
export class SurgeState extends CusumState implements Season {
  /** Load per minute without its season. */
  level = 0;

  hour = 0;
  hourSum = 0;
  hourExpected = 0;
  hoursLearned = 0;
  activeHours = 0;
  /** Smoothed absolute log error of hourly expectations. */
  unsteadiness = 0;

  day = 0;
  dayActive = 0;
  dayExcursion = 0;
  dayPeak = 0;
  hourExcursion = 0;
  daysKept = 0;
  /** Median daily peak. */
  usualPeak = 0;
  /** Ratio that the tenant's own history asks for. */
  calibratedRatio = 0;

  /** Overdispersion from single minutes and from sums of five. */
  spread = 0.3;
  burstSpread = 0.1;
  fiveSum = 0;
  fiveExpected = 0;
  fiveCount = 0;

  /** Smoothed load: about 4, 15 and 45 minutes; and the expectation as smooth as the first. */
  fast = 0;
  fastExpected = 0;
  medium = 0;
  slow = 0;
  /** Load that has lasted beyond `longest` and counts as usual while it lasts; 0: none. */
  hold = 0;

  /** Load that the open departure has come up to, and minutes in a row far beyond it. */
  plateau = 0;
  beyond = 0;

  readonly dayOffsets = new Float32Array(HOURS_A_DAY);
  readonly daySeen = new Float32Array(HOURS_A_DAY);
  readonly weekOffsets = new Float32Array(HOURS_A_WEEK);
  readonly weekSeen = new Float32Array(HOURS_A_WEEK);
  readonly excursions = new Float32Array(DAYS_KEPT);
  readonly peaks = new Float32Array(DAYS_KEPT);
  readonly hourExcursions = new Float32Array(DAYS_OF_HOURS * 24);
}

/** The series' first load. */
export function begin(state: SurgeState, minute: number, load: number): void {
  state.firstAt = minute;
  state.lastAt = minute - 1;
  state.level = load;
  state.hour = Math.floor(minute / 60);
  state.day = Math.floor(minute / 1_440);
  state.fast = load;
  state.fastExpected = load;
  state.medium = load;
  state.slow = load;
}
