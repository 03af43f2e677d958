import type { StaffActor } from '../domain/actor.ts';
import type { SubscriptionDiscount, TenantRevenue } from '../domain/revenue.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

export interface RevenueFileToImport {
  readonly fileName: string;
  readonly content: string;
  /** The moment that the file tells of, Unix ms. */
  readonly asOf: number;
  /** What coupons are worth, by name. */
  readonly coupons: ReadonlyMap<string, SubscriptionDiscount>;
  /** Say what it would do, and keep nothing. */
  readonly dryRun?: boolean;
}

export interface RevenueImported {
  readonly id: string;
  /** False: this very file was imported before. */
  readonly isNew: boolean;
  readonly subscriptions: number;
  readonly invoices: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
}

export interface RevenueMovement {
  readonly currency: string;
  readonly before: bigint;
  readonly new: bigint;
  readonly reactivation: bigint;
  readonly expansion: bigint;
  readonly contraction: bigint;
  readonly churn: bigint;
  readonly after: bigint;
  readonly unknownTenants: number;
}

/** Null where it is not known; `gap` says why. Money in micro-units. */
export interface MarginFigures {
  readonly revenueMicro: bigint | null;
  readonly costMicro: bigint | null;
  readonly marginMicro: bigint | null;
  /** Millionths of the revenue. */
  readonly marginPpm: bigint | null;
  readonly gap: 'no_revenue' | 'no_costs' | 'unpriced_ai' | 'currency' | null;
}

export interface MarginSums extends MarginFigures {
  readonly tenants: number;
  readonly unknownTenants: number;
  readonly unknownRevenueMicro: bigint;
  readonly unknownCostMicro: bigint;
}

export interface MarginQuestion {
  /** Moved outwards to whole days. */
  readonly window: Window;
  readonly groupBy: 'tenant' | 'plan' | 'feature';
  /** By what a tenant's cost is shared over features. */
  readonly measure: 'requests' | 'busy_ns' | 'bytes';
}

/** Of the three lists the one that was asked for is filled. */
export interface MarginAnswer {
  readonly window: Window;
  readonly currency: string;
  readonly total: MarginSums;
  readonly tenants: readonly (MarginFigures & { readonly tenantId: TenantId; readonly plan: string | null })[];
  readonly plans: readonly (MarginSums & { readonly plan: string | null })[];
  readonly features: readonly (MarginFigures & { readonly feature: string })[];
}

export interface RevenueFeature {
  readonly name: string;
  readonly routes: readonly { readonly service: string; readonly route: string }[];
  readonly plans: readonly string[];
}

export interface ForecastAsked {
  readonly of: 'cost' | 'revenue';
  readonly tenant: TenantId | undefined;
  /** Unix ms. */
  readonly now: number;
}

interface Forecasted {
  readonly currency: string | null;
  readonly monthFrom: number;
  readonly monthTo: number;
  readonly knownUntil: number;
  readonly toDateMicro: bigint;
  readonly expectedMicro: bigint | null;
  readonly lowMicro: bigint | null;
  readonly highMicro: bigint | null;
  readonly coverage: number;
  readonly basisDays: number;
  readonly gap: string | null;
}

export interface Revenue {
  /** @throws TenantryError BAD_REQUEST naming the lines that keep the file from being imported */
  import(actor: StaffActor, file: RevenueFileToImport): Promise<RevenueImported & { readonly unmapped: number }>;
  /** Newest first. */
  imports(actor: StaffActor): Promise<
    readonly (RevenueImported & {
      readonly fileName: string;
      readonly format: string;
      readonly asOf: number;
      readonly createdBy: string;
      readonly createdAt: number;
    })[]
  >;
  /** Customers that are no tenant yet. */
  unmapped(
    actor: StaffActor,
  ): Promise<readonly { readonly customerId: string; readonly subscriptions: number; readonly invoices: number }[]>;
  map(actor: StaffActor, customerId: string, tenantId: TenantId): Promise<void>;
  /** By tenant and currency. */
  tenants(window: Window): Promise<readonly TenantRevenue[]>;
  movements(window: Window): Promise<readonly RevenueMovement[]>;
  margins(question: MarginQuestion): Promise<MarginAnswer>;
  features(actor: StaffActor): Promise<readonly RevenueFeature[]>;
  /** Takes the place of all that were there. */
  setFeatures(actor: StaffActor, features: readonly RevenueFeature[]): Promise<void>;
  forecast(question: ForecastAsked): Promise<Forecasted>;
}
