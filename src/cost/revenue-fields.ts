import { parseMicro } from '../domain/cost-amount.ts';
import { isCurrency } from '../domain/cost-currency.ts';
import { scaledDecimal } from '../domain/decimal.ts';
import {
  BILLING_INTERVALS,
  type BillingCycle,
  INVOICE_STATUSES,
  type InvoiceStatus,
  SUBSCRIPTION_STATUSES,
  type SubscriptionStatus,
} from '../domain/revenue.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';

/** What is wrong with one row or object; becomes a problem of the report. */
export class RevenueFault extends Error {}

export const PICO_DIGITS = 12;
const LONGEST_ID = 255;
const EARLIEST = Date.UTC(2000, 0);
const LATEST = Date.UTC(2100, 0);
const MOST_MICRO = 10n ** 18n;
const MOST_QUANTITY = 1_000_000_000;
const LOCAL_TIME = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/;
const CYCLE = /^(?:every\s+)?(?:(\d{1,3})\s*)?(day|week|month|year)s?$/i;
const CYCLE_NAMES: Readonly<Record<string, BillingCycle>> = {
  daily: { interval: 'day', count: 1 },
  weekly: { interval: 'week', count: 1 },
  monthly: { interval: 'month', count: 1 },
  quarterly: { interval: 'month', count: 3 },
  yearly: { interval: 'year', count: 1 },
  annual: { interval: 'year', count: 1 },
  annually: { interval: 'year', count: 1 },
};

export function idOf(text: string, name: string): string {
  if (text === '' || text.length > LONGEST_ID || /[\p{Cc}\p{Cs}]/u.test(text)) {
    throw new RevenueFault(`${name} must be text of 1 to ${LONGEST_ID} characters`);
  }
  return text;
}

/** Names of plans and products; cut to what can be kept. */
export function nameOf(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ')
    .trim()
    .slice(0, LONGEST_ID);
}

/** '' is null: the mapping of customers is asked. */
export function tenantOf(text: string): TenantId | null {
  if (text === '') return null;
  const tenantId = parseTenantId(text);
  if (tenantId === undefined) throw new RevenueFault('tenant_id is no tenant id');
  return tenantId;
}

export function currencyOf(text: string): string {
  const code = text.toUpperCase();
  if (!isCurrency(code)) throw new RevenueFault('the currency is no code of ISO 4217');
  return code;
}

export function subscriptionStatusOf(text: string): SubscriptionStatus {
  const status = SUBSCRIPTION_STATUSES.find((known) => known === text.toLowerCase().replaceAll(' ', '_'));
  if (status === undefined) throw new RevenueFault(`the status must be one of ${SUBSCRIPTION_STATUSES.join(', ')}`);
  return status;
}

export function invoiceStatusOf(text: string): InvoiceStatus {
  const status = INVOICE_STATUSES.find((known) => known === text.toLowerCase());
  if (status === undefined) throw new RevenueFault(`the status must be one of ${INVOICE_STATUSES.join(', ')}`);
  return status;
}

/** `month`, `3 months`, `every 2 weeks`, `quarterly`; with the count apart as Stripe's API has it. */
export function cycleOf(text: string, count = ''): BillingCycle {
  const named = CYCLE_NAMES[text.toLowerCase()];
  if (named !== undefined && count === '') return named;
  const [, within, word] = CYCLE.exec(text) ?? [];
  const interval = BILLING_INTERVALS.find((known) => known === word?.toLowerCase());
  const times = Number(count === '' ? (within ?? 1) : count);
  if (interval === undefined || !Number.isInteger(times) || times < 1 || times > 1_000) {
    throw new RevenueFault('the interval must be a day, week, month or year, or so many of them');
  }
  return { interval, count: times };
}

export function quantityOf(text: string): number {
  const quantity = text === '' ? 1 : Number(text);
  if (!/^\d*$/.test(text) || quantity > MOST_QUANTITY) throw new RevenueFault('the quantity must be a whole number');
  return quantity;
}

/** An amount in whole units of the currency, such as 29.00, in micro-units. A decimal comma before two digits is one. */
export function microOf(text: string, name: string): bigint {
  const micro = parseMicro(decimalPoint(text));
  if (micro === undefined || micro >= MOST_MICRO || micro <= -MOST_MICRO) {
    throw new RevenueFault(`${name} must be an amount such as 29.00, without thousands separators`);
  }
  return micro;
}

/** The same in 10^-12 of the currency. */
export function picoOf(text: string, name: string): bigint {
  const pico = scaledDecimal(decimalPoint(text), PICO_DIGITS);
  if (pico === undefined || pico >= MOST_MICRO * 1_000_000n || pico < 0n) {
    throw new RevenueFault(`${name} must be an amount of at least 0 such as 29.00, without thousands separators`);
  }
  return pico;
}

/** Stripe exports as the dashboard's language writes numbers: `29,00` is no 2900. */
function decimalPoint(text: string): string {
  return /^-?\d+,\d{2}$/.test(text) ? text.replace(',', '.') : text;
}

/** A date, or a date and time, in UTC where it names no zone. */
export function timeOf(text: string, name: string): number {
  const [match, date = '', clock = '00:00', zone = 'Z'] = LOCAL_TIME.exec(text.trim()) ?? [];
  const time =
    match === undefined ? Number.NaN : Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}${zone}`);
  const isReal = !Number.isNaN(time) && new Date(Date.parse(`${date}T00:00:00Z`)).toISOString().startsWith(date);
  if (!isReal) throw new RevenueFault(`${name} must be a time such as 2026-01-31 12:00`);
  return boundedTime(time, name);
}

export function optionalTime(text: string, name: string): number | null {
  return text === '' ? null : timeOf(text, name);
}

export function boundedTime(time: number, name: string): number {
  if (!(time >= EARLIEST && time < LATEST)) throw new RevenueFault(`${name} must be in the years 2000 to 2099`);
  return time;
}

/** Percent as a number such as 25 or 12.5, in millionths of the whole. */
export function ppmOf(text: string): number {
  const scaled = scaledDecimal(text, 4);
  if (scaled === undefined || scaled < 0n || scaled > 1_000_000n)
    throw new RevenueFault('a percentage must be from 0 to 100');
  return Number(scaled);
}
