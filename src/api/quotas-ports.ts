/** What the api needs of quotas and burst credits. Times are Unix ms. */
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { BurstAccount, BurstEntry, BurstSpend, BurstSpendAnswer } from '../domain/burst.ts';
import type { QuotaKey } from '../domain/plan.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface Quotas {
  /**
   * The quotas of a page of tenants (by id), in the periods that hold `at`. `tenants`: how many were on the page, those
   * without quotas included. Tenant actors get their own only, whatever they ask for.
   */
  standing(
    actor: Actor,
    question: {
      readonly tenants?: readonly TenantId[];
      readonly offset: number;
      readonly limit: number;
      readonly at: number;
      readonly now: number;
      readonly withForecast: boolean;
    },
  ): Promise<{ readonly tenants: number; readonly standings: readonly QuotaStanding[] }>;
  /** Enters the tenant if it is new. */
  putSeats(actor: StaffActor, tenantId: TenantId, seats: bigint, at: number): Promise<void>;
  /** null: months are the calendar's again. */
  putBillingDay(actor: StaffActor, tenantId: TenantId, day: number | null): Promise<void>;
}

interface BurstFilter {
  readonly tenantId?: TenantId;
  readonly key?: QuotaKey;
  readonly offset: number;
  readonly limit: number;
}

export interface BurstCredits {
  /** By tenant and key. Tenant actors get their own only. */
  accounts(actor: Actor, filter: BurstFilter): Promise<readonly BurstAccount[]>;
  /** Newest first. Tenant actors get their own only. */
  entries(actor: Actor, filter: BurstFilter): Promise<readonly BurstEntry[]>;
  /** All that is asked for, or nothing. @throws TenantryError CONFLICT when the id stood for another amount */
  spend(actor: StaffActor, spend: BurstSpend): Promise<BurstSpendAnswer>;
}
