import { DAY } from './calendar.ts';
import { CusumState, CusumWatch } from './cusum-watch.ts';
import type { MinuteChange } from './minute-watch.ts';

/** The constants of the error rate detector. */
export interface ErrorRateParams {
  /** The rise that is looked for and the largest that is still usual, as multiples plus a share on top. */
  readonly rise: { readonly times: number; readonly plus: number };
  readonly usual: { readonly times: number; readonly plus: number };
  readonly evidence: number;
  /** Errors beyond the usual ones that the evidence must rest on. */
  readonly leastErrors: number;
  /** The share of failures that may be spent in a month: burn rates are multiples of it. */
  readonly budget: number;
  readonly quiet: number;
  readonly longest: number;
  readonly coldFor: number;
}

/** Burn rates as the SRE workbook has them: 14.4 over an hour and 5 minutes, 6 over 6 hours and 30 minutes. */
const BURNS = [
  { rate: 14.4, long: 2, short: 0 },
  { rate: 6, long: 3, short: 1 },
] as const;
const WINDOWS = [5, 30, 60, 360] as const;

export const ERROR_RATE_PARAMS: ErrorRateParams = {
  rise: { times: 3, plus: 0.02 },
  usual: { times: 1.5, plus: 0.005 },
  evidence: 8,
  leastErrors: 5,
  budget: 0.01,
  quiet: 5,
  longest: 120,
  coldFor: DAY,
};

/** Without a count of requests a minute's share is believed as that of this many. */
const UNKNOWN_WEIGHT = 100;
const LEAST_SHARE = 0.001;
const SHARE_HALF_LIFE = DAY;
const CORRELATION_RATE = Math.LN2 / DAY;

export class ErrorRateState extends CusumState {
  /** 1 where the series is a share, 100 where it is percent. */
  scale = 1;
  usualShare = 0;
  /** Correlation of the requests of a minute: what makes failures come in heaps. */
  correlation = 0;
  /** Failures beyond the usual ones that the evidence rests on. */
  excess = 0;
  readonly failed = new Float32Array(WINDOWS.length);
  readonly asked = new Float32Array(WINDOWS.length);
}

/**
 * Finds a share of failures that rises: the log-likelihood ratio of a beta-binomial whose correlation is learnt from the
 * series, with a floor in errors so that one failure of two requests is nothing; beside it the burn of the error budget,
 * which sees what is too slow for the first.
 */
export class ErrorRateWatch extends CusumWatch<ErrorRateState> {
  readonly #params: ErrorRateParams;

  constructor(params: ErrorRateParams = ERROR_RATE_PARAMS, state: ErrorRateState = new ErrorRateState()) {
    super(state);
    this.#params = params;
  }

  observe(minute: number, value: number, weight: number): MinuteChange {
    const { state } = this;
    if (!(value >= 0)) return 'none';
    if (value > 1) state.scale = 100;
    const share = Math.min(1, value / state.scale);
    const requests = Number.isNaN(weight) ? UNKNOWN_WEIGHT : weight;
    if (requests <= 0) return 'none';
    if (state.firstAt < 0) {
      state.firstAt = minute;
      state.usualShare = share;
    }
    this.turnTo(minute);
    const usual = Math.max(LEAST_SHARE, state.usualShare);
    this.#weigh(minute, share, requests, usual);
    this.#spend(share * requests, requests);
    const change = state.openedAt < 0 ? this.#judgeCalm(minute) : this.#judgeOpen(minute, usual);
    if (state.openedAt < 0) this.#learn(minute, share, requests, usual);
    return change;
  }

  protected override unit(): number {
    return this.state.scale;
  }

  #weigh(minute: number, share: number, requests: number, usual: number): void {
    const { state } = this;
    const { rise, usual: calm, evidence } = this.#params;
    const high = Math.min(0.95, rise.times * usual + rise.plus);
    const low = Math.min(0.9, calm.times * usual + calm.plus);
    const failed = share * requests;
    const bits = failed * Math.log(high / low) + (requests - failed) * Math.log((1 - high) / (1 - low));
    const llr = bits / (1 + Math.max(0, requests - 1) * state.correlation);
    const part = { llr, needed: evidence, most: evidence / 3, above: share >= low };
    if (this.weigh(minute, share, usual, part)) state.excess = 0;
    state.excess += (share - usual) * requests;
  }

  #spend(failed: number, requests: number): void {
    const { state } = this;
    for (const [index, window] of WINDOWS.entries()) {
      state.failed[index] = (state.failed[index] ?? 0) * (1 - 1 / window) + failed;
      state.asked[index] = (state.asked[index] ?? 0) * (1 - 1 / window) + requests;
    }
  }

  #burns(): boolean {
    const { failed, asked } = this.state;
    const { budget, leastErrors } = this.#params;
    const burnt = (window: number, rate: number) =>
      (failed[window] ?? 0) >= leastErrors && (failed[window] ?? 0) >= rate * budget * (asked[window] ?? 0);
    return BURNS.some(({ rate, long, short }) => burnt(long, rate) && burnt(short, rate));
  }

  #judgeCalm(minute: number): MinuteChange {
    const { state } = this;
    const { evidence, leastErrors, coldFor } = this.#params;
    if (minute - state.firstAt < coldFor || state.above === 0) return 'none';
    // A tenant whose usual share burns the budget all day has no incident every minute: it must be above its own usual too.
    const rises = state.cusum >= evidence && state.excess >= leastErrors;
    if (!rises && !(state.cusum > evidence / 2 && this.#burns())) return 'none';
    this.open(minute, 'level');
    return 'opened';
  }

  #judgeOpen(minute: number, usual: number): MinuteChange {
    const { state } = this;
    const { quiet, longest, usual: calm } = this.#params;
    const recent = (state.failed[0] ?? 0) / Math.max(1, state.asked[0] ?? 0);
    const end = this.release(minute, recent < calm.times * usual + calm.plus, quiet, longest);
    if (end === 'open') return 'none';
    if (end === 'settled') state.usualShare = recent;
    return 'ended';
  }

  #learn(minute: number, share: number, requests: number, usual: number): void {
    const { state } = this;
    const age = minute - state.firstAt;
    const rate = Math.max(Math.LN2 / SHARE_HALF_LIFE, 1 / (age + 2));
    // One failure of three requests is a third, and no sign of anything: clipped by what chance leaves of so few.
    const chance = 3 * Math.sqrt(usual / requests) + 1 / requests;
    const clipped = Math.min(share, usual + chance);
    // By requests: the share of a busy minute says more.
    const trust = requests / (requests + 20);
    state.usualShare += rate * trust * (clipped - state.usualShare);
    if (requests < 2) return;
    const variance = (usual * (1 - usual)) / requests;
    const surplus = ((clipped - usual) ** 2 / variance - 1) / (requests - 1);
    const seen = Math.min(0.2, surplus);
    state.correlation = Math.max(0, state.correlation + CORRELATION_RATE * (seen - state.correlation));
  }
}
