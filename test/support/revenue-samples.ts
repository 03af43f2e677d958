/** Objects as Stripe's API answers them, with the fields that matter and some that do not. */

export const SUBSCRIPTION_HEADER =
  'id,Customer ID,Customer Description,Customer Email,Plan,Product,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start Date (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start (UTC),Trial End (UTC),Application Fee Percent,Coupon,Tax Percent,Canceled At (UTC),Ended At (UTC),tenant_id (metadata)';

export function subscriptionLine(changes: Readonly<Record<string, string>> = {}): string {
  const row: Readonly<Record<string, string>> = {
    id: 'sub_1',
    'Customer ID': 'cus_1',
    Plan: 'growth',
    Product: 'prod_1',
    Quantity: '1',
    Currency: 'usd',
    Interval: 'month',
    Amount: '29.00',
    Status: 'active',
    'Created (UTC)': '2026-01-05 10:00',
    'Start Date (UTC)': '2026-01-05 10:00',
    ...changes,
  };
  return SUBSCRIPTION_HEADER.split(',')
    .map((name) => {
      const cell = row[name] ?? '';
      return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
    })
    .join(',');
}

export const INVOICE_HEADER =
  'id,Amount Due,Amount Paid,Billing,Currency,Customer,Date (UTC),Due Date (UTC),Finalized At (UTC),Number,Paid,Period Start (UTC),Period End (UTC),Subscription,Subtotal,Total Discount Amount,Applied Coupons,Tax,Total,Status,Minimum Line Item Period Start (UTC),Maximum Line Item Period End (UTC)';

export function invoiceLine(changes: Readonly<Record<string, string>> = {}): string {
  const row: Readonly<Record<string, string>> = {
    id: 'in_1',
    Currency: 'usd',
    Customer: 'cus_1',
    'Date (UTC)': '2026-02-01 00:00',
    Number: 'A-1',
    Tax: '4.75',
    Total: '29.75',
    Status: 'paid',
    'Minimum Line Item Period Start (UTC)': '2026-02-01 00:00',
    'Maximum Line Item Period End (UTC)': '2026-03-01 00:00',
    ...changes,
  };
  return INVOICE_HEADER.split(',')
    .map((name) => row[name] ?? '')
    .join(',');
}

const seconds = (text: string) => Date.parse(text) / 1_000;

export function stripeSubscription(changes: Readonly<Record<string, unknown>> = {}) {
  return {
    id: 'sub_1',
    object: 'subscription',
    customer: 'cus_1',
    status: 'active',
    currency: 'usd',
    created: seconds('2026-01-05T10:00:00Z'),
    start_date: seconds('2026-01-05T10:00:00Z'),
    trial_end: null,
    ended_at: null,
    canceled_at: null,
    cancel_at_period_end: false,
    pause_collection: null,
    discount: null,
    discounts: [],
    metadata: { tenant_id: 'acme' },
    items: { object: 'list', data: [stripeItem()], has_more: false },
    livemode: true,
    ...changes,
  };
}

export function stripeItem(
  changes: Readonly<Record<string, unknown>> = {},
  price: Readonly<Record<string, unknown>> = {},
) {
  return {
    id: 'si_1',
    object: 'subscription_item',
    quantity: 1,
    price: {
      id: 'price_1',
      object: 'price',
      nickname: 'growth',
      currency: 'usd',
      billing_scheme: 'per_unit',
      unit_amount: 2_900,
      unit_amount_decimal: '2900',
      recurring: { interval: 'month', interval_count: 1, usage_type: 'licensed' },
      ...price,
    },
    ...changes,
  };
}

export function stripeInvoice(changes: Readonly<Record<string, unknown>> = {}) {
  return {
    id: 'in_1',
    object: 'invoice',
    customer: 'cus_1',
    subscription: 'sub_1',
    status: 'paid',
    currency: 'usd',
    created: seconds('2026-02-01T00:00:00Z'),
    total: 2_975,
    tax: 475,
    metadata: {},
    lines: { object: 'list', has_more: false, data: [stripeLine()] },
    ...changes,
  };
}

export function stripeLine(changes: Readonly<Record<string, unknown>> = {}) {
  return {
    id: 'il_1',
    object: 'line_item',
    amount: 2_500,
    period: { start: seconds('2026-02-01T00:00:00Z'), end: seconds('2026-03-01T00:00:00Z') },
    price: { id: 'price_1', nickname: 'growth' },
    discount_amounts: [],
    tax_amounts: [],
    ...changes,
  };
}
