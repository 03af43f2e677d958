import { HOURS_A_DAY, HOURS_A_WEEK, hourOf } from './calendar.ts';
import { CusumState, CusumWatch } from './cusum-watch.ts';
import type { MinuteChange } from './minute-watch.ts';
import { learnHour, type Season, seasonAt } from './season.ts';

export interface SeasonalParams {
  readonly ratio: number;
  /** Least excess per minute in the metric's unit. */
  readonly floor: number;
  readonly needed: number;
  readonly window: number;
  readonly halfLife: number;
  readonly quiet: number;
  readonly longest: number;
  readonly coldFor: number;
}

export const SEASONAL_PARAMS: SeasonalParams = {
  ratio: 3,
  floor: 20,
  needed: 3,
  window: 5,
  halfLife: 120,
  quiet: 5,
  longest: 120,
  coldFor: 1_440,
};

export class SeasonalState extends CusumState implements Season {
  level = 0;
  hour = 0;
  hourSum = 0;
  hourExpected = 0;
  /** One bit for each of the last minutes: above the line or not. */
  recent = 0;
  readonly dayOffsets = new Float32Array(HOURS_A_DAY);
  readonly daySeen = new Float32Array(HOURS_A_DAY);
  readonly weekOffsets = new Float32Array(HOURS_A_WEEK);
  readonly weekSeen = new Float32Array(HOURS_A_WEEK);
}

/** The plain seasonal rule: so many times the usual of this hour of the week times a quick level, in 3 of 5 minutes. */
export class SeasonalWatch extends CusumWatch<SeasonalState> {
  readonly #params: SeasonalParams;

  constructor(params: SeasonalParams = SEASONAL_PARAMS, state: SeasonalState = new SeasonalState()) {
    super(state);
    this.#params = params;
  }

  observe(minute: number, load: number): MinuteChange {
    const { state } = this;
    const { ratio, floor, needed, window, quiet, longest, coldFor } = this.#params;
    if (state.firstAt < 0) {
      if (load <= 0) return 'none';
      state.firstAt = minute;
      state.level = load;
      state.hour = hourOf(minute);
    }
    this.turnTo(minute);
    this.#turnHour(hourOf(minute));
    const expected = Math.max(0.3, state.level * Math.exp(seasonAt(state, minute)));
    const above = load >= ratio * expected && load - expected >= floor;
    state.recent = ((state.recent << 1) | (above ? 1 : 0)) & ((1 << window) - 1);
    if (state.recent === 0 && state.openedAt < 0) state.cusum = 0;
    this.weigh(minute, load, expected, { llr: above ? 1 : 0, needed, most: 1, above });
    if (state.openedAt >= 0) return this.release(minute, !above, quiet, longest) === 'open' ? 'none' : 'ended';
    this.#learn(load, expected);
    if (bits(state.recent) < needed || minute - state.firstAt < coldFor) return 'none';
    this.open(minute, 'season');
    return 'opened';
  }

  #turnHour(hour: number): void {
    const { state } = this;
    if (hour === state.hour) return;
    const error = Math.log((state.hourSum + 1) / (state.hourExpected + 1));
    if (state.hourExpected > 0) learnHour(state, state.hour, Math.max(-1, Math.min(1, error)), 0.6);
    state.hourSum = 0;
    state.hourExpected = 0;
    state.hour = hour;
  }

  #learn(load: number, expected: number): void {
    const { state } = this;
    const step = Math.max(-0.8, Math.min(0.8, load / expected - 1));
    state.level = Math.max(0.05, state.level * (1 + (Math.LN2 / this.#params.halfLife) * step));
    state.hourSum += Math.min(load, 4 * expected);
    state.hourExpected += expected;
  }
}

function bits(mask: number): number {
  let count = 0;
  for (let left = mask; left > 0; left >>= 1) count += left & 1;
  return count;
}
