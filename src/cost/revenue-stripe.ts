import { dividedRounded, scaledDecimal } from '../domain/decimal.ts';
import type { Invoice, InvoiceLine, Subscription, SubscriptionDiscount, SubscriptionItem } from '../domain/revenue.ts';
import { SECOND_MS } from '../domain/window.ts';
import {
  boundedTime,
  currencyOf,
  cycleOf,
  idOf,
  invoiceStatusOf,
  nameOf,
  PICO_DIGITS,
  RevenueFault,
  subscriptionStatusOf,
  tenantOf,
} from './revenue-fields.ts';
import { stripeDecimals } from './revenue-minor-units.ts';

/** An object of Stripe's API: of unknown version, so each field is looked at before it is believed. */
export type StripeObject = Readonly<Record<string, unknown>>;

const MICRO_DIGITS = 6;
/** The key in `metadata` that names the tenant, on the subscription, the invoice or an expanded customer. */
const TENANT_KEY = 'tenant_id';

export function isStripeObject(value: unknown): value is StripeObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws RevenueFault */
export function subscriptionOfStripe(source: StripeObject): Subscription {
  const currency = currencyOf(text(source, 'currency') || text(firstPrice(source), 'currency'));
  const status = subscriptionStatusOf(text(source, 'status'));
  // The status of a subscription whose collection is paused stays what it was.
  const isPaused = isStripeObject(source['pause_collection']) && status === 'active';
  const startedAt = time(source, 'start_date') ?? time(source, 'created');
  if (startedAt === null) throw new RevenueFault('has neither start_date nor created');
  return {
    id: idOf(text(source, 'id'), 'the id'),
    customerId: customerOf(source),
    tenantId: tenantIn(source),
    status: isPaused ? 'paused' : status,
    currency,
    items: itemsOf(source, currency),
    discounts: discountsOf(source, currency),
    startedAt,
    trialEndsAt: time(source, 'trial_end'),
    endedAt: time(source, 'ended_at') ?? (status === 'canceled' ? time(source, 'canceled_at') : null),
  };
}

function itemsOf(source: StripeObject, currency: string): SubscriptionItem[] {
  const items = listIn(source, 'items');
  if (items.length === 0) throw new RevenueFault('has no items');
  return items.map((item) => {
    const price = objectIn(item, 'price') ?? objectIn(item, 'plan') ?? {};
    // Prices keep the cycle in `recurring`, the plans of old in themselves.
    const recurring = objectIn(price, 'recurring') ?? price;
    return {
      plan: planName(price),
      unitPico: text(recurring, 'usage_type') === 'metered' ? 0n : unitPico(price, currency),
      quantity: numberIn(item, 'quantity') ?? 1,
      cycle: cycleOf(text(recurring, 'interval'), String(numberIn(recurring, 'interval_count') ?? 1)),
    };
  });
}

/** Null: what one costs depends on how many there are. */
function unitPico(price: StripeObject, currency: string): bigint | null {
  const whole = price['unit_amount'] ?? price['amount'];
  const minor = text(price, 'unit_amount_decimal') || (typeof whole === 'number' ? String(whole) : '');
  if (minor === '') return null;
  const pico = scaledDecimal(minor, PICO_DIGITS - stripeDecimals(currency));
  if (pico === undefined || pico < 0n) throw new RevenueFault('has a price that is no amount');
  return pico;
}

function discountsOf(source: StripeObject, currency: string): SubscriptionDiscount[] {
  const given =
    Array.isArray(source['discounts']) && source['discounts'].length > 0 ? source['discounts'] : [source['discount']];
  return given.flatMap((discount: unknown): SubscriptionDiscount[] => {
    if (discount === undefined || discount === null) return [];
    // Ids stand there unless the list was asked for with expand[]=data.discounts.
    if (!isStripeObject(discount)) return [{ kind: 'unknown', name: nameOf(String(discount)), endsAt: null }];
    return discountOf(discount, currency);
  });
}

function discountOf(discount: StripeObject, currency: string): SubscriptionDiscount[] {
  const coupon = objectIn(discount, 'coupon') ?? objectIn(objectIn(discount, 'source') ?? {}, 'coupon');
  if (coupon === undefined) return [{ kind: 'unknown', name: nameOf(text(discount, 'id')), endsAt: null }];
  // Off one invoice is off nothing that recurs.
  if (text(coupon, 'duration') === 'once') return [];
  const endsAt = time(discount, 'end');
  const percent = coupon['percent_off'];
  if (typeof percent === 'number') {
    const ppm = scaledDecimal(String(percent), 4);
    if (ppm === undefined || ppm < 0n || ppm > 1_000_000n)
      throw new RevenueFault('has a discount that is no percentage');
    return [{ kind: 'percent', ppm: Number(ppm), endsAt }];
  }
  if (text(coupon, 'currency').toUpperCase() !== currency)
    return [{ kind: 'unknown', name: nameOf(text(coupon, 'id')), endsAt }];
  return [{ kind: 'amount', amountMicro: micro(coupon, 'amount_off', currency), endsAt }];
}

/** @throws RevenueFault */
export function invoiceOfStripe(source: StripeObject): Invoice {
  const currency = currencyOf(text(source, 'currency'));
  const transitions = objectIn(source, 'status_transitions') ?? {};
  const issuedAt = time(transitions, 'finalized_at') ?? time(source, 'created');
  if (issuedAt === null) throw new RevenueFault('has no created');
  const details = objectIn(objectIn(source, 'parent') ?? {}, 'subscription_details') ?? {};
  const subscription = idIn(source, 'subscription') || idIn(details, 'subscription');
  return {
    id: idOf(text(source, 'id'), 'the id'),
    customerId: customerOf(source),
    tenantId: tenantIn(source),
    subscriptionId: subscription === '' ? null : subscription,
    status: invoiceStatusOf(text(source, 'status')),
    currency,
    issuedAt,
    lines: invoiceLines(source, currency, issuedAt),
  };
}

/** Lines without tax; where they do not add up to the invoice (credit notes, discounts of the whole), a line for the rest. */
function invoiceLines(source: StripeObject, currency: string, issuedAt: number): InvoiceLine[] {
  const listed = source['lines'];
  if (isStripeObject(listed) && listed['has_more'] === true) {
    throw new RevenueFault(
      'does not list all of its lines: export invoices with up to 100 lines each, or with all of them',
    );
  }
  const lines = listIn(source, 'lines').map((line): InvoiceLine => {
    const period = objectIn(line, 'period') ?? {};
    const from = time(period, 'start') ?? issuedAt;
    return {
      plan: linePlan(line),
      amountMicro: lineNet(line, currency),
      from,
      to: Math.max(from, time(period, 'end') ?? from),
    };
  });
  const rest = invoiceNet(source, currency) - lines.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
  if (rest === 0n && lines.length > 0) return lines;
  const from = lines.length === 0 ? issuedAt : Math.min(...lines.map((line) => line.from));
  const to = lines.length === 0 ? issuedAt : Math.max(...lines.map((line) => line.to));
  return [...lines, { plan: '', amountMicro: rest, from, to }];
}

function invoiceNet(source: StripeObject, currency: string): bigint {
  const total = micro(source, 'total', currency);
  const given = source['total_excluding_tax'];
  const net =
    typeof given === 'number' ? micro(source, 'total_excluding_tax', currency) : total - taxOf(source, currency);
  const credited = ['pre_payment_credit_notes_amount', 'post_payment_credit_notes_amount'].reduce(
    (sum, name) => sum + (typeof source[name] === 'number' ? micro(source, name, currency) : 0n),
    0n,
  );
  // Credit notes are given with tax; the part of them that was tax was never revenue.
  return total === 0n ? net : net - dividedRounded(credited * net, total);
}

function taxOf(source: StripeObject, currency: string): bigint {
  if (typeof source['tax'] === 'number') return micro(source, 'tax', currency);
  return objectsIn(source['total_taxes'] ?? source['total_tax_amounts']).reduce(
    (sum, tax) => sum + micro(tax, 'amount', currency),
    0n,
  );
}

function lineNet(line: StripeObject, currency: string): bigint {
  const taxes = objectsIn(line['taxes'] ?? line['tax_amounts']);
  const isInclusive = (tax: StripeObject) => tax['inclusive'] === true || tax['tax_behavior'] === 'inclusive';
  const less = [...objectsIn(line['discount_amounts']), ...taxes.filter(isInclusive)];
  return less.reduce((net, part) => net - micro(part, 'amount', currency), micro(line, 'amount', currency));
}

function linePlan(line: StripeObject): string {
  const price = objectIn(line, 'price') ?? objectIn(line, 'plan');
  if (price !== undefined) return planName(price);
  const details = objectIn(objectIn(line, 'pricing') ?? {}, 'price_details') ?? {};
  return nameOf(idIn(details, 'product') || idIn(details, 'price'));
}

function planName(price: StripeObject): string {
  const product = objectIn(price, 'product');
  return nameOf(
    text(price, 'nickname') ||
      (product === undefined ? '' : text(product, 'name')) ||
      text(price, 'lookup_key') ||
      text(price, 'id'),
  );
}

function customerOf(source: StripeObject): string {
  return idOf(idIn(source, 'customer'), 'the customer');
}

function tenantIn(source: StripeObject) {
  const places = [
    source,
    objectIn(source, 'customer'),
    objectIn(source, 'subscription_details'),
    objectIn(objectIn(source, 'parent') ?? {}, 'subscription_details'),
  ];
  const named = places
    .map((place) => text(objectIn(place ?? {}, 'metadata') ?? {}, TENANT_KEY))
    .find((name) => name !== '');
  return tenantOf(named ?? '');
}

function firstPrice(source: StripeObject): StripeObject {
  const [item] = listIn(source, 'items');
  return (item === undefined ? undefined : (objectIn(item, 'price') ?? objectIn(item, 'plan'))) ?? {};
}

function micro(source: StripeObject, name: string, currency: string): bigint {
  const value = source[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new RevenueFault(`${name} is no whole number of minor units`);
  return BigInt(value) * 10n ** BigInt(MICRO_DIGITS - stripeDecimals(currency));
}

function time(source: StripeObject, name: string): number | null {
  const seconds = source[name];
  if (seconds === undefined || seconds === null) return null;
  if (typeof seconds !== 'number') throw new RevenueFault(`${name} is no Unix time`);
  return boundedTime(Math.round(seconds * SECOND_MS), name);
}

function text(source: StripeObject, name: string): string {
  const value = source[name];
  return typeof value === 'string' ? value : '';
}

function numberIn(source: StripeObject, name: string): number | undefined {
  const value = source[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new RevenueFault(`${name} is no whole number`);
  return value;
}

/** An id, or that of the expanded object. */
function idIn(source: StripeObject, name: string): string {
  const value = source[name];
  return isStripeObject(value) ? text(value, 'id') : typeof value === 'string' ? value : '';
}

function objectIn(source: StripeObject, name: string): StripeObject | undefined {
  const value = source[name];
  return isStripeObject(value) ? value : undefined;
}

function objectsIn(value: unknown): StripeObject[] {
  return Array.isArray(value) ? value.filter(isStripeObject) : [];
}

/** Members of a list object, or of an array. */
function listIn(source: StripeObject, name: string): StripeObject[] {
  const value = source[name];
  return objectsIn(isStripeObject(value) ? value['data'] : value);
}
