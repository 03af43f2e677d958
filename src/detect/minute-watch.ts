/** What became of a series in a minute. `escalated`: it was open and rose as much again. */
export type MinuteChange = 'none' | 'opened' | 'escalated' | 'ended';

/** One departure of one series from its usual, in unix minutes. */
export interface Departure {
  /** Start of the first minute that counted. */
  readonly startedAt: number;
  /** End of the minute that settled it. */
  readonly detectedAt: number;
  /** Exclusive; null while it lasts. */
  readonly endedAt: number | null;
  /** Mean over the minutes that were out of line, in the metric's own unit. */
  readonly value: number;
  /** What was expected of the same minutes. */
  readonly baseline: number;
  readonly ratio: number;
  readonly minutesAbove: number;
  readonly minutesSeen: number;
  readonly basis: Basis;
}

/**
 * What the baseline is made of: the hour of the week; the level alone; a share of the usual daily peak, where less would
 * be no load at all; the load of a moment ago, where it has just changed for good.
 */
export type Basis = 'season' | 'level' | 'peak' | 'recent';

/**
 * One rule watching one series, minute after minute. Every rule set has this shape, in production and in a backtest.
 * Minutes come in order; a minute that does not come was not measured, which is not zero.
 */
export interface MinuteWatch {
  /** `weight`: how many requests the value was made of; NaN: not known. */
  observe(minute: number, value: number, weight: number): MinuteChange;
  /** The departure that is open, or that ended with the last change; of an escalation the new one. */
  departure(): Departure | undefined;
  /** The departure that an escalation or a new start has just closed. */
  closed(): Departure | undefined;
  isOpen(): boolean;
  /** Ends what is open, as when the data end. */
  close(minute: number): void;
  /** Everything that is remembered, as a plain record of numbers and number tables. */
  readonly state: object;
}
