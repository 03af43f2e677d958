import { dividedRounded } from '../domain/decimal.ts';
import type { BillingCycle, Subscription, SubscriptionItem, SubscriptionVersion } from '../domain/revenue.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';

/**
 * Monthly recurring revenue. A year is 12 months and 365 days, so a month is 365/12 days and 365/84 weeks. A subscription
 * is rounded once, half away from zero, to the micro-unit; what tenants and currencies come to are sums of those.
 */
const MONTHS_PER_CYCLE = {
  day: [12n, 365n],
  week: [84n, 365n],
  month: [1n, 1n],
  year: [12n, 1n],
} as const;
const PICO_PER_MICRO = 1_000_000n;
const WHOLE_PPM = 1_000_000n;
/** As Stripe counts: who is behind with a payment is still a customer, who never paid or is on trial is none yet. */
const PAYING = new Set(['active', 'past_due']);

/** An exact fraction of a micro-unit. */
interface Fraction {
  readonly above: bigint;
  readonly below: bigint;
}

/** What a subscription is worth a month at `at` (Unix ms). Null: a price or discount is not known. */
export function mrrAt(subscription: Subscription, at: number): bigint | null {
  if (!isPaying(subscription, at)) return 0n;
  let sum: Fraction = { above: 0n, below: 1n };
  for (const item of subscription.items) {
    const monthly = monthlyOf(item);
    if (monthly === null) return null;
    sum = plus(sum, monthly);
  }
  for (const discount of subscription.discounts) {
    if (discount.endsAt !== null && discount.endsAt <= at) continue;
    if (discount.kind === 'unknown') return null;
    if (discount.kind === 'percent') {
      sum = { above: sum.above * (WHOLE_PPM - BigInt(discount.ppm)), below: sum.below * WHOLE_PPM };
    } else {
      const [first] = subscription.items;
      if (first !== undefined) sum = plus(sum, monthlyAmount(-discount.amountMicro * PICO_PER_MICRO, first.cycle));
    }
  }
  // A discount of more than the price is worth no more than the price.
  return sum.above <= 0n ? 0n : dividedRounded(sum.above, sum.below);
}

function isPaying({ status, startedAt, trialEndsAt, endedAt }: Subscription, at: number): boolean {
  if (at < startedAt || (endedAt !== null && at >= endedAt)) return false;
  if (trialEndsAt !== null && at < trialEndsAt) return false;
  // Canceled or on trial is what it is now; before its end, or after its trial, it was or is to be paid.
  const isPast = status === 'canceled' && endedAt !== null;
  const isOverTrial = status === 'trialing' && trialEndsAt !== null;
  return PAYING.has(status) || isPast || isOverTrial;
}

function monthlyOf({ unitPico, quantity, cycle }: SubscriptionItem): Fraction | null {
  return unitPico === null ? null : monthlyAmount(unitPico * BigInt(quantity), cycle);
}

function monthlyAmount(pico: bigint, { interval, count }: BillingCycle): Fraction {
  const [months, cycles] = MONTHS_PER_CYCLE[interval];
  return { above: pico * cycles, below: months * BigInt(count) * PICO_PER_MICRO };
}

function plus(left: Fraction, right: Fraction): Fraction {
  return { above: left.above * right.below + right.above * left.below, below: left.below * right.below };
}

/** Versions of each subscription in order of time. */
export type SubscriptionHistory = ReadonlyMap<string, readonly SubscriptionVersion[]>;

export function historyOf(versions: readonly SubscriptionVersion[]): SubscriptionHistory {
  const history = new Map<string, SubscriptionVersion[]>();
  for (const version of versions.toSorted((a, b) => a.effectiveFrom - b.effectiveFrom)) {
    history.set(version.id, [...(history.get(version.id) ?? []), version]);
  }
  return history;
}

/** The version that holds at `at`; the first one also for the time before it, as nothing else is known of that. */
function versionAt(versions: readonly SubscriptionVersion[], at: number): SubscriptionVersion | undefined {
  return versions.findLast(({ effectiveFrom }) => effectiveFrom <= at) ?? versions[0];
}

export interface TenantMrr {
  readonly tenantId: TenantId;
  readonly currency: string;
  /** Null: at least one subscription is worth nobody knows what. */
  readonly mrrMicro: bigint | null;
  /** Of subscriptions that are paid for at that moment, in order. */
  readonly plans: readonly string[];
}

/** Every tenant that has or had a subscription, by tenant and currency. `at`: Unix ms. */
export function mrrByTenant(history: SubscriptionHistory, at: number): readonly TenantMrr[] {
  const tenants = new Map<
    string,
    { tenantId: TenantId; currency: string; mrrMicro: bigint | null; plans: Set<string> }
  >();
  for (const versions of history.values()) {
    const version = versionAt(versions, at);
    if (version?.tenantId == null) continue;
    const { tenantId, currency } = version;
    const key = `${tenantId} ${currency}`;
    const entry = tenants.get(key) ?? { tenantId, currency, mrrMicro: 0n, plans: new Set<string>() };
    tenants.set(key, entry);
    const mrr = mrrAt(version, at);
    entry.mrrMicro = entry.mrrMicro === null || mrr === null ? null : entry.mrrMicro + mrr;
    if (mrr !== 0n) for (const { plan } of version.items) entry.plans.add(plan);
  }
  return [...tenants.values()]
    .map(({ plans, ...entry }) => ({ ...entry, plans: [...plans].toSorted(compareText) }))
    .toSorted((a, b) => compareText(a.tenantId, b.tenantId) || compareText(a.currency, b.currency));
}

/** before + new + reactivation + expansion - contraction - churn = after; amounts in micro-units, none negative. */
export interface MrrMovement {
  readonly currency: string;
  readonly before: bigint;
  readonly new: bigint;
  readonly reactivation: bigint;
  readonly expansion: bigint;
  readonly contraction: bigint;
  readonly churn: bigint;
  readonly after: bigint;
  /** Tenants whose worth is not known at one of the two moments: they are in none of the figures. */
  readonly unknownTenants: number;
}

/** What became of the recurring revenue between two moments (Unix ms), by currency. */
export function mrrMovements(
  history: SubscriptionHistory,
  window: { readonly from: number; readonly to: number },
): readonly MrrMovement[] {
  const keyOf = ({ tenantId, currency }: TenantMrr) => `${tenantId} ${currency}`;
  const before = new Map(mrrByTenant(history, window.from).map((entry) => [keyOf(entry), entry]));
  const movements = new Map<string, { -readonly [Key in keyof MrrMovement]: MrrMovement[Key] }>();
  for (const entry of mrrByTenant(history, window.to)) {
    const { currency } = entry;
    const sum = movements.get(currency) ?? emptyMovement(currency);
    movements.set(currency, sum);
    const [was, is] = [before.get(keyOf(entry))?.mrrMicro ?? (before.has(keyOf(entry)) ? null : 0n), entry.mrrMicro];
    if (was === null || is === null) {
      sum.unknownTenants += 1;
      continue;
    }
    sum.before += was;
    sum.after += is;
    const change = is - was;
    if (change === 0n) continue;
    if (was === 0n) sum[hadBefore(history, entry, window.from) ? 'reactivation' : 'new'] += change;
    else if (is === 0n) sum.churn -= change;
    else if (change > 0n) sum.expansion += change;
    else sum.contraction -= change;
  }
  return [...movements.values()].toSorted((a, b) => compareText(a.currency, b.currency));
}

function emptyMovement(currency: string) {
  const zero = { before: 0n, new: 0n, reactivation: 0n, expansion: 0n, contraction: 0n, churn: 0n, after: 0n };
  return { currency, ...zero, unknownTenants: 0 };
}

/** Whether the tenant was worth anything before `at`: one of its subscriptions began to be paid for earlier. */
function hadBefore(history: SubscriptionHistory, { tenantId, currency }: TenantMrr, at: number): boolean {
  return [...history.values()].flat().some((version) => {
    if (version.tenantId !== tenantId || version.currency !== currency) return false;
    const begun = Math.max(version.startedAt, version.trialEndsAt ?? version.startedAt);
    return begun < at && mrrAt(version, begun) !== 0n;
  });
}
