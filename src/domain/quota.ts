/** Words of quotas: how much of what a plan includes has been used. */
import type { PlanQuota, QuotaKey } from './plan.ts';
import type { SpendForecast } from './spend.ts';
import type { TenantId } from './tenant-id.ts';
import type { UsageKey } from './usage.ts';
import type { Window } from './window.ts';

/** `unknown`: not measured in the period, which is not zero. */
export const QUOTA_STATES = ['unknown', 'ok', 'reached_70', 'reached_90', 'reached_100'] as const;
export type QuotaState = (typeof QUOTA_STATES)[number];

/** One quota of one tenant in one period. */
export interface QuotaStanding {
  readonly tenantId: TenantId;
  readonly plan: string;
  readonly quota: PlanQuota;
  readonly window: Window;
  /** In the quota's unit; null: not measured. */
  readonly used: bigint | null;
  /** What of it burst credits have paid for. */
  readonly burstSpent: bigint;
  /** Used of the limit, rounded down to a hundredth of a percent; null: unknown, or nothing is included. */
  readonly share: number | null;
  readonly state: QuotaState;
  /** null: not asked for, the period is over, or nothing to go by is kept. */
  readonly forecast: SpendForecast | null;
}

/** Keys whose value is how much there is now, and not what came together over the period. */
export function isLevel(key: QuotaKey): boolean {
  return key === 'seats' || key === 'storage_bytes';
}

/** The usage metrics that a quota is made of; none where it is counted elsewhere. */
export function metricsOf(key: QuotaKey): readonly UsageKey[] {
  switch (key) {
    case 'seats':
    case 'ai_cost':
      return [];
    case 'ai_tokens':
      return ['ai_input_tokens', 'ai_output_tokens'];
    case 'storage_bytes':
      return ['storage_byte_hours'];
    default:
      return [key];
  }
}

/**
 * Metrics that are worked out of spans alone: a tenant without spans while others have some did nothing, so these are
 * zero. For all others no figure means that nobody measured.
 */
const FROM_SPANS: ReadonlySet<string> = new Set<UsageKey>([
  'requests',
  'errors',
  'busy_ns',
  'db_calls',
  'db_ns',
  'db_slow_calls',
  'cache_hits',
  'cache_misses',
  'ai_calls',
  'ai_input_tokens',
  'ai_output_tokens',
  'ai_cache_read_tokens',
  'ai_cache_write_tokens',
  'ai_reasoning_tokens',
  'integration_calls',
  'integration_errors',
  'spans',
]);

export function isFromSpans(metric: UsageKey): boolean {
  return FROM_SPANS.has(metric);
}
