/** Which plan a tenant should be on, and what the step is worth. */
import type { PlanItem, PlanVersionItem } from '../../../src/api/plans-contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import type { SignalItem } from '../../../src/api/signals-contract.ts';

export interface Money {
  readonly micro: number;
  readonly currency: string;
}

export interface PlanFit {
  /** `fits`: the plan now is large enough. `none`: no plan that is priced and known is. */
  readonly kind: 'larger' | 'fits' | 'none';
  /** The plan to talk about; null unless `larger`. */
  readonly plan: string | null;
  /** More a month than now; null: a price is not known, or the two are in different currencies. */
  readonly worth: Money | null;
}

/** A plan fits while so much of each quota is left free: from 90 % on, a tenant would be near the next quota at once. */
const FILLED = 0.9;
/** Signals that a larger plan answers. */
const UPWARD: ReadonlySet<SignalItem['kind']> = new Set(['near_quota', 'growth', 'beyond_plan']);

interface Need {
  readonly key: string;
  readonly period: string;
  readonly used: number;
}

const numberOf = (value: number | string | null | undefined) => (typeof value === 'number' ? value : null);

/** What the tenant uses, by its running periods and by the evidence of its signals, with growth over four weeks. */
export function needsOf(quotas: readonly QuotaItem[], signals: readonly SignalItem[]): readonly Need[] {
  const growth = new Map(
    signals
      .filter(({ kind }) => kind === 'growth')
      .map(({ subject, evidence }) => [subject, Math.max(0, numberOf(evidence.figures['per_four_weeks']) ?? 0)]),
  );
  const evidence = signals
    .filter(({ kind }) => kind === 'near_quota')
    .map(({ evidence: { figures } }) => ({
      key: String(figures['key']),
      period: String(figures['period']),
      used: numberOf(figures['used']) ?? 0,
    }));
  const measured = quotas.flatMap(({ key, period, used }) => (used === null ? [] : [{ key, period, used }]));
  const most = new Map<string, Need>();
  for (const need of [...measured, ...evidence]) {
    const id = `${need.key} ${need.period}`;
    const used = need.used * (1 + (growth.get(need.key) ?? 0));
    if (used > (most.get(id)?.used ?? -1)) most.set(id, { ...need, used });
  }
  return [...most.values()];
}

function holds(terms: PlanVersionItem, needs: readonly Need[]): boolean {
  return needs.every(({ key, period, used }) => {
    const quota = terms.quotas.find((one) => one.key === key && one.period === period);
    return quota === undefined || used <= quota.limit * FILLED;
  });
}

/** Where nobody has said which features a plan has, nothing is beyond it. */
function includes(terms: PlanVersionItem, features: readonly string[]): boolean {
  const { features: own } = terms;
  return own === null || features.every((feature) => own.includes(feature));
}

function worthOf(now: Money | null, next: Money | null): Money | null {
  if (now === null || next === null || now.currency !== next.currency) return null;
  return { micro: next.micro - now.micro, currency: next.currency };
}

const moneyOf = (price: PlanVersionItem['price']): Money | null =>
  price === null ? null : { micro: price.amount_micro, currency: price.currency };

/**
 * The cheapest plan beyond the present one that holds what the tenant uses and includes the features it uses. Plans
 * without a price or in another currency than the present one's come last.
 * @param plan what the tenant is on now; null: on none
 * @param paid what it pays a month now, where that is known: discounts make it differ from the plan's price
 */
export function planThatFits(
  plans: readonly PlanItem[],
  plan: string | null,
  { signals, quotas, paid }: { signals: readonly SignalItem[]; quotas: readonly QuotaItem[]; paid: Money | null },
): PlanFit {
  const upward = signals.filter(({ kind }) => UPWARD.has(kind));
  if (upward.length === 0) return { kind: 'fits', plan: null, worth: null };
  const needs = needsOf(quotas, upward);
  const features = upward.filter(({ kind }) => kind === 'beyond_plan').map(({ subject }) => subject);
  const present = plans.find((one) => one.plan === plan)?.terms ?? null;
  if (present !== null && holds(present, needs) && includes(present, features)) {
    return { kind: 'fits', plan: null, worth: null };
  }
  const now = paid ?? moneyOf(present?.price ?? null);
  const price = (terms: PlanVersionItem) => {
    const money = moneyOf(terms.price);
    return money === null || (now !== null && money.currency !== now.currency) ? null : money.micro;
  };
  const floor = price(present ?? NO_PRICE) ?? -1;
  const larger = plans
    .flatMap(({ plan: name, terms }) => (terms === null || name === plan ? [] : [{ name, terms }]))
    .filter(({ terms }) => terms.quotas.length > 0 || terms.price !== null)
    .filter(({ terms }) => (price(terms) ?? Number.POSITIVE_INFINITY) > floor)
    .filter(({ terms }) => holds(terms, needs) && includes(terms, features))
    .toSorted((a, b) => (price(a.terms) ?? Infinity) - (price(b.terms) ?? Infinity) || (a.name < b.name ? -1 : 1));
  const [best] = larger;
  if (best === undefined) return { kind: 'none', plan: null, worth: null };
  return { kind: 'larger', plan: best.name, worth: worthOf(now, moneyOf(best.terms.price)) };
}

const NO_PRICE: PlanVersionItem = {
  ...{ effective_from: '', effective_to: null, quotas: [], guarantee_rps: null, ceiling_rps: null, weight: 1 },
  ...{ features: null, tenantry_features: null, price: null, set_by: '', set_at: '' },
};
