import { TenantryError } from '../domain/errors.ts';
import type {
  Invoice,
  RevenueProblem,
  Subscription,
  SubscriptionDiscount,
  SubscriptionItem,
} from '../domain/revenue.ts';
import { openCsv } from './bill-csv.ts';
import {
  currencyOf,
  cycleOf,
  idOf,
  invoiceStatusOf,
  microOf,
  nameOf,
  optionalTime,
  picoOf,
  ppmOf,
  quantityOf,
  RevenueFault,
  subscriptionStatusOf,
  tenantOf,
  timeOf,
} from './revenue-fields.ts';

/** Discounts by the name of their coupon, as the operator gives them: exports of Stripe's dashboard name coupons only. */
export type Coupons = ReadonlyMap<string, SubscriptionDiscount>;

export interface CsvContent {
  readonly format: 'stripe-csv' | 'csv';
  readonly subscriptions: readonly (Subscription & { readonly line: number })[];
  readonly invoices: readonly (Invoice & { readonly line: number })[];
  readonly problems: readonly RevenueProblem[];
}

/** Our name of a column -> what it is called in exports of Stripe's dashboard. The first that a file has is read. */
const SUBSCRIPTION_COLUMNS = {
  id: ['subscription_id', 'id'],
  customer: ['customer_id', 'customer id', 'customer'],
  tenant: ['tenant_id', 'tenant_id (metadata)', 'customer tenant_id (metadata)'],
  plan: ['plan', 'product', 'price'],
  status: ['status'],
  currency: ['currency'],
  amount: ['amount'],
  quantity: ['quantity'],
  interval: ['interval'],
  intervalCount: ['interval_count', 'interval count'],
  started: ['started_at', 'start date (utc)', 'start (utc)', 'created (utc)'],
  trialEnd: ['trial_ends_at', 'trial end (utc)'],
  canceled: ['canceled_at', 'canceled at (utc)'],
  ended: ['ended_at', 'ended at (utc)'],
  coupon: ['coupon', 'applied coupons'],
  discountPercent: ['discount_percent'],
  discountAmount: ['discount_amount'],
  discountEnd: ['discount_ends_at'],
} as const;

const INVOICE_COLUMNS = {
  id: ['invoice_id', 'id'],
  customer: ['customer_id', 'customer', 'customer id'],
  tenant: ['tenant_id', 'tenant_id (metadata)', 'customer tenant_id (metadata)'],
  subscription: ['subscription_id', 'subscription'],
  plan: ['plan'],
  status: ['status'],
  currency: ['currency'],
  /** Without tax. */
  net: ['amount'],
  total: ['total'],
  tax: ['tax'],
  issued: ['issued_at', 'finalized at (utc)', 'date (utc)', 'created (utc)'],
  from: ['period_from', 'minimum line item period start (utc)', 'period start (utc)'],
  to: ['period_to', 'maximum line item period end (utc)', 'period end (utc)'],
} as const;

type Field<Columns> = (name: keyof Columns) => string;
/** The cell of the first column that is there; '' where none is. */
type Reader<Columns> = (cells: readonly string[]) => Field<Columns>;

function readerOf<Columns extends Record<string, readonly string[]>>(
  header: readonly string[],
  columns: Columns,
): Reader<Columns> {
  const names = header.map((name) => name.toLowerCase());
  const places = new Map(
    Object.entries(columns).map(([name, aliases]) => [
      name,
      aliases.map((alias) => names.indexOf(alias)).filter((place) => place >= 0),
    ]),
  );
  // Of several columns the first with something in it: a finalized date is empty while an invoice is a draft.
  return (cells) => (name) =>
    (places.get(String(name)) ?? []).map((place) => cells[place]?.trim() ?? '').find((cell) => cell !== '') ?? '';
}

/**
 * Subscriptions or invoices as Stripe's dashboard exports them, or with our own columns (README): what the header says.
 * @throws TenantryError BAD_REQUEST when it is neither
 */
export async function readRevenueCsv(text: string, coupons: Coupons): Promise<CsvContent> {
  const table = await openCsv(
    (async function* () {
      yield text;
    })(),
  );
  const names = new Set(table.header.map((name) => name.toLowerCase()));
  const isSubscriptions = (names.has('interval') && names.has('amount')) || names.has('started_at');
  const isInvoices = !isSubscriptions && (names.has('amount due') || names.has('invoice_id') || names.has('total'));
  if (!isSubscriptions && !isInvoices) {
    throw new TenantryError('BAD_REQUEST', 'The header is neither that of subscriptions nor that of invoices.', {
      hint: "Export subscriptions or invoices in Stripe's dashboard with all columns, or use the columns that the README lists.",
    });
  }
  const problems: RevenueProblem[] = [];
  const rows: { readonly line: number; readonly cells: readonly string[] }[] = [];
  const seen = new Map<string, number>();
  for await (const part of table.rows) {
    for (const row of part) {
      const same = 'cells' in row ? seen.get(JSON.stringify(row.cells)) : undefined;
      if (!('cells' in row)) problems.push({ line: row.line, problem: row.problem });
      else if (same !== undefined) problems.push({ line: row.line, problem: `is the same as line ${same}` });
      else {
        seen.set(JSON.stringify(row.cells), row.line);
        rows.push(row);
      }
    }
  }
  const format = names.has('subscription_id') || names.has('invoice_id') ? 'csv' : 'stripe-csv';
  const read = <Record>(make: (cells: readonly string[]) => Record) =>
    rows.flatMap(({ line, cells }) => {
      try {
        return [{ ...make(cells), line }];
      } catch (thrown) {
        if (!(thrown instanceof RevenueFault)) throw thrown;
        problems.push({ line, problem: thrown.message });
        return [];
      }
    });
  if (isInvoices) {
    const field = readerOf(table.header, INVOICE_COLUMNS);
    return { format, subscriptions: [], invoices: read((cells) => invoiceOf(field(cells))), problems };
  }
  const field = readerOf(table.header, SUBSCRIPTION_COLUMNS);
  const subscriptions = withItemsTogether(read((cells) => subscriptionOf(field(cells), coupons)));
  return { format, subscriptions, invoices: [], problems };
}

function subscriptionOf(field: Field<typeof SUBSCRIPTION_COLUMNS>, coupons: Coupons): Subscription {
  const status = subscriptionStatusOf(field('status'));
  const endedAt =
    optionalTime(field('ended'), 'the end') ??
    (status === 'canceled' ? optionalTime(field('canceled'), 'the end') : null);
  return {
    id: idOf(field('id'), 'the id'),
    customerId: idOf(field('customer'), 'the customer'),
    tenantId: tenantOf(field('tenant')),
    status,
    currency: currencyOf(field('currency')),
    items: [itemOf(field)],
    discounts: discountsOf(field, coupons),
    startedAt: timeOf(field('started'), 'the start'),
    trialEndsAt: optionalTime(field('trialEnd'), 'the end of the trial'),
    endedAt,
  };
}

function itemOf(field: Field<typeof SUBSCRIPTION_COLUMNS>): SubscriptionItem {
  return {
    plan: nameOf(field('plan')),
    // Stripe leaves the amount of tiered and metered prices empty.
    unitPico: field('amount') === '' ? null : picoOf(field('amount'), 'the amount'),
    quantity: quantityOf(field('quantity')),
    cycle: cycleOf(field('interval'), field('intervalCount')),
  };
}

function discountsOf(field: Field<typeof SUBSCRIPTION_COLUMNS>, coupons: Coupons): SubscriptionDiscount[] {
  const endsAt = optionalTime(field('discountEnd'), 'the end of the discount');
  const found: SubscriptionDiscount[] = [];
  if (field('discountPercent') !== '') found.push({ kind: 'percent', ppm: ppmOf(field('discountPercent')), endsAt });
  if (field('discountAmount') !== '') {
    found.push({ kind: 'amount', amountMicro: microOf(field('discountAmount'), 'the discount'), endsAt });
  }
  const name = nameOf(field('coupon'));
  if (name !== '' && found.length === 0) found.push(coupons.get(name) ?? { kind: 'unknown', name, endsAt: null });
  return found;
}

/** An export has a row for each item of a subscription. */
function withItemsTogether<Row extends Subscription & { readonly line: number }>(rows: readonly Row[]): Row[] {
  const together = new Map<string, Row>();
  for (const row of rows) {
    const known = together.get(row.id);
    together.set(row.id, known === undefined ? row : { ...known, items: [...known.items, ...row.items] });
  }
  return [...together.values()];
}

function invoiceOf(field: Field<typeof INVOICE_COLUMNS>): Invoice {
  const issuedAt = timeOf(field('issued'), 'the date');
  const from = optionalTime(field('from'), 'the start of the period') ?? issuedAt;
  const to = optionalTime(field('to'), 'the end of the period') ?? from;
  if (to < from) throw new RevenueFault('the period ends before it begins');
  return {
    id: idOf(field('id'), 'the id'),
    customerId: idOf(field('customer'), 'the customer'),
    tenantId: tenantOf(field('tenant')),
    subscriptionId: field('subscription') === '' ? null : idOf(field('subscription'), 'the subscription'),
    status: invoiceStatusOf(field('status')),
    currency: currencyOf(field('currency')),
    issuedAt,
    lines: [{ plan: nameOf(field('plan')), amountMicro: netOf(field), from, to }],
  };
}

function netOf(field: Field<typeof INVOICE_COLUMNS>): bigint {
  if (field('net') !== '') return microOf(field('net'), 'the amount');
  const tax = field('tax') === '' ? 0n : microOf(field('tax'), 'the tax');
  return microOf(field('total'), 'the total') - tax;
}
