import type { Basis, Departure, MinuteChange, MinuteWatch } from './minute-watch.ts';

const BASES: readonly Basis[] = ['season', 'level', 'peak', 'recent'];

/** Missing minutes after which what was open is not known to last. */
const LONGEST_GAP = 10;
/** What evidence is left of itself after a missing minute. */
const FADING = 0.9;

/** What every watch that sums evidence remembers; times are unix minutes. */
export class CusumState {
  /** First minute with anything to judge; -1: none yet. */
  firstAt = -1;
  lastAt = -1;
  cusum = 0;
  /** Of the evidence since the cusum left zero: its first minute, its minutes, and those that were out of line. */
  since = 0;
  seen = 0;
  above = 0;
  aboveSum = 0;
  aboveExpected = 0;
  /** Start of the open departure; -1: none. */
  openedAt = -1;
  detectedAt = 0;
  quietMinutes = 0;
  basis = 0;
}

/** One minute's share of the evidence. */
export interface Evidence {
  /** Log-likelihood ratio of a departure against the usual. */
  readonly llr: number;
  /** The evidence that is asked for, and what one minute may bring of it. */
  readonly needed: number;
  readonly most: number;
  /** The minute itself was out of line. */
  readonly above: boolean;
}

/**
 * A watch that adds up evidence for a departure and forgets it when it speaks for the usual (Page's CUSUM). States: calm
 * -> open (the subclass decides, on enough evidence) -> calm (quiet, settled, or a gap in the data).
 */
export abstract class CusumWatch<State extends CusumState> implements MinuteWatch {
  readonly state: State;
  #last: Departure | undefined;
  #closed: Departure | undefined;

  constructor(state: State) {
    this.state = state;
  }

  abstract observe(minute: number, value: number, weight: number): MinuteChange;

  isOpen(): boolean {
    return this.state.openedAt >= 0;
  }

  departure(): Departure | undefined {
    return this.isOpen() ? this.#describe(null) : this.#last;
  }

  closed(): Departure | undefined {
    return this.#closed;
  }

  close(minute: number): void {
    if (!this.isOpen()) return;
    this.#last = this.#describe(minute);
    this.#closed = this.#last;
    this.state.openedAt = -1;
    this.state.cusum = 0;
  }

  /** Begins a minute: forgets what the one before closed, and lets evidence fade over those that are missing. */
  protected turnTo(minute: number): number {
    const { state } = this;
    this.#closed = undefined;
    const missing = state.lastAt < 0 ? 0 : minute - state.lastAt - 1;
    state.lastAt = minute;
    if (missing > 0) {
      state.cusum *= FADING ** missing;
      if (missing >= LONGEST_GAP) this.close(minute - missing);
    }
    return missing;
  }

  /** True when the evidence begins anew with this minute. */
  protected weigh(minute: number, value: number, expected: number, evidence: Evidence): boolean {
    const { state } = this;
    const anew = state.cusum === 0 && state.openedAt < 0;
    if (anew) {
      state.since = minute;
      state.seen = 0;
      state.above = 0;
      state.aboveSum = 0;
      state.aboveExpected = 0;
    }
    // Bounded, so that a long surge does not outlive itself.
    state.cusum = Math.max(0, Math.min(3 * evidence.needed, state.cusum + Math.min(evidence.most, evidence.llr)));
    state.seen += 1;
    if (evidence.above) {
      state.above += 1;
      state.aboveSum += value;
      state.aboveExpected += expected;
    }
    return anew;
  }

  protected open(minute: number, basis: Basis): void {
    const { state } = this;
    state.openedAt = state.since;
    state.detectedAt = minute + 1;
    state.quietMinutes = 0;
    state.basis = BASES.indexOf(basis);
  }

  /** Ends the open departure after `quiet` quiet minutes in a row, or once it has settled: `settled` after `longest`. */
  protected release(minute: number, isQuiet: boolean, quiet: number, longest: number): 'open' | 'quiet' | 'settled' {
    const { state } = this;
    state.quietMinutes = isQuiet ? state.quietMinutes + 1 : 0;
    const settled = minute - state.detectedAt >= longest;
    if (state.quietMinutes < quiet && !settled) return 'open';
    const why = state.quietMinutes >= quiet ? 'quiet' : 'settled';
    this.close(minute + 1);
    return why;
  }

  /** In the metric's own unit: what sums are multiplied with before they are told. */
  protected unit(): number {
    return 1;
  }

  #describe(endedAt: number | null): Departure {
    const { state } = this;
    const minutes = Math.max(1, state.above);
    return {
      startedAt: state.openedAt,
      detectedAt: state.detectedAt,
      endedAt,
      value: (this.unit() * state.aboveSum) / minutes,
      baseline: (this.unit() * state.aboveExpected) / minutes,
      ratio: state.aboveSum / state.aboveExpected,
      minutesAbove: state.above,
      minutesSeen: state.seen,
      basis: BASES[state.basis] ?? 'level',
    };
  }
}
