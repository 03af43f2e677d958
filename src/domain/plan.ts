/** Words of plans: what a customer may use for what they pay, and how well they are kept from each other. */
import type { PlanFeature } from './plan-features.ts';
import type { TenantId } from './tenant-id.ts';
import { USAGE_UNITS, type UsageKey } from './usage.ts';

export const PLAN_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;

export const QUOTA_PERIODS = ['day', 'month'] as const;
export type QuotaPeriod = (typeof QUOTA_PERIODS)[number];

/**
 * What a quota can be about beyond single usage metrics, and its unit. `seats` and `storage_bytes` are levels: what
 * counts is what there is now, and not what came together over the period.
 */
export const QUOTA_UNITS = {
  ...USAGE_UNITS,
  /** Input and output together. */
  ai_tokens: 'tokens',
  /** At list prices or those of the operator's price book. */
  ai_cost: 'micro-USD',
  seats: 'seats',
  storage_bytes: 'bytes',
} as const;

export type QuotaKey = UsageKey | Exclude<keyof typeof QUOTA_UNITS, UsageKey>;

/** `hard`: the tenant is meant to be held there; `soft`: more is allowed and paid for, or talked about. */
type QuotaKind = 'hard' | 'soft';

/** What of a quota that was left over may be used later on. */
export interface BurstTerms {
  /** Of the unused part of a closed period, in whole percent. */
  readonly accrualPercent: number;
  /** Credits that a tenant can hold at once; what would go beyond is not earned. */
  readonly capacity: bigint;
  /** Days after the end of the period that earned them. */
  readonly expiresAfterDays: number;
}

export interface PlanQuota {
  readonly key: QuotaKey;
  readonly period: QuotaPeriod;
  /** In the key's unit. */
  readonly limit: bigint;
  readonly kind: QuotaKind;
  readonly burst: BurstTerms | null;
}

interface PlanPrice {
  /** A month. */
  readonly amountMicro: bigint;
  /** ISO 4217. */
  readonly currency: string;
}

export interface PlanTerms {
  /** At most one for each key and period. */
  readonly quotas: readonly PlanQuota[];
  /** Requests a second that no throttle may go below. */
  readonly guaranteeRps: number | null;
  /** Requests a second whose passing is a finding by itself. */
  readonly ceilingRps: number | null;
  /** Share in what is scarce, beside other tenants'. */
  readonly weight: number;
  /** Names of what is included; null: nobody has said, so nothing is beyond the plan. */
  readonly features: readonly string[] | null;
  /** Which of Tenantry's own features its tenants have; null: nobody has said, so all. */
  readonly tenantryFeatures: readonly PlanFeature[] | null;
  readonly price: PlanPrice | null;
}

export const DEFAULT_WEIGHT = 1;

/** What a plan is until somebody says more than its name. */
export const NO_TERMS: PlanTerms = {
  quotas: [],
  guaranteeRps: null,
  ceilingRps: null,
  weight: DEFAULT_WEIGHT,
  features: null,
  tenantryFeatures: null,
  price: null,
};

/** Terms that hold from one moment until the next version of the same plan. Times are Unix ms. */
export interface PlanVersion extends PlanTerms {
  readonly plan: string;
  readonly effectiveFrom: number;
  readonly setBy: string;
  readonly setAt: number;
}

/** One stretch of a tenant's way through the plans; the next one ends it. Unix ms. */
export interface PlanChange {
  readonly tenantId: TenantId;
  readonly effectiveFrom: number;
  /** null: on no plan. */
  readonly plan: string | null;
}

const METER = /^meter:[a-z0-9][a-z0-9_.-]{0,63}$/;

export function isQuotaKey(text: string): text is QuotaKey {
  return Object.hasOwn(QUOTA_UNITS, text) || METER.test(text);
}

/** The unit of a quota; the operator's own meters count in units of their own. */
export function quotaUnit(key: QuotaKey): string {
  return Object.hasOwn(QUOTA_UNITS, key) ? QUOTA_UNITS[key as keyof typeof QUOTA_UNITS] : 'units';
}

/** What held at `at`: the last of those that had begun. `entries` need no order. */
export function inForceAt<Entry extends { readonly effectiveFrom: number }>(
  entries: readonly Entry[],
  at: number,
): Entry | undefined {
  return entries.reduce<Entry | undefined>(
    (best, entry) =>
      entry.effectiveFrom <= at && (best === undefined || entry.effectiveFrom > best.effectiveFrom) ? entry : best,
    undefined,
  );
}
