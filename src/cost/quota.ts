import type { QuotaState } from '../domain/quota.ts';

/** From which percentage of the limit on a state holds, highest first. */
const STATES: readonly (readonly [bigint, QuotaState])[] = [
  [100n, 'reached_100'],
  [90n, 'reached_90'],
  [70n, 'reached_70'],
];
const SHARE_STEPS = 10_000n;

/** How much of the limit is used, exactly as integers say: 999,999 of a million is not all of it. */
export function quotaState(used: bigint | null, limit: bigint): QuotaState {
  if (used === null) return 'unknown';
  if (limit === 0n) return used > 0n ? 'reached_100' : 'ok';
  return STATES.find(([percent]) => used * 100n >= limit * percent)?.[1] ?? 'ok';
}

/** Used of the limit in steps of a hundredth of a percent, rounded down; null where there is no such share. */
export function quotaShare(used: bigint | null, limit: bigint): number | null {
  if (used === null || limit === 0n) return null;
  return Number((used * SHARE_STEPS) / limit) / Number(SHARE_STEPS);
}
