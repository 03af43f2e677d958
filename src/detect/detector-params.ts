import type { WatchedMetric } from '../domain/anomaly.ts';
import type { OwnerRuleParams } from './owner-rule.ts';
import { ownerRuleParams } from './owner-rule.ts';

export interface DetectorParams {
  readonly rules: Readonly<Record<WatchedMetric, OwnerRuleParams>>;
  /** How far the data may lag behind the clock, beyond two intervals, before the detector suspends itself. */
  readonly lagSeconds: number;
  /** After a pause at most this many missed intervals are judged; what is older is history. */
  readonly catchUpIntervals: number;
}

/** Usual lag from request to rollup: export batches of 5 s, sealing within 1 s, loading; doubled. */
const LAG_SECONDS = 15;

/** The same rule for every metric, but for the volume floors. */
export function detectorParams(overrides: Partial<OwnerRuleParams> = {}): DetectorParams {
  return {
    rules: { requests: ownerRuleParams('requests', overrides), ai_tokens: ownerRuleParams('ai_tokens', overrides) },
    lagSeconds: LAG_SECONDS,
    catchUpIntervals: 30,
  };
}

/** How many intervals a table must hold for these params: the horizon, the window and what may have been missed. */
export function intervalsNeeded(params: DetectorParams, intervalSeconds: number): number {
  const horizons = Object.values(params.rules).map(
    (rule) => rule.window + Math.ceil(rule.baselineSeconds / intervalSeconds),
  );
  return Math.max(...horizons) + params.catchUpIntervals;
}
