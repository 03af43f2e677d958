import { DAY, dayOf, HOURS_A_DAY, hourOf } from './calendar.ts';
import { CusumState, CusumWatch } from './cusum-watch.ts';
import type { MinuteChange } from './minute-watch.ts';

/** The constants of the latency detector; ratios as natural logarithms. */
export interface LatencyParams {
  /** The change that is looked for, and the largest that is still usual. */
  readonly change: number;
  readonly usual: number;
  readonly evidence: number;
  /** Requests that the evidence must rest on. */
  readonly leastRequests: number;
  /** Least smoothed change, and the most that the series' own past excursions may ask for. */
  readonly leastChange: number;
  readonly mostChange: number;
  readonly release: number;
  readonly quiet: number;
  readonly longest: number;
  readonly coldFor: number;
}

/** A p95 that doubles. Its own noise is what makes this hard: see LatencyWatch. */
const LATENCY_PARAMS: LatencyParams = {
  change: Math.log(2),
  usual: Math.log(1.35),
  evidence: 10,
  leastRequests: 30,
  leastChange: Math.log(1.6),
  mostChange: 0.75,
  release: Math.log(1.4),
  quiet: 5,
  longest: 120,
  coldFor: DAY,
};

/** Calls that cost four times the tokens: a mean, which is steadier than a percentile, but prompts differ by day. */
export const TOKENS_PER_CALL_PARAMS: LatencyParams = {
  ...LATENCY_PARAMS,
  change: Math.log(3),
  usual: Math.log(1.8),
  leastChange: Math.log(2.2),
  mostChange: Math.log(3),
  release: Math.log(1.5),
};

/**
 * The p95 of n log-normal latencies with spread s has a standard error of 2.1 s / sqrt(n) in log space (order statistics):
 * 2.5 is that squared at s = 0.75. It is where the estimate starts and what stays where n never changes.
 */
const START_NOISE = 2.5;
const [LEAST_NOISE, MOST_NOISE] = [0.3, 9];
const [LEAST_VARIANCE, MOST_VARIANCE] = [0.003, 0.5];
const UNKNOWN_WEIGHT = 100;
const VARIANCE_RATE = Math.LN2 / (2 * DAY);
const NEAR = 0.25;
const DAYS_KEPT = 10;
const EXCURSION_RANK = 4;

export class LatencyState extends CusumState {
  level = 0;
  hour = 0;
  hourResidual = 0;
  hourWeight = 0;
  day = 0;
  dayExcursion = 0;
  daysKept = 0;
  calibrated = 0;
  /** Sums of the regression of squared residuals on 1/n. */
  weights = 0;
  inverse = 0;
  inverseSquared = 0;
  squares = 0;
  inverseSquares = 0;
  /** Weighted sum of recent residuals and of their weights. */
  near = 0;
  nearWeight = 0;
  /** Requests that the evidence rests on. */
  requests = 0;
  readonly dayOffsets = new Float32Array(HOURS_A_DAY);
  readonly excursions = new Float32Array(DAYS_KEPT);
}

/**
 * Finds a percentile that doubles. In log space, with the variance s^2 + c/n that both what really moves and the sampling
 * of n requests leave; s and c are learnt from the series itself, so a tenant with ten requests a minute needs more
 * minutes than one with a thousand. Without n all noise is taken for s.
 */
export class LatencyWatch extends CusumWatch<LatencyState> {
  readonly #params: LatencyParams;

  constructor(params: LatencyParams = LATENCY_PARAMS, state: LatencyState = new LatencyState()) {
    super(state);
    this.#params = params;
  }

  /** The usual value, whatever the hour. */
  usual(): number {
    return this.state.firstAt < 0 ? Number.NaN : Math.exp(this.state.level);
  }

  observe(minute: number, value: number, weight: number): MinuteChange {
    const { state } = this;
    if (!(value > 0)) return 'none';
    const log = Math.log(value);
    if (state.firstAt < 0) this.#begin(minute, log);
    this.turnTo(minute);
    this.#turn(minute);
    const requests = Number.isNaN(weight) ? UNKNOWN_WEIGHT : Math.max(1, weight);
    const expected = state.level + this.#season(minute);
    const residual = log - expected;
    const noise = this.#noise();
    const lasting = this.#lasting(noise);
    const variance = lasting + noise / requests;
    this.#weigh(minute, residual, variance, requests, value, Math.exp(expected));
    const near = this.#smooth(minute, residual, requests, lasting);
    const change = state.openedAt < 0 ? this.#judgeCalm(minute, residual, near, weight) : this.#judgeOpen(minute, near);
    this.#learn(minute, residual, variance, lasting, requests);
    return change;
  }

  #begin(minute: number, log: number): void {
    const { state } = this;
    state.firstAt = minute;
    state.level = log;
    state.hour = hourOf(minute);
    state.day = dayOf(minute);
  }

  #season(minute: number): number {
    const { dayOffsets } = this.state;
    const hour = hourOf(minute);
    const fromMiddle = (minute % 60) / 60 - 0.5;
    const share = Math.abs(fromMiddle);
    const neighbour = fromMiddle < 0 ? hour - 1 : hour + 1;
    return (1 - share) * (dayOffsets[hour % HOURS_A_DAY] ?? 0) + share * (dayOffsets[neighbour % HOURS_A_DAY] ?? 0);
  }

  #turn(minute: number): void {
    const { state } = this;
    const hour = hourOf(minute);
    if (hour === state.hour) return;
    if (state.hourWeight > 0) {
      const residual = Math.max(-0.5, Math.min(0.5, state.hourResidual / state.hourWeight));
      const index = state.hour % HOURS_A_DAY;
      const trust = state.hourWeight / (state.hourWeight + 20);
      state.dayOffsets[index] = (state.dayOffsets[index] ?? 0) + 0.3 * trust * residual;
    }
    state.hourResidual = 0;
    state.hourWeight = 0;
    state.hour = hour;
    if (dayOf(minute) === state.day) return;
    state.excursions[state.daysKept % DAYS_KEPT] = state.dayExcursion;
    state.daysKept += 1;
    const days = Math.min(DAYS_KEPT, state.daysKept);
    const sorted = state.excursions.slice(0, days).sort();
    state.calibrated = sorted[Math.max(0, days - EXCURSION_RANK)] ?? 0;
    state.dayExcursion = 0;
    state.day = dayOf(minute);
  }

  /** c of the variance s^2 + c/n. */
  #noise(): number {
    const { weights, inverse, inverseSquared, squares, inverseSquares } = this.state;
    const spread = weights * inverseSquared - inverse * inverse;
    if (weights === 0 || spread <= 1e-9 * weights * inverseSquared) return START_NOISE;
    return Math.max(LEAST_NOISE, Math.min(MOST_NOISE, (weights * inverseSquares - inverse * squares) / spread));
  }

  /** s^2 of the variance s^2 + c/n. */
  #lasting(noise: number): number {
    const { weights, inverse, squares } = this.state;
    if (weights === 0) return 0.02;
    return Math.max(LEAST_VARIANCE, Math.min(MOST_VARIANCE, (squares - noise * inverse) / weights));
  }

  #weigh(minute: number, residual: number, variance: number, requests: number, value: number, expected: number): void {
    const { state } = this;
    const { change, usual, evidence } = this.#params;
    const llr = ((change - usual) / variance) * (residual - (change + usual) / 2);
    const share = { llr, needed: evidence, most: evidence / 3, above: residual >= usual };
    if (this.weigh(minute, value, expected, share)) state.requests = 0;
    state.requests += requests;
  }

  /** The recent residual, each minute weighed by how little noise its requests leave. */
  #smooth(minute: number, residual: number, requests: number, lasting: number): number {
    const { state } = this;
    const weight = requests / (requests + START_NOISE / Math.max(lasting, 0.005));
    state.near = (1 - NEAR) * state.near + weight * residual;
    state.nearWeight = (1 - NEAR) * state.nearWeight + weight;
    const near = state.near / state.nearWeight;
    if (minute - state.firstAt > 120) state.dayExcursion = Math.max(state.dayExcursion, Math.min(near, Math.log(3)));
    return near;
  }

  #judgeCalm(minute: number, residual: number, near: number, weight: number): MinuteChange {
    const { state } = this;
    const { evidence, leastRequests, leastChange, mostChange, coldFor } = this.#params;
    if (state.cusum < evidence || minute - state.firstAt < coldFor) return 'none';
    if (!Number.isNaN(weight) && state.requests < leastRequests) return 'none';
    if (near < leastChange || near < Math.min(mostChange, state.calibrated) || residual < 0.2) return 'none';
    this.open(minute, 'level');
    return 'opened';
  }

  #judgeOpen(minute: number, near: number): MinuteChange {
    const { state } = this;
    const { release, quiet, longest } = this.#params;
    const end = this.release(minute, near < release, quiet, longest);
    if (end === 'open') return 'none';
    // So long is no incident but how slow it is now.
    if (end === 'settled') state.level += near;
    return 'ended';
  }

  #learn(minute: number, residual: number, variance: number, lasting: number, requests: number): void {
    const { state } = this;
    const deviation = Math.sqrt(variance);
    const clipped = Math.max(-3 * deviation, Math.min(3 * deviation, residual));
    const weight = 1 / (variance * variance);
    const square = clipped * clipped;
    state.weights += VARIANCE_RATE * (weight - state.weights);
    state.inverse += VARIANCE_RATE * (weight / requests - state.inverse);
    state.inverseSquared += VARIANCE_RATE * (weight / requests / requests - state.inverseSquared);
    state.squares += VARIANCE_RATE * (weight * square - state.squares);
    state.inverseSquares += VARIANCE_RATE * ((weight * square) / requests - state.inverseSquares);
    if (state.openedAt >= 0) return;
    const age = minute - state.firstAt;
    const trust = Math.min(1, (2 * lasting) / variance + 0.05);
    const rate = Math.max((Math.LN2 / (age < DAY ? 240 : DAY)) * trust, 0.5 / (age + 1));
    state.level += rate * Math.max(-2 * deviation, Math.min(2 * deviation, residual));
    state.hourResidual += (0.01 * clipped) / variance;
    state.hourWeight += 0.01 / variance;
  }
}
