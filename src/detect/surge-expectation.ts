import { DAY, HOUR } from './calendar.ts';
import type { Basis } from './minute-watch.ts';
import { learnHour, seasonAround, seasonAt } from './season.ts';
import type { SurgeParams } from './surge-params.ts';
import { DAYS_KEPT, DAYS_OF_HOURS, type SurgeState } from './surge-state.ts';

export interface Expectation {
  /** What level and season say. */
  base: number;
  /** What a minute is compared with: at least a share of the usual peak, or the load that is held for usual. */
  usual: number;
  basis: Basis;
}

/** Shrinks the holder of a load that became usual, until it is no more than the expectation or the load itself. */
function holdNow(state: SurgeState, base: number, params: SurgeParams): number {
  if (state.hold === 0) return 0;
  const target = 1.2 * Math.max(state.medium, state.slow);
  if (target < state.hold) state.hold = target + (state.hold - target) * 0.5 ** (1 / params.holdHalfLife);
  if (state.hold <= base) state.hold = 0;
  return state.hold;
}

/** Writes into `out`, as one object a minute and series would be the largest cost of all. */
export function expect(state: SurgeState, minute: number, params: SurgeParams, out: Expectation): void {
  const least = 0.3 * params.quantum;
  const season = seasonAt(state, minute);
  const base = Math.max(least, state.level * Math.exp(season));
  const around = Math.max(least, state.level * Math.exp(seasonAround(state, minute, season)));
  const expected = base + params.neighbourShare * (around - base);
  const { steadyShare, unsteadyShare, steadyError, unsteadyError } = params;
  const unsteady = Math.max(0, Math.min(1, (state.unsteadiness - steadyError) / (unsteadyError - steadyError)));
  const peakShare = (steadyShare + (unsteadyShare - steadyShare) * unsteady) * state.usualPeak;
  const hold = holdNow(state, base, params);
  out.base = base;
  out.usual = Math.max(expected, peakShare, hold);
  if (out.usual === expected) out.basis = state.hoursLearned < 24 ? 'level' : 'season';
  else out.basis = out.usual === hold ? 'recent' : 'peak';
}

/** Moves the level towards the load; not while something is open, or the surge would become its own baseline. */
export function learnLevel(state: SurgeState, minute: number, load: number, base: number, params: SurgeParams): void {
  const { coldHalfLife, dailyHalfLife, weeklyHalfLife, levelClip } = params;
  const known = state.hoursLearned < 168 ? dailyHalfLife : weeklyHalfLife;
  const halfLife = minute - state.firstAt < DAY ? coldHalfLife : known;
  const step = Math.max(-levelClip, Math.min(levelClip, load / base - 1));
  state.level = Math.max(0.05 * params.quantum, state.level * (1 + (Math.LN2 / halfLife) * step));
  // Clipped, so that a burst of minutes is not taken for the shape of the day.
  state.hourSum += Math.min(load, 3 * base + 3 * params.quantum);
  state.hourExpected += base;
}

/** What an hour taught, once the first minute after it comes. */
export function turnHour(state: SurgeState, hour: number, params: SurgeParams): void {
  if (hour === state.hour) return;
  const { quantum, seasonClip, seasonRate } = params;
  if (state.hourSum >= HOUR * quantum) {
    state.activeHours += 1;
    state.dayActive += 1;
  }
  if (state.hourExpected > 0) {
    const error = Math.log((state.hourSum + quantum) / (state.hourExpected + quantum));
    state.unsteadiness += 0.03 * (Math.min(2, Math.abs(error)) - state.unsteadiness);
    learnHour(state, state.hour, Math.max(-seasonClip, Math.min(seasonClip, error)), seasonRate);
    state.hoursLearned += 1;
  }
  state.hourExcursions[excursionIndex(state.hour)] = state.hourExcursion;
  state.hourSum = 0;
  state.hourExpected = 0;
  state.hourExcursion = 0;
  state.hour = hour;
}

function excursionIndex(hour: number): number {
  return hour % (DAYS_OF_HOURS * 24);
}

/** What a day taught. Days without any activity teach nothing: silence is no usual that a return could be held against. */
export function turnDay(state: SurgeState, day: number, params: SurgeParams): void {
  if (day === state.day) return;
  state.day = day;
  if (state.dayActive > 0) {
    const slot = state.daysKept % DAYS_KEPT;
    const most = params.dailyRaise * Math.max(state.calibratedRatio, params.leastRatio);
    state.excursions[slot] = Math.min(state.dayExcursion, most);
    state.peaks[slot] = state.dayPeak;
    state.daysKept += 1;
    const days = Math.min(DAYS_KEPT, state.daysKept);
    state.calibratedRatio = largest(state.excursions, days, params.excursionRank);
    state.usualPeak = largest(state.peaks, days, Math.floor(days / 2) + 1);
  }
  state.dayActive = 0;
  state.dayExcursion = 0;
  state.dayPeak = 0;
}

function largest(values: Float32Array, count: number, rank: number): number {
  const sorted = values.slice(0, count).sort();
  return sorted[Math.max(0, count - rank)] ?? 0;
}

/**
 * The excursion at this time of day that the last three days had at least twice: a job that has begun to run every night
 * is known from its third night on, even when one night was missed.
 */
export function usualExcursion(state: SurgeState, hour: number): number {
  let highest = 0;
  let second = 0;
  for (let day = 1; day < DAYS_OF_HOURS; day += 1) {
    let top = 0;
    for (let near = -1; near <= 1; near += 1) {
      top = Math.max(top, state.hourExcursions[excursionIndex(hour - 24 * day + near)] ?? 0);
    }
    if (top > highest) {
      second = highest;
      highest = top;
    } else if (top > second) second = top;
  }
  return second;
}
