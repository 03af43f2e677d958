import type { WatchedMetric } from '../domain/anomaly.ts';

export interface Evidence {
  readonly tenant: string;
  readonly metric: WatchedMetric;
  /** Per second, as are baselines. */
  readonly value: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly aboveIntervals: number;
  /** Set while all of them lie in the rule's window: "3 of the last 5". */
  readonly window: number | null;
  readonly intervalSeconds: number;
}

const DONE: Readonly<Record<WatchedMetric, { readonly verb: string; readonly noun: string }>> = {
  requests: { verb: 'sent', noun: 'requests' },
  ai_tokens: { verb: 'used', noun: 'AI tokens' },
};

/** The reason in one sentence with its numbers, the same on every machine whatever its locale. */
export function explain(evidence: Evidence): string {
  const { tenant, metric, value, baseline, ratio, aboveIntervals, window, intervalSeconds } = evidence;
  const { verb, noun } = DONE[metric];
  const figures = `${figure(value)}/s against ${figure(baseline)}/s`;
  const when = window === null ? `${aboveIntervals} intervals` : `${aboveIntervals} of the last ${window} intervals`;
  return `${tenant} ${verb} ${figure(ratio)}x its usual ${noun} (${figures}) in ${when} of ${intervalSeconds} s`;
}

/** One decimal below 100, none above, and one digit of what would otherwise read as 0. */
export function figure(value: number): string {
  if (value > 0 && value < 0.05) return String(Number(value.toPrecision(1)));
  return value < 100 ? value.toFixed(1) : String(Math.round(value));
}
