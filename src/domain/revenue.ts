/** Words of what customers pay. Money: integer micro-units of the subscription's or invoice's own currency. */
import type { TenantId } from './tenant-id.ts';

export const SUBSCRIPTION_STATUSES = [
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'paused',
  'canceled',
  'incomplete',
  'incomplete_expired',
] as const;
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

export const BILLING_INTERVALS = ['day', 'week', 'month', 'year'] as const;
type BillingInterval = (typeof BILLING_INTERVALS)[number];

export interface BillingCycle {
  readonly interval: BillingInterval;
  /** Every so many of them. */
  readonly count: number;
}

export interface SubscriptionItem {
  readonly plan: string;
  /** What one costs a cycle, in 10^-12 of the currency: price lists know fractions of a cent. Null: it depends on use or tiers. */
  readonly unitPico: bigint | null;
  readonly quantity: number;
  readonly cycle: BillingCycle;
}

/** Of the whole subscription, each cycle. `endsAt` in Unix ms; null: for as long as it lasts. */
export type SubscriptionDiscount = { readonly endsAt: number | null } & (
  | { readonly kind: 'percent' /** Millionths: 250,000 is a quarter. */; readonly ppm: number }
  | { readonly kind: 'amount'; readonly amountMicro: bigint }
  /** There is one, and the file does not say of how much. */
  | { readonly kind: 'unknown'; readonly name: string }
);

/** Times are Unix ms. */
export interface Subscription {
  readonly id: string;
  readonly customerId: string;
  /** As the file says; the mapping of customers is asked where it does not. */
  readonly tenantId: TenantId | null;
  readonly status: SubscriptionStatus;
  readonly currency: string;
  readonly items: readonly SubscriptionItem[];
  readonly discounts: readonly SubscriptionDiscount[];
  readonly startedAt: number;
  readonly trialEndsAt: number | null;
  /** When it ended; not when somebody said that it would. */
  readonly endedAt: number | null;
}

/** How a subscription was from one moment until its next version. */
export interface SubscriptionVersion extends Subscription {
  /** Unix ms. */
  readonly effectiveFrom: number;
}

export const INVOICE_STATUSES = ['draft', 'open', 'paid', 'uncollectible', 'void'] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];

/** What was sold for when. `to` equal to `from`: at that moment. */
export interface InvoiceLine {
  /** Plan or product; '' where the file does not say. */
  readonly plan: string;
  /** Without tax, after discounts and credit notes. */
  readonly amountMicro: bigint;
  readonly from: number;
  readonly to: number;
}

export interface Invoice {
  readonly id: string;
  readonly customerId: string;
  readonly tenantId: TenantId | null;
  readonly subscriptionId: string | null;
  readonly status: InvoiceStatus;
  readonly currency: string;
  /** Unix ms. */
  readonly issuedAt: number;
  readonly lines: readonly InvoiceLine[];
}

/** Something in a file that keeps it from being imported. */
export interface RevenueProblem {
  /** Line of a CSV row (the header is 1), or place of an object in JSON, from 1. */
  readonly line: number;
  readonly problem: string;
}

export interface RevenueFile {
  readonly format: 'stripe-csv' | 'stripe-json' | 'csv';
  readonly subscriptions: readonly (Subscription & { readonly line: number })[];
  readonly invoices: readonly (Invoice & { readonly line: number })[];
}

/** One tenant in one currency. Unmapped customers are not in here; they are listed by themselves. */
export interface TenantRevenue {
  readonly tenantId: TenantId;
  /** Plans of its subscriptions at the end of the window, with commas; null: none. */
  readonly plan: string | null;
  readonly currency: string;
  /** At the end of the window; null: no subscription is known, or one whose price or discount is not. */
  readonly mrrMicro: bigint | null;
  /** Recognised in the window: invoices, each over the time that it is for. */
  readonly revenueMicro: bigint;
}

/** What customers pay; the parts on margin, signals and statements build on it. */
export interface RevenueReader {
  revenue(question: {
    readonly window: { readonly from: number; readonly to: number };
  }): Promise<readonly TenantRevenue[]>;
}
