import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quotaShare, quotaState } from '../../src/cost/quota.ts';
import { QUOTA_STATES } from '../../src/domain/quota.ts';

describe('the state of a quota', () => {
  test.each([
    [null, 1_000n, 'unknown', null],
    [0n, 1_000n, 'ok', 0],
    [699n, 1_000n, 'ok', 0.699],
    [700n, 1_000n, 'reached_70', 0.7],
    [899n, 1_000n, 'reached_70', 0.899],
    [900n, 1_000n, 'reached_90', 0.9],
    [999_999n, 1_000_000n, 'reached_90', 0.9999],
    [1_000_000n, 1_000_000n, 'reached_100', 1],
    [2_500n, 1_000n, 'reached_100', 2.5],
    // A plan that includes none of it.
    [0n, 0n, 'ok', null],
    [1n, 0n, 'reached_100', null],
  ] as const)('with %s of %s is %s', (used, limit, state, share) => {
    expect([quotaState(used, limit), quotaShare(used, limit)]).toEqual([state, share]);
  });

  test('never runs ahead of what was used, at any size', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 24n), fc.bigInt(1n, 10n ** 24n), (used, limit) => {
        expect(quotaState(used, limit) === 'reached_100').toBe(used >= limit);
        const share = quotaShare(used, limit) ?? Number.NaN;
        if (used < limit) expect(share).toBeLessThan(1);
        const rank = (value: bigint) => QUOTA_STATES.indexOf(quotaState(value, limit));
        expect(rank(used + 1n)).toBeGreaterThanOrEqual(rank(used));
      }),
    );
  });
});
