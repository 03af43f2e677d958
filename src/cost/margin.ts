import { type Costs, costsAreKnown } from '../domain/cost.ts';
import { dividedRounded } from '../domain/decimal.ts';
import type { TenantRevenue } from '../domain/revenue.ts';
import { isReservedTenant, type TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';

/**
 * Why there is no margin. no_revenue: nothing is known of what is paid; no_costs: no bill covers the time; unpriced_ai:
 * there were calls whose price nobody knows; currency: revenue or bills in another currency than the costs.
 */
export type MarginGap = 'no_revenue' | 'no_costs' | 'unpriced_ai' | 'currency';

export interface Margin {
  /** In micro-units of the costs' currency. Null: not known, which is not zero. */
  readonly revenueMicro: bigint | null;
  readonly costMicro: bigint | null;
  readonly marginMicro: bigint | null;
  /** Of the revenue, in millionths; null also where the revenue is 0. */
  readonly marginPpm: bigint | null;
  readonly gap: MarginGap | null;
}

export interface TenantMargin extends Margin {
  readonly tenantId: TenantId;
  readonly plan: string | null;
}

/** Sums over those whose margin is known; the others are counted, and what is known of them stands apart. */
export interface GroupMargin extends Margin {
  /** Plan; null: on none. */
  readonly plan: string | null;
  readonly tenants: number;
  readonly unknownTenants: number;
  readonly unknownRevenueMicro: bigint;
  readonly unknownCostMicro: bigint;
}

const PPM = 1_000_000n;

/** `gap` null only where both are known. */
export function marginOf(revenueMicro: bigint | null, costMicro: bigint | null, gap: MarginGap | null): Margin {
  if (gap !== null || revenueMicro === null || costMicro === null) {
    const missing = gap ?? (costMicro === null ? 'no_costs' : 'no_revenue');
    return { revenueMicro, costMicro, marginMicro: null, marginPpm: null, gap: missing };
  }
  const marginMicro = revenueMicro - costMicro;
  // Of nothing there is no share, and of less than nothing (credits) none that means anything.
  const marginPpm = revenueMicro > 0n ? dividedRounded(marginMicro * PPM, revenueMicro) : null;
  return { revenueMicro, costMicro, marginMicro, marginPpm, gap: null };
}

/** Every tenant with revenue or costs, by id. */
export function tenantMargins(
  revenue: readonly TenantRevenue[],
  costs: Costs,
  planOf: ReadonlyMap<TenantId, string>,
): readonly TenantMargin[] {
  const known = costsAreKnown(costs);
  const costOf = new Map(costs.items.map((item) => [item.tenantId, item]));
  const paid = new Map<TenantId, TenantRevenue[]>();
  for (const row of revenue) paid.set(row.tenantId, [...(paid.get(row.tenantId) ?? []), row]);
  const tenants = [...new Set([...costOf.keys(), ...paid.keys()])].filter((tenant) => !isReservedTenant(tenant));
  return tenants.toSorted(compareText).map((tenantId) => {
    const rows = paid.get(tenantId) ?? [];
    const cost = costOf.get(tenantId);
    const foreign = rows.some(({ currency, revenueMicro }) => currency !== costs.currency && revenueMicro !== 0n);
    const own = rows.find(({ currency }) => currency === costs.currency);
    const revenueMicro = own?.revenueMicro ?? (rows.length > 0 && !foreign ? 0n : null);
    const gap: MarginGap | null =
      foreign || costs.otherCurrencies.length > 0 ? 'currency' : (cost?.unpricedCalls ?? 0) > 0 ? 'unpriced_ai' : null;
    const costMicro = known ? (cost?.costMicro ?? 0n) : null;
    return { tenantId, plan: planOf.get(tenantId) ?? null, ...marginOf(revenueMicro, costMicro, gap) };
  });
}

/** By plan, those on none last. */
export function planMargins(margins: readonly TenantMargin[]): readonly GroupMargin[] {
  const plans = new Map<string | null, TenantMargin[]>();
  for (const margin of margins) plans.set(margin.plan, [...(plans.get(margin.plan) ?? []), margin]);
  return [...plans]
    .toSorted(([left], [right]) => (left === null ? 1 : right === null ? -1 : compareText(left, right)))
    .map(([plan, members]) => ({ plan, ...totalMargin(members) }));
}

/** Of many tenants together. Without one whose margin is known there is none. */
export function totalMargin(members: readonly TenantMargin[]): Omit<GroupMargin, 'plan'> {
  const sum = (some: readonly TenantMargin[], field: 'revenueMicro' | 'costMicro') =>
    some.reduce((total, margin) => total + (margin[field] ?? 0n), 0n);
  const known = members.filter(({ gap }) => gap === null);
  const unknown = members.filter(({ gap }) => gap !== null);
  const margin =
    known.length > 0
      ? marginOf(sum(known, 'revenueMicro'), sum(known, 'costMicro'), null)
      : marginOf(null, null, unknown[0]?.gap ?? 'no_revenue');
  return {
    ...margin,
    tenants: members.length,
    unknownTenants: unknown.length,
    unknownRevenueMicro: sum(unknown, 'revenueMicro'),
    unknownCostMicro: sum(unknown, 'costMicro'),
  };
}
