import type { ChargeCategory } from './bill.ts';
import type { TenantId } from './tenant-id.ts';
import type { UsageKey } from './usage.ts';

/** AI usage at the prices of the price book: of every provider, or of one (`ai_cost:openai`). */
export type AiCostKey = 'ai_cost' | `ai_cost:${string}`;

/** By what a charge can be shared. */
export type SplitKey = UsageKey | AiCostKey;

export function isAiCostKey(key: SplitKey): key is AiCostKey {
  return key === 'ai_cost' || key.startsWith('ai_cost:');
}

/** Fields of a bill's line that rules can look at. */
export const MATCH_FIELDS = [
  'provider',
  'issuer',
  'account',
  'subAccount',
  'service',
  'category',
  'region',
  'resource',
  'sku',
  'description',
] as const;
export type MatchField = (typeof MATCH_FIELDS)[number];

/**
 * Which lines a rule is for. Every condition must hold; within one, any of its patterns. Patterns are globs (`*` any text,
 * `?` one character), compared without regard to case. An empty match takes every line.
 */
export type LineMatch = { readonly [Field in MatchField]?: readonly string[] } & {
  readonly chargeCategories?: readonly ChargeCategory[];
  /** By tag key (case matters); the tag must be there. */
  readonly tags?: Readonly<Record<string, readonly string[]>>;
};

/** Where a line says whose it is. */
export type TenantSource = { readonly tag: string } | 'subAccount' | 'resource';

/** What becomes of the share of usage that no tenant is known for. */
type WithoutTenant = 'unallocated' | 'spread';

/** Not in use, and what is paid for it. Capacity is in units of `key`: so many an hour, or what another key counted. */
export interface IdleTerms {
  readonly key: SplitKey;
  readonly capacity: { readonly perHour: string } | { readonly key: UsageKey };
  /** `own_line`: what is idle is nobody's. `spread`: those who use the rest pay for it. */
  readonly treatment: 'own_line' | 'spread';
}

export type FixedShare =
  /** Ten-thousandths of a percent: 250000 is a quarter. */
  { readonly tenantId: TenantId; readonly ppm: number } | { readonly tenantId: TenantId; readonly amountMicro: string };

export type AllocationMethod =
  /** The line itself says whose it is; one that does not is for the next rule. `tenants`: what stands there -> tenant. */
  | { readonly kind: 'direct'; readonly from: TenantSource; readonly tenants: Readonly<Record<string, TenantId>> }
  | {
      readonly kind: 'proportional';
      readonly key: SplitKey;
      readonly withoutTenant: WithoutTenant;
      readonly idle: IdleTerms | null;
    }
  /** Each key shares its part of the charge: 3 of cpu_ns and 1 of db_ns is three quarters by CPU, a quarter by database. */
  | {
      readonly kind: 'weighted';
      readonly keys: readonly { readonly key: SplitKey; readonly weight: number }[];
      readonly withoutTenant: WithoutTenant;
      readonly idle: IdleTerms | null;
    }
  /** null: tenants with requests in the charge period; else the tenants that are on one of these plans. */
  | { readonly kind: 'even'; readonly plans: readonly string[] | null }
  /** Amounts are those of one month of the rule. What is not given to anybody is `rest`. */
  | { readonly kind: 'fixed'; readonly shares: readonly FixedShare[]; readonly rest: 'shared' | 'unallocated' }
  /** Nobody's: a line of its own. */
  | { readonly kind: 'shared' }
  /** As the other charges of the same service (or of the whole bill) came out: for tax, credits, support. */
  | { readonly kind: 'follow'; readonly scope: 'service' | 'bill' };

export interface AllocationRule {
  /** Unique among the rules: `shared-postgres`. */
  readonly id: string;
  /** Name under which tenants see nothing but staff see the cost: `databases`. null: from the line's service category. */
  readonly part: string | null;
  readonly match: LineMatch;
  readonly method: AllocationMethod;
}

/** All rules, in the order in which they are tried. A change makes a new version; old ones stay. */
export interface AllocationRules {
  readonly version: number;
  readonly rules: readonly AllocationRule[];
  readonly comment: string | null;
  readonly createdBy: string;
  /** Unix ms. */
  readonly createdAt: number;
}
