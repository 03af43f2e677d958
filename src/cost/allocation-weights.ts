import type { IdleTerms, SplitKey } from '../domain/cost-rule.ts';
import { isReservedTenant, type TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { HOUR_MS, type Window } from '../domain/window.ts';
import { shareOut } from './share.ts';

/** What everybody used of one key in one window: ascending by tenant, values above 0, reserved tenants among them. */
export interface UsageBasis {
  readonly key: SplitKey;
  readonly window: Window;
  readonly tenants: readonly TenantId[];
  readonly values: readonly bigint[];
  readonly total: bigint;
}

/** Who gets how much of a group, before rounding. Ascending by tenant. */
export interface Weights {
  readonly tenants: readonly TenantId[];
  readonly weights: readonly bigint[];
}

/** `1000000` -> that of one key: the values themselves. Keys that nobody used have no say; the others keep their ratio. */
export function mixedWeights(parts: readonly { readonly basis: UsageBasis; readonly weight: number }[]): Weights {
  const used = parts.filter(({ basis, weight }) => basis.total > 0n && weight > 0);
  const [only] = used;
  if (only !== undefined && used.length === 1) return { tenants: only.basis.tenants, weights: only.basis.values };
  const product = used.reduce((all, { basis }) => all * basis.total, 1n);
  const sums = new Map<TenantId, bigint>();
  for (const { basis, weight } of used) {
    // value / total of each key, over the common denominator of all of them.
    const factor = (BigInt(weight) * product) / basis.total;
    for (const [index, tenant] of basis.tenants.entries()) {
      sums.set(tenant, (sums.get(tenant) ?? 0n) + (basis.values[index] ?? 0n) * factor);
    }
  }
  return sortedWeights(sums);
}

function sortedWeights(sums: ReadonlyMap<TenantId, bigint>): Weights {
  const entries = [...sums].filter(([, weight]) => weight > 0n).toSorted(([a], [b]) => compareText(a, b));
  return { tenants: entries.map(([tenant]) => tenant), weights: entries.map(([, weight]) => weight) };
}

/** Without names that stand for no tenant. */
export function realTenants({ tenants, weights }: Weights): Weights {
  const keep = tenants.map((tenant) => !isReservedTenant(tenant));
  return { tenants: tenants.filter((_, index) => keep[index]), weights: weights.filter((_, index) => keep[index]) };
}

/**
 * How much of `micro` was not in use: in proportion to capacity - used, rounded to the nearest micro-unit. 0 where more
 * was used than there is.
 */
export function idleShare(
  micro: bigint,
  terms: IdleTerms,
  used: bigint,
  window: Window,
  capacityTotal: bigint,
): bigint {
  const hour = BigInt(HOUR_MS);
  const [usedUnits, allUnits] =
    'perHour' in terms.capacity
      ? [used * hour, BigInt(terms.capacity.perHour) * BigInt(Math.round(window.to - window.from))]
      : [used, capacityTotal];
  if (allUnits <= usedUnits) return 0n;
  return shareOut(micro, [usedUnits, allUnits - usedUnits])[1] ?? 0n;
}
