import { SECOND_MS } from '../domain/window.ts';
import type { Departure, MinuteChange, MinuteWatch } from './minute-watch.ts';
import { evaluate, type OwnerRuleParams, type RuleFinding, type SeriesState } from './owner-rule.ts';

const MINUTE_SECONDS = 60;

/** The minutes that the rule looks back on; NaN = not measured. */
export class OwnerState {
  lastAt = -1;
  activeSince = -1;
  readonly minutes: Float64Array;

  constructor(minutes: number) {
    this.minutes = new Float64Array(minutes).fill(Number.NaN);
  }
}

/**
 * The owner's rule on minutes: so many times the mean of the last hour, in 3 of 5 minutes. The very rule that the live
 * detector applies to intervals of ten seconds, so that a backtest says what it would have said.
 */
export class OwnerWatch implements MinuteWatch {
  readonly state: OwnerState;
  readonly #params: OwnerRuleParams;
  #rule: SeriesState | undefined;
  #open: Departure | undefined;
  #last: Departure | undefined;
  #closed: Departure | undefined;

  constructor(params: OwnerRuleParams) {
    this.#params = params;
    this.state = new OwnerState(Math.round(params.baselineSeconds / MINUTE_SECONDS) + params.window);
  }

  observe(minute: number, value: number): MinuteChange {
    const { state } = this;
    this.#closed = undefined;
    const missing = state.lastAt < 0 ? 0 : minute - state.lastAt - 1;
    this.#push(value, missing);
    state.lastAt = minute;
    const counts = Array.from(state.minutes, (one) => (Number.isNaN(one) ? null : one));
    const end = (minute + 1) * MINUTE_SECONDS * SECOND_MS;
    const fresh = Math.min(counts.length, missing + 1);
    const series = { intervalSeconds: MINUTE_SECONDS, end, counts, fresh };
    const { state: rule, findings } = evaluate(this.#rule, series, end, this.#params);
    this.#rule = rule;
    let change: MinuteChange = 'none';
    for (const finding of findings) change = this.#take(finding);
    return change;
  }

  isOpen(): boolean {
    return this.#open !== undefined;
  }

  departure(): Departure | undefined {
    return this.#open ?? this.#last;
  }

  closed(): Departure | undefined {
    return this.#closed;
  }

  close(minute: number): void {
    if (this.#open === undefined) return;
    this.#closed = { ...this.#open, endedAt: minute };
    this.#last = this.#closed;
    this.#open = undefined;
    this.#rule = undefined;
  }

  #push(value: number, missing: number): void {
    const { minutes } = this.state;
    const gone = Math.min(minutes.length, missing + 1);
    minutes.copyWithin(0, gone);
    minutes.fill(Number.NaN, minutes.length - gone);
    minutes[minutes.length - 1] = value;
  }

  #take({ change, surge, endedAt }: RuleFinding): MinuteChange {
    const minutes = (unixMs: number) => Math.round(unixMs / SECOND_MS / MINUTE_SECONDS);
    const value = (MINUTE_SECONDS * surge.aboveSum) / surge.aboveIntervals;
    const baseline = MINUTE_SECONDS * surge.baseline;
    const departure: Departure = {
      startedAt: minutes(surge.startedAt),
      detectedAt: minutes(surge.detectedAt),
      endedAt: endedAt === null ? null : minutes(endedAt),
      value,
      baseline,
      ratio: value / baseline,
      minutesAbove: surge.aboveIntervals,
      minutesSeen: Math.max(surge.aboveIntervals, this.state.lastAt + 1 - minutes(surge.startedAt)),
      basis: 'level',
    };
    if (change !== 'ended') {
      this.#open = departure;
      return change === 'opened' ? 'opened' : 'none';
    }
    this.#open = undefined;
    this.#last = departure;
    this.#closed = departure;
    return 'ended';
  }
}
