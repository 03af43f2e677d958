import type { TenantId } from './tenant-id.ts';
import type { Window } from './window.ts';

/** What one tenant cost, in micro-units of the ledger's currency. */
export interface TenantCost {
  readonly tenantId: TenantId;
  readonly costMicro: bigint;
  /** By part (`compute`, `databases`, `ai`, …); they add up to `costMicro`. */
  readonly parts: ReadonlyMap<string, bigint>;
  /** How much of it comes from the price book because no bill covers it. */
  readonly estimatedMicro: bigint;
  /** AI calls whose price nobody knows: they cost something that is not in here. */
  readonly unpricedCalls: number;
}

export interface CostQuestion {
  /** Days in UTC: both ends are moved outwards to midnight. */
  readonly window: Window;
  /** Absent: every tenant. */
  readonly tenants?: readonly TenantId[];
  /** Only tenants of this plan. */
  readonly plan?: string;
  /** Default: the currency of the bills, and the one with the most bills where there are several. */
  readonly currency?: string;
  /** Default true: AI usage that no bill covers stands beside the bills at its price in the price book. */
  readonly estimates?: boolean;
}

/**
 * The costs of a window. Over all tenants: items + shared + idle + unallocated = bill + estimated, to the micro-unit.
 * A charge counts on the day on which its charge period begins; it is never cut in two.
 */
export interface Costs {
  readonly currency: string;
  /** The days that were asked, whole. */
  readonly window: Window;
  /** What the bills say, from their lines alone. */
  readonly billMicro: bigint;
  readonly items: readonly TenantCost[];
  readonly sharedMicro: bigint;
  readonly idleMicro: bigint;
  readonly unallocatedMicro: bigint;
  readonly estimatedMicro: bigint;
  /** bill + estimated - everything else; null where only some tenants were asked for, and 0 otherwise or it is a fault. */
  readonly residualMicro: bigint | null;
  /** Currencies of other bills of the window, which are not in here. */
  readonly otherCurrencies: readonly string[];
}

/** Whether the ledger says anything about the time: without a bill or a priced call a zero would be a guess. */
export function costsAreKnown({ billMicro, items, estimatedMicro }: Costs): boolean {
  return billMicro !== 0n || estimatedMicro !== 0n || items.some(({ costMicro }) => costMicro !== 0n);
}

/** What every tenant cost; the parts on revenue, plans and statements build on it. */
export interface CostReader {
  costs(question: CostQuestion): Promise<Costs>;
}

export interface CostDays {
  readonly currency: string;
  /** Every day of the window, in order. Of all tenants what is to be paid, of some what is theirs. */
  readonly days: readonly { readonly day: number; readonly amountMicro: bigint }[];
}

/** The same costs day by day, for those who look ahead. */
export interface CostDaysReader {
  days(question: CostQuestion): Promise<CostDays>;
}
