import type { Invoice, Subscription, SubscriptionDiscount, SubscriptionVersion } from '../../domain/revenue.ts';
import type { TenantId } from '../../domain/tenant-id.ts';

/** What is kept of subscriptions and invoices beside their ids: JSON whose amounts are texts, as bigint has no JSON. */

type StoredSubscription = Omit<Subscription, 'id' | 'customerId' | 'tenantId' | 'items' | 'discounts'> & {
  readonly items: readonly (Omit<Subscription['items'][number], 'unitPico'> & { readonly unitPico: string | null })[];
  readonly discounts: readonly (SubscriptionDiscount | { readonly amountMicro: string })[];
};
type StoredInvoice = Omit<Invoice, 'id' | 'customerId' | 'tenantId' | 'lines'> & {
  readonly lines: readonly (Omit<Invoice['lines'][number], 'amountMicro'> & { readonly amountMicro: string })[];
};

export interface SubscriptionRow {
  readonly subscription_id: string;
  readonly customer_id: string;
  readonly tenant_id: TenantId | null;
  /** Unix ms. */
  readonly effective_from: number;
  readonly terms: StoredSubscription;
}

export interface InvoiceRow {
  readonly invoice_id: string;
  readonly customer_id: string;
  readonly tenant_id: TenantId | null;
  readonly terms: StoredInvoice;
}

/** The same text for the same terms: the keys stand in one order. */
export function subscriptionTerms(subscription: Subscription): string {
  const { status, currency, items, discounts, startedAt, trialEndsAt, endedAt } = subscription;
  return JSON.stringify({
    status,
    currency,
    items: items.map(({ plan, unitPico, quantity, cycle }) => ({
      plan,
      unitPico: unitPico === null ? null : String(unitPico),
      quantity,
      cycle: { interval: cycle.interval, count: cycle.count },
    })),
    discounts: discounts.map((discount) =>
      discount.kind === 'amount'
        ? { kind: 'amount', amountMicro: String(discount.amountMicro), endsAt: discount.endsAt }
        : discount.kind === 'percent'
          ? { kind: 'percent', ppm: discount.ppm, endsAt: discount.endsAt }
          : { kind: 'unknown', name: discount.name, endsAt: discount.endsAt },
    ),
    startedAt,
    trialEndsAt,
    endedAt,
  });
}

export function subscriptionOf(row: SubscriptionRow): SubscriptionVersion {
  const { items, discounts, ...rest } = row.terms;
  return {
    ...rest,
    id: row.subscription_id,
    customerId: row.customer_id,
    tenantId: row.tenant_id,
    effectiveFrom: row.effective_from,
    items: items.map(({ unitPico, ...item }) => ({ ...item, unitPico: unitPico === null ? null : BigInt(unitPico) })),
    discounts: discounts.map((discount) =>
      'amountMicro' in discount
        ? ({ ...discount, amountMicro: BigInt(discount.amountMicro) } as SubscriptionDiscount)
        : discount,
    ),
  };
}

export function invoiceTerms({ subscriptionId, status, currency, issuedAt, lines }: Invoice): string {
  return JSON.stringify({
    subscriptionId,
    status,
    currency,
    issuedAt,
    lines: lines.map(({ plan, amountMicro, from, to }) => ({ plan, amountMicro: String(amountMicro), from, to })),
  });
}

export function invoiceOf(row: InvoiceRow): Invoice {
  const { lines, ...rest } = row.terms;
  return {
    ...rest,
    id: row.invoice_id,
    customerId: row.customer_id,
    tenantId: row.tenant_id,
    lines: lines.map(({ amountMicro, ...line }) => ({ ...line, amountMicro: BigInt(amountMicro) })),
  };
}
