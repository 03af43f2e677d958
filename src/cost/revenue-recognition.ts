import { dividedRounded } from '../domain/decimal.ts';
import type { Invoice, InvoiceLine } from '../domain/revenue.ts';
import type { Window } from '../domain/window.ts';

/** Drafts may change, void ones never were, and what is given up on is a loss and no revenue. */
const COUNTED = new Set(['open', 'paid']);

/**
 * How much of a line belongs into a window: it is earned evenly over the time that it is for, at once where that is a
 * moment. Windows that follow each other add up to the line exactly, as each is the difference of two rounded totals.
 */
export function recognisedOf(line: InvoiceLine, window: Window): bigint {
  return earnedUntil(line, window.to) - earnedUntil(line, window.from);
}

function earnedUntil({ amountMicro, from, to }: InvoiceLine, at: number): bigint {
  if (at <= from) return 0n;
  if (at >= to) return amountMicro;
  return dividedRounded(amountMicro * BigInt(at - from), BigInt(to - from));
}

/** Of all lines of an invoice, by plan ('' where the file does not say). */
export function recognisedByPlan({ status, lines }: Invoice, window: Window): ReadonlyMap<string, bigint> {
  const plans = new Map<string, bigint>();
  if (!COUNTED.has(status)) return plans;
  for (const line of lines) {
    const amount = recognisedOf(line, window);
    if (amount !== 0n) plans.set(line.plan, (plans.get(line.plan) ?? 0n) + amount);
  }
  return plans;
}
