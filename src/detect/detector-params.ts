import type { WatchedMetric } from '../domain/anomaly.ts';
import type { OwnerRuleParams } from './owner-rule.ts';
import { ownerRuleParams } from './owner-rule.ts';

export interface DetectorParams {
  /** Length of the intervals that are judged, a multiple of the rollup's. */
  readonly intervalSeconds: number;
  readonly rules: Readonly<Record<WatchedMetric, OwnerRuleParams>>;
  /** How far the data may lag behind the clock, beyond two intervals, before the detector suspends itself. */
  readonly lagSeconds: number;
  /** After a pause at most this many missed intervals are judged; what is older is history. */
  readonly catchUpIntervals: number;
}

/** Usual lag from request to rollup: export batches of 5 s, sealing within 1 s, loading; doubled. */
const LAG_SECONDS = 15;

/** For which the volume floors are made: ten requests an interval. */
const USUAL_INTERVAL_SECONDS = 10;

/**
 * The same rule for every metric, but for the volume floors. A shorter interval finds sooner and needs more: a handful
 * of requests in a second is chance, whatever its ratio.
 */
export function detectorParams(
  overrides: Partial<OwnerRuleParams> = {},
  intervalSeconds = USUAL_INTERVAL_SECONDS,
): DetectorParams {
  const rule = (metric: WatchedMetric) => {
    const params = ownerRuleParams(metric, overrides);
    const scale = Math.max(1, USUAL_INTERVAL_SECONDS / intervalSeconds);
    return { ...params, floorPerSecond: params.floorPerSecond * scale };
  };
  return {
    intervalSeconds,
    rules: { requests: rule('requests'), ai_tokens: rule('ai_tokens') },
    lagSeconds: LAG_SECONDS,
    catchUpIntervals: 30,
  };
}

/** How many intervals a table must hold for these params: the horizon, the window and what may have been missed. */
export function intervalsNeeded(params: DetectorParams): number {
  const horizons = Object.values(params.rules).map(
    (rule) => rule.window + Math.ceil(rule.baselineSeconds / params.intervalSeconds),
  );
  return Math.max(...horizons) + params.catchUpIntervals;
}
