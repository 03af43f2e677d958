import { dayOf, hourOf } from './calendar.ts';
import { CusumWatch } from './cusum-watch.ts';
import type { Basis, MinuteChange } from './minute-watch.ts';
import { type Expectation, expect, learnLevel, turnDay, turnHour, usualExcursion } from './surge-expectation.ts';
import { SURGE_PARAMS, type SurgeParams } from './surge-params.ts';
import { begin, SurgeState } from './surge-state.ts';

/** Weights of a new minute in the smoothed loads: about 4, 15 and 45 minutes. */
const [FAST, MEDIUM, SLOW] = [0.4, 0.12, 0.04];
/** Clip of residuals in standard deviations where the noise itself is learnt. */
const WIDEST_RESIDUAL = 3;
/** No minute says that the noise is more than this. */
const MOST_SPREAD_SEEN = 1.5;
const LEAST_SPREAD = 0.0005;
/** Excursions beyond this are all the same. */
const HIGHEST_EXCURSION = 50;
/** An open departure that rises by as much again is a new one; before that many minutes its height is not known. */
const PLATEAU_MINUTES = 8;
const ESCALATION = 3;

const scratch: Expectation = { base: 0, usual: 0, basis: 'level' };

/**
 * Finds counts that rise to about three times what level, hour and history say (reference: the product's detection notes,
 * `npm run bench -- detect`). States: learning (first day) -> calm -> open -> calm; open ends by quiet, by a gap in the
 * data, or after `longest`, when its load is held for usual while it lasts.
 *
 * Per minute: expectation = level x season, at least a share of the usual daily peak; evidence = log-likelihood ratio of
 * `surge` against `usual` on the square-root scale with variance 1 + spread x expectation, summed as a CUSUM; gate = the
 * ratio that the tenant's own excursions ask for. Work and memory per minute are constant.
 */
export class SurgeWatch extends CusumWatch<SurgeState> {
  #params: SurgeParams;

  constructor(params: SurgeParams = SURGE_PARAMS, state: SurgeState = new SurgeState()) {
    super(state);
    this.#params = params;
  }

  /** Counts noise and floor in pieces of `quantum`, as the tokens of one call are one thing that happened. */
  countIn(quantum: number): void {
    if (!(quantum > 0)) return;
    const pieces = this.#params.floor / this.#params.quantum;
    this.#params = { ...this.#params, quantum, floor: pieces * quantum };
  }

  observe(minute: number, load: number): MinuteChange {
    const { state } = this;
    if (state.firstAt < 0) {
      if (load <= 0) return 'none';
      begin(state, minute, load);
    }
    this.#turn(minute);
    expect(state, minute, this.#params, scratch);
    const { base, usual } = scratch;
    this.#weigh(minute, load, usual);
    this.#smooth(load, usual);
    this.#recordExcursion(minute, load, usual);
    const change = state.openedAt < 0 ? this.#judgeCalm(minute, load, usual) : this.#judgeOpen(minute, load);
    if (state.openedAt < 0) learnLevel(state, minute, load, base, this.#params);
    this.#learnSpread(load, usual);
    return change;
  }

  /** Sums of five minutes must not reach over a gap. */
  #turn(minute: number): void {
    const { state } = this;
    if (this.turnTo(minute) > 0) {
      state.fiveSum = 0;
      state.fiveExpected = 0;
      state.fiveCount = 0;
    }
    turnHour(state, hourOf(minute), this.#params);
    turnDay(state, dayOf(minute), this.#params);
  }

  #weigh(minute: number, load: number, usual: number): void {
    const { state } = this;
    const { quantum, surge, usual: usualRatio, evidence, jump, burstShare, mostSpread } = this.#params;
    const expected = usual / quantum;
    const middle = Math.sqrt(expected + 0.375);
    const spread = Math.min(mostSpread, Math.max(state.spread, 5 * burstShare * state.burstSpread));
    const high = 2 * (Math.sqrt(surge * expected + 0.375) - middle);
    const low = 2 * (Math.sqrt(usualRatio * expected + 0.375) - middle);
    const seen = 2 * (Math.sqrt(load / quantum + 0.375) - middle);
    const llr = ((high - low) / (1 + spread * expected)) * (seen - (high + low) / 2);
    const most = evidence / (load >= jump * usual ? 2 : 3);
    this.weigh(minute, load, usual, { llr, needed: evidence, most, above: load >= usualRatio * usual });
  }

  #smooth(load: number, usual: number): void {
    const { state } = this;
    state.fast += FAST * (load - state.fast);
    state.fastExpected += FAST * (usual - state.fastExpected);
    state.medium += MEDIUM * (load - state.medium);
    state.slow += SLOW * (load - state.slow);
  }

  /** The ratio at which the gate would just have let this minute through. */
  #excursion(load: number, usual: number): number {
    return Math.min(this.state.fast / this.state.fastExpected, load / usual / 0.8);
  }

  #recordExcursion(minute: number, load: number, usual: number): void {
    const { state } = this;
    state.dayPeak = Math.max(state.dayPeak, state.medium);
    // The smoothed loads of the first two hours are still those of the first minute.
    if (minute - state.firstAt <= 120) return;
    const excess = state.fast - state.fastExpected;
    const { floor } = this.#params;
    if (excess < floor / 2) return;
    const excursion = this.#excursion(load, usual);
    if (excess >= floor) state.dayExcursion = Math.max(state.dayExcursion, excursion);
    state.hourExcursion = Math.max(state.hourExcursion, Math.min(HIGHEST_EXCURSION, excursion));
  }

  #judgeCalm(minute: number, load: number, usual: number): MinuteChange {
    const { state } = this;
    const { evidence, floor, coldFor, activeHours } = this.#params;
    if (state.cusum < evidence || state.fast - state.fastExpected < floor || load - usual < floor) return 'none';
    if (minute - state.firstAt < coldFor || state.activeHours < activeHours) return 'none';
    if (this.#excursion(load, usual) < this.#ratioAskedFor(minute)) return 'none';
    this.#openAt(minute, scratch.basis);
    return 'opened';
  }

  #ratioAskedFor(minute: number): number {
    const { state } = this;
    const { leastRatio, mostRatio, sameTimeFactor, coldUntil, coldRatio } = this.#params;
    const calibrated = Math.max(leastRatio, Math.min(mostRatio, state.calibratedRatio));
    const excursion = usualExcursion(state, hourOf(minute));
    // What comes at this time and is plain to see is a job; what hardly shows is noise, and must not hide a surge.
    const factor = Math.min(sameTimeFactor, 1 + (excursion - 1) / 2);
    const sameTime = Math.min(HIGHEST_EXCURSION, factor * excursion);
    const cold = minute - state.firstAt < coldUntil ? coldRatio : 0;
    return Math.max(calibrated, sameTime, cold);
  }

  #openAt(minute: number, basis: Basis): void {
    this.open(minute, basis);
    this.state.plateau = this.state.fast;
    this.state.beyond = 0;
  }

  #judgeOpen(minute: number, load: number): MinuteChange {
    const { state } = this;
    const { releaseRatio, quiet, longest, floor } = this.#params;
    if (this.#rises(minute, load)) return this.#escalate(minute);
    const released = state.fast < releaseRatio * state.fastExpected || state.fast - state.fastExpected < floor / 2;
    const end = this.release(minute, released, quiet, longest);
    if (end === 'open') return 'none';
    if (end === 'settled') state.hold = 1.2 * state.slow;
    return 'ended';
  }

  /** True in the second minute in a row that is three times what the departure had come up to. */
  #rises(minute: number, load: number): boolean {
    const { state } = this;
    if (minute - state.detectedAt < PLATEAU_MINUTES) {
      state.plateau += (load - state.plateau) / (minute - state.detectedAt + 2);
      return false;
    }
    const line = ESCALATION * state.plateau;
    if (load < line) {
      state.plateau += SLOW * (load - state.plateau);
      state.beyond = 0;
      return false;
    }
    if (state.fast >= line && state.fast - state.plateau >= this.#params.floor) state.beyond += 1;
    return state.beyond >= 2;
  }

  #escalate(minute: number): MinuteChange {
    const { state } = this;
    const { plateau, fast } = state;
    const { evidence } = this.#params;
    this.close(minute + 1);
    state.cusum = evidence;
    state.since = minute - 1;
    state.seen = 2;
    state.above = 2;
    state.aboveSum = 2 * fast;
    state.aboveExpected = 2 * plateau;
    this.#openAt(minute, 'recent');
    return 'escalated';
  }

  #learnSpread(load: number, usual: number): void {
    const { state } = this;
    const { quantum, spreadHalfLife } = this.#params;
    const rate = Math.LN2 / spreadHalfLife;
    state.spread = learnt(state.spread, load / quantum, usual / quantum, rate);
    state.fiveSum += load / quantum;
    state.fiveExpected += usual / quantum;
    state.fiveCount += 1;
    if (state.fiveCount < 5) return;
    state.burstSpread = learnt(state.burstSpread, state.fiveSum, state.fiveExpected, 5 * rate);
    state.fiveSum = 0;
    state.fiveExpected = 0;
    state.fiveCount = 0;
  }
}

/** The overdispersion after one more residual: what Poisson noise leaves over, per expected count; clipped, so that
 * surges do not count as noise. */
function learnt(spread: number, load: number, expected: number, rate: number): number {
  const residual = 2 * (Math.sqrt(load + 0.375) - Math.sqrt(expected + 0.375));
  const widest = WIDEST_RESIDUAL * WIDEST_RESIDUAL * (1 + spread * expected);
  const surplus = (Math.min(widest, residual * residual) - 1) / Math.max(expected, 1);
  return Math.max(LEAST_SPREAD, spread + rate * (Math.min(MOST_SPREAD_SEEN, surplus) - spread));
}
