import { ERROR_RATE_PARAMS, ErrorRateWatch } from './error-rate.ts';
import { GaugeWatch } from './gauge.ts';
import { LatencyWatch } from './latency.ts';
import type { MetricNature } from './metric-kind.ts';
import type { MinuteWatch } from './minute-watch.ts';
import { ownerRuleParams } from './owner-rule.ts';
import { OwnerWatch } from './owner-watch.ts';
import { SEASONAL_PARAMS, SeasonalWatch } from './seasonal-watch.ts';
import { SurgeWatch } from './surge.ts';
import { SURGE_PARAMS, type SurgeParams } from './surge-params.ts';

/**
 * The rules that a series can be watched with, one interface for all: `owner` = 3x the last hour's mean, a percentile
 * that doubles; `seasonal` = 3x the usual of this hour of the week; `tenantry` = the product's own detectors.
 */
export const RULE_SETS = ['owner', 'seasonal', 'tenantry'] as const;
export type RuleSetName = (typeof RULE_SETS)[number];

/** Name and version as they stand in findings, so that a decision can be replayed. */
export const RULE_VERSIONS: Readonly<Record<RuleSetName, string>> = {
  owner: 'owner-ratio/1',
  seasonal: 'seasonal-ratio/1',
  tenantry: 'tenantry/1',
};

export type WatchFactory = (nature: MetricNature) => MinuteWatch;

const MINUTE_SECONDS = 60;
const DOUBLED = 2;

function ownerWatch({ kind, floor }: MetricNature): MinuteWatch {
  if (kind === 'count') return new OwnerWatch(ownerRuleParams('requests', { floorPerSecond: floor / MINUTE_SECONDS }));
  return new OwnerWatch(ownerRuleParams('requests', { ratio: DOUBLED, floorPerSecond: 0 }));
}

function seasonalWatch({ kind, floor }: MetricNature): MinuteWatch {
  if (kind === 'count') return new SeasonalWatch({ ...SEASONAL_PARAMS, floor });
  return new SeasonalWatch({ ...SEASONAL_PARAMS, ratio: DOUBLED, floor: 0 });
}

/** One object for all series of a nature: with a hundred thousand series, one each would be as much as their memory. */
const surgeParams = new Map<string, SurgeParams>();

function surgeParamsOf(floor: number, quantum: number): SurgeParams {
  const key = `${floor}/${quantum}`;
  const params = surgeParams.get(key) ?? { ...SURGE_PARAMS, floor, quantum };
  surgeParams.set(key, params);
  return params;
}

function tenantryWatch({ kind, floor, quantum }: MetricNature): MinuteWatch {
  switch (kind) {
    case 'count':
      return new SurgeWatch(surgeParamsOf(floor, quantum));
    case 'latency':
      return new LatencyWatch();
    case 'errors':
      return new ErrorRateWatch({ ...ERROR_RATE_PARAMS, leastErrors: floor });
    case 'gauge':
      return new GaugeWatch();
  }
}

export const WATCHES: Readonly<Record<RuleSetName, WatchFactory>> = {
  owner: ownerWatch,
  seasonal: seasonalWatch,
  tenantry: tenantryWatch,
};
