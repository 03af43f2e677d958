import { type Costs, costsAreKnown } from '../domain/cost.ts';
import { isReservedTenant, type TenantId } from '../domain/tenant-id.ts';
import { type Margin, marginOf } from './margin.ts';
import { shareOut } from './share.ts';

/** What the operator calls a feature, in the order in which they are tried. */
export interface Feature {
  readonly name: string;
  /** '' stands for any. */
  readonly routes: readonly { readonly service: string; readonly route: string }[];
  /** Plans and products of subscriptions and invoices whose revenue is the feature's. */
  readonly plans: readonly string[];
}

/** Use and revenue that belong to no feature. */
const NO_FEATURE = '(none)';

export interface FeatureMargin extends Margin {
  readonly feature: string;
}

export interface FeatureQuestion {
  readonly features: readonly Feature[];
  readonly costs: Costs;
  /** Use of each tenant by feature, in the order of `features`, and last what fits none. */
  readonly use: ReadonlyMap<TenantId, readonly bigint[]>;
  /** Recognised revenue in the costs' currency by plan or product. */
  readonly revenueByPlan: ReadonlyMap<string, bigint>;
}

/**
 * Each tenant's cost shared over features by its own use of them, to the last micro-unit: the features add up to what
 * the tenants cost. Revenue is a feature's only where the operator says which plans pay for it; where none does, the
 * margin is unknown.
 */
export function featureMargins({ features, costs, use, revenueByPlan }: FeatureQuestion): readonly FeatureMargin[] {
  const known = costsAreKnown(costs);
  const incomplete =
    costs.otherCurrencies.length > 0
      ? 'currency'
      : costs.items.some(({ unpricedCalls }) => unpricedCalls > 0)
        ? 'unpriced_ai'
        : null;
  const sums = new Array<bigint>(features.length + 1).fill(0n);
  for (const { tenantId, costMicro } of costs.items) {
    if (isReservedTenant(tenantId)) continue;
    const weights = use.get(tenantId) ?? [];
    // What a tenant costs that used nothing at all is no feature's.
    const shares = weights.some((weight) => weight > 0n)
      ? shareOut(costMicro, weights)
      : sums.map((_, index) => (index === features.length ? costMicro : 0n));
    for (const [index, share] of shares.entries()) sums[index] = (sums[index] ?? 0n) + share;
  }
  const names = [...features.map(({ name }) => name), NO_FEATURE];
  return names.map((feature, index) => {
    const revenue = revenueOf(features, feature, revenueByPlan);
    return { feature, ...marginOf(revenue, known ? (sums[index] ?? 0n) : null, incomplete) };
  });
}

function revenueOf(
  features: readonly Feature[],
  name: string,
  revenueByPlan: ReadonlyMap<string, bigint>,
): bigint | null {
  const owner = new Map(
    features.flatMap((feature) => feature.plans.map((plan) => [plan, feature.name] as const)).toReversed(),
  );
  const isPaidFor =
    name === NO_FEATURE || features.some((feature) => feature.name === name && feature.plans.length > 0);
  if (!isPaidFor || revenueByPlan.size === 0) return null;
  let sum = 0n;
  for (const [plan, amount] of revenueByPlan) if ((owner.get(plan) ?? NO_FEATURE) === name) sum += amount;
  return sum;
}
