import { TenantryError } from '../domain/errors.ts';
import type { Invoice, RevenueFile, RevenueProblem, Subscription } from '../domain/revenue.ts';
import { RevenueFault } from './revenue-fields.ts';
import { invoiceOfStripe, isStripeObject, type StripeObject, subscriptionOfStripe } from './revenue-stripe.ts';
import { type Coupons, readRevenueCsv } from './revenue-table.ts';

export type RevenueReading = RevenueFile & {
  /** Nothing is imported while there is one. In order of lines. */
  readonly problems: readonly RevenueProblem[];
};

/**
 * Subscriptions and invoices out of a file: Stripe's CSV exports, pages of Stripe's API (one, several in a list, or one a
 * line), or our own CSV.
 * @throws TenantryError BAD_REQUEST when it is none of them
 */
export async function readRevenueFile(text: string, coupons: Coupons): Promise<RevenueReading> {
  const plain = text.replace(/^\uFEFF/, '');
  const reading = /^\s*[[{]/.test(plain) ? readStripeJson(plain) : await readRevenueCsv(plain, coupons);
  const twice = [...repeated(reading.subscriptions), ...repeated(reading.invoices)];
  return { ...reading, problems: [...reading.problems, ...twice].toSorted((a, b) => a.line - b.line) };
}

function readStripeJson(text: string): RevenueReading {
  const subscriptions: (Subscription & { line: number })[] = [];
  const invoices: (Invoice & { line: number })[] = [];
  const problems: RevenueProblem[] = [];
  for (const [index, object] of objectsOf(jsonOf(text)).entries()) {
    const line = index + 1;
    try {
      if (object['object'] === 'subscription') subscriptions.push({ ...subscriptionOfStripe(object), line });
      else if (object['object'] === 'invoice') invoices.push({ ...invoiceOfStripe(object), line });
      else problems.push({ line, problem: 'is neither a subscription nor an invoice of Stripe' });
    } catch (thrown) {
      if (!(thrown instanceof RevenueFault)) throw thrown;
      problems.push({ line, problem: thrown.message });
    }
  }
  return { format: 'stripe-json', subscriptions, invoices, problems };
}

/** One JSON value, or one a line. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      return lines.map((line): unknown => JSON.parse(line));
    } catch {
      throw new TenantryError('BAD_REQUEST', 'The file begins like JSON and is none.', {
        hint: 'Save pages of GET /v1/subscriptions or /v1/invoices as they come, one a line or in one list.',
        cause,
      });
    }
  }
}

/** What is in pages, lists of pages, and lists. */
function objectsOf(value: unknown): StripeObject[] {
  if (Array.isArray(value)) return value.flatMap(objectsOf);
  if (!isStripeObject(value)) return [{}];
  return value['object'] === 'list' || (value['object'] === undefined && Array.isArray(value['data']))
    ? objectsOf(value['data'])
    : [value];
}

function repeated(rows: readonly { readonly id: string; readonly line: number }[]): RevenueProblem[] {
  const first = new Map<string, number>();
  return rows.flatMap(({ id, line }) => {
    const before = first.get(id);
    if (before === undefined) first.set(id, line);
    return before === undefined ? [] : [{ line, problem: `has the id of line ${before}` }];
  });
}
