/** Advice on instances of their own, in words. */
import type { PlacementAdviceItem } from '../../../src/api/signals-contract.ts';
import { formatPercent, NO_VALUE } from '../shared/format.ts';

export const VERDICT_WORDS: Readonly<Record<PlacementAdviceItem['verdict'], string>> = {
  worth_it: 'Worth it',
  not_worth_it: 'Not worth it',
  unknown: 'Not known',
};

const POOL_WORDS: Readonly<Record<string, string>> = {
  cpu: 'CPU of',
  time: 'request time of',
  db: 'database time of',
  storage: 'storage in',
};

/** `cpu:checkout` as `CPU of checkout`. */
function poolName(pool: string): string {
  const [kind = '', ...rest] = pool.split(':');
  const words = POOL_WORDS[kind];
  return words === undefined ? pool : `${words} ${rest.join(':')}`;
}

/** The pool in which the tenant is largest, and its share there. */
export function largestPool({ pools }: PlacementAdviceItem): PlacementAdviceItem['pools'][number] | undefined {
  return pools.toSorted((a, b) => b.share - a.share)[0];
}

export function poolText(advice: PlacementAdviceItem): string {
  const pool = largestPool(advice);
  if (pool === undefined) return NO_VALUE;
  return `${formatPercent(pool.share)} of ${poolName(pool.pool)}, ${pool.large_days} of ${advice.days} days`;
}

/** `after 7 months`, `never`, or that it is not known and why not. */
export function breakEvenText({ break_even_months: months, monthly_saving_micro: saving, offer }: PlacementAdviceItem) {
  if (months !== null) return months <= 0 ? 'at once' : `after ${months} month${months === 1 ? '' : 's'}`;
  if (offer === null) return 'Not known: no offer is large enough';
  if (saving === null) return 'Not known: what the pool would save is not known';
  return saving <= 0 ? 'never: it would cost more each month' : 'Not known';
}
