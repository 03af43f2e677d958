import { DAY, HOUR, HOURS_A_DAY } from './calendar.ts';
import { CusumState, CusumWatch } from './cusum-watch.ts';
import type { MinuteChange } from './minute-watch.ts';

/** The constants of the two-sided detector. Windows and spans are counted in values, whatever their distance in time. */
export interface GaugeParams {
  /** Values that a smoothed one is made of: a spike, and three lengths of shift. */
  readonly windows: readonly [number, number, number, number];
  /** How many times longer its background is. */
  readonly background: number;
  /** A value moves the background as if it were at most so many mean deviations away. */
  readonly clip: number;
  /** Relative deviation below which nothing is noise. */
  readonly leastDeviation: number;
  readonly seasonWindow: number;
  readonly seasonRate: number;
  /** How much a departure from the hour of the day counts beside one from the background. */
  readonly seasonWeight: number;
  readonly restlessWindow: number;
  readonly restlessBackground: number;
  readonly restlessWeight: number;
  /** Values that teach only; scores are records from then on. */
  readonly learn: number;
  readonly cold: number;
  /** A score must beat the highest of the series' own past by this factor, and that is taken for at least so much. */
  readonly record: number;
  readonly leastRecord: number;
  /** One score raises the record at most by this factor. */
  readonly raise: number;
  /** Values for which one departure speaks. */
  readonly silence: number;
}

/** Tuned on half of the NAB files that the bench reads and judged on the other half, then on all; rounded. */
const GAUGE_PARAMS: GaugeParams = {
  windows: [1, 7, 20, 110],
  background: 13,
  clip: 25,
  leastDeviation: 0.03,
  seasonWindow: 1.5,
  seasonRate: 0.6,
  seasonWeight: 1.15,
  restlessWindow: 42,
  restlessBackground: 13,
  restlessWeight: 0.35,
  learn: 175,
  cold: 280,
  record: 1.02,
  leastRecord: 3.2,
  raise: 6.5,
  silence: 45,
};

const LEAST = 1e-12;
/** Scores: above and below for each window, above and below the hour of the day, and restlessness. */
const SEASON_SCORE = 8;
const RESTLESS_SCORE = 10;
const SCORES = 11;

export class GaugeState extends CusumState {
  values = 0;
  last = 0;
  step = 0;
  seasonal = 0;
  seasonDeviation = 0;
  restless = 0;
  restlessBackground = 0;
  spokeAt = -1;
  readonly near = new Float64Array(4);
  readonly far = new Float64Array(4);
  readonly deviation = new Float64Array(4);
  readonly records = new Float64Array(SCORES);
  readonly hours = new Float64Array(HOURS_A_DAY);
  readonly hoursSeen = new Float64Array(HOURS_A_DAY);
}

/**
 * Finds what a series has never done before, up or down: spikes, shifts, hours of the day that are not as usual, and
 * unrest. Each score is measured against its own record in this very series (a conformal score at its extreme), which is
 * what makes one threshold fit CPU shares, temperatures and prices alike. For figures that are no counts.
 */
export class GaugeWatch extends CusumWatch<GaugeState> {
  readonly #params: GaugeParams;
  readonly #scores = new Float64Array(SCORES);

  constructor(params: GaugeParams = GAUGE_PARAMS, state: GaugeState = new GaugeState()) {
    super(state);
    this.#params = params;
  }

  observe(minute: number, value: number): MinuteChange {
    const { state } = this;
    if (state.firstAt < 0) this.#begin(minute, value);
    // One look at the distance of two values is enough to know how many make a day.
    if (state.step === 0 && minute > state.firstAt) state.step = minute - state.firstAt;
    const expected = state.far[2] ?? value;
    this.turnTo(minute);
    this.#score(minute, value);
    const beaten = this.#beatRecords();
    state.values += 1;
    state.last = value;
    const out = beaten >= this.#params.record;
    this.#remember(minute, value, expected, out);
    if (state.openedAt >= 0) return this.#judgeOpen(minute, out);
    return out ? this.#judgeCalm(minute) : 'none';
  }

  /** Values may be minutes or an hour apart: gaps are counted in steps. */
  protected override turnTo(minute: number): number {
    const { state } = this;
    const step = Math.max(1, state.step);
    const missing = state.lastAt < 0 ? 0 : Math.round((minute - state.lastAt) / step) - 1;
    if (missing < 10) state.lastAt = minute - 1;
    return super.turnTo(minute);
  }

  #begin(minute: number, value: number): void {
    const { state } = this;
    state.firstAt = minute;
    state.near.fill(value);
    state.far.fill(value);
    state.last = value;
  }

  #score(minute: number, value: number): void {
    const { windows } = this.#params;
    for (let index = 0; index < windows.length; index += 1) this.#scoreWindow(index, windows[index] ?? 1, value);
    this.#scoreHour(minute, value);
    this.#scoreUnrest(value);
  }

  #scoreWindow(index: number, window: number, value: number): void {
    const { near, far, deviation, values } = this.state;
    const { background, clip, leastDeviation } = this.#params;
    const early = 1 / (values + 1);
    const smooth = (near[index] ?? 0) + Math.max(1 / window, early) * (value - (near[index] ?? 0));
    const middle = far[index] ?? 0;
    const usual = deviation[index] ?? 0;
    const away = smooth - middle;
    const score = usual > 0 ? away / usual : 0;
    this.#scores[2 * index] = Math.max(0, score);
    this.#scores[2 * index + 1] = Math.max(0, -score);
    const clipped = usual > 0 ? Math.max(-clip * usual, Math.min(clip * usual, away)) : away;
    const rate = Math.max(1 / (window * background), early);
    const moved = middle + rate * clipped;
    near[index] = smooth;
    far[index] = moved;
    const next = usual + rate * (Math.abs(clipped) - usual);
    deviation[index] = Math.max(next, leastDeviation * Math.abs(moved), LEAST);
  }

  #scoreHour(minute: number, value: number): void {
    const { state } = this;
    const { clip, leastDeviation, seasonWindow, seasonRate, seasonWeight } = this.#params;
    const perHour = Math.max(1, HOUR / Math.max(1, state.step));
    const hour = Math.floor((minute % DAY) / HOUR);
    const seen = state.hoursSeen[hour] ?? 0;
    const usual = seen > 0 ? (state.hours[hour] ?? 0) : (state.far[0] ?? 0);
    state.seasonal += (1 / seasonWindow) * (value - usual - state.seasonal);
    const score = state.seasonDeviation > 0 && seen >= 1.5 ? state.seasonal / state.seasonDeviation : 0;
    this.#scores[SEASON_SCORE] = seasonWeight * Math.max(0, score);
    this.#scores[SEASON_SCORE + 1] = seasonWeight * Math.max(0, -score);
    const widest = clip * state.seasonDeviation;
    const clipped = widest > 0 ? Math.max(-widest, Math.min(widest, state.seasonal)) : state.seasonal;
    const rate = Math.max(1 / (HOURS_A_DAY * perHour), 1 / (state.values + 1));
    const next = state.seasonDeviation + rate * (Math.abs(clipped) - state.seasonDeviation);
    state.seasonDeviation = Math.max(next, leastDeviation * Math.abs(state.far[0] ?? 0), LEAST);
    state.hours[hour] =
      (state.hours[hour] ?? 0) + Math.max(seasonRate / perHour, 1 / (seen + 1)) * (value - (state.hours[hour] ?? 0));
    state.hoursSeen[hour] = seen + 1 / perHour;
  }

  #scoreUnrest(value: number): void {
    const { state } = this;
    const { restlessWindow, restlessBackground, restlessWeight } = this.#params;
    const change = Math.abs(value - state.last);
    const early = 1 / (state.values + 1);
    state.restless += Math.max(1 / restlessWindow, early) * (change - state.restless);
    const rate = Math.max(1 / (restlessWindow * restlessBackground), early);
    state.restlessBackground += rate * (change - state.restlessBackground);
    const usual = Math.max(state.restlessBackground, LEAST);
    this.#scores[RESTLESS_SCORE] = (restlessWeight * state.restless) / usual;
  }

  /** By what factor the best score beats its record, before it becomes one. */
  #beatRecords(): number {
    const { records, values } = this.state;
    const { learn, leastRecord, raise } = this.#params;
    if (values <= learn) return 0;
    let best = 0;
    for (let index = 0; index < SCORES; index += 1) {
      const score = this.#scores[index] ?? 0;
      const record = records[index] ?? 0;
      const least = index < RESTLESS_SCORE ? leastRecord : 1.5;
      if (record > 0) best = Math.max(best, score / Math.max(record, least));
      records[index] = Math.max(record, record > 0 ? Math.min(score, raise * record) : score);
    }
    return best;
  }

  #remember(minute: number, value: number, expected: number, out: boolean): void {
    const { state } = this;
    if (!out && state.openedAt < 0) state.cusum = 0;
    this.weigh(minute, value, expected, { llr: out ? 1 : 0, needed: 1, most: 1, above: out });
  }

  #judgeCalm(minute: number): MinuteChange {
    const { state } = this;
    const { cold, silence } = this.#params;
    if (state.values <= cold) return 'none';
    if (state.spokeAt >= 0 && state.values - state.spokeAt <= silence) return 'none';
    state.spokeAt = state.values;
    this.open(minute, 'level');
    return 'opened';
  }

  #judgeOpen(minute: number, out: boolean): MinuteChange {
    const { silence } = this.#params;
    const step = Math.max(1, this.state.step);
    return this.release(minute, !out, 12, silence * step) === 'open' ? 'none' : 'ended';
  }
}
