import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { balanceAt, earnedCredits, expiredParts, lotExpiry, type OpenLot, takeFromLots } from '../../src/cost/burst.ts';
import { DAY_MS } from '../../src/domain/window.ts';

const TERMS = { accrualPercent: 10, capacity: 1_000n, expiresAfterDays: 30 };

describe('a closed period', () => {
  test.each([
    ['a tenth of what was left over', { quota: 1_000n, used: 400n, balance: 0n }, 60n],
    ['whole credits only', { quota: 1_000n, used: 989n, balance: 0n }, 1n],
    ['nothing when all was used', { quota: 1_000n, used: 1_000n, balance: 0n }, 0n],
    ['nothing when more was used', { quota: 1_000n, used: 5_000n, balance: 0n }, 0n],
    ['no more than may be held', { quota: 100_000n, used: 0n, balance: 990n }, 10n],
    ['nothing when already full', { quota: 100_000n, used: 0n, balance: 1_000n }, 0n],
    // The capacity of a plan may be made smaller.
    ['nothing when more than full', { quota: 100_000n, used: 0n, balance: 2_000n }, 0n],
  ])('earns %s', (_what, figures, earned) => {
    expect(earnedCredits({ terms: TERMS, ...figures })).toBe(earned);
  });

  test('is exact beyond what a float holds', () => {
    const terms = { ...TERMS, accrualPercent: 100, capacity: 10n ** 30n };
    expect(earnedCredits({ terms, quota: 9_007_199_254_740_993n, used: 0n, balance: 0n })).toBe(9_007_199_254_740_993n);
  });

  test('earns credits that end so many days after it', () => {
    expect(lotExpiry({ from: 0, to: 10 * DAY_MS }, TERMS)).toBe(40 * DAY_MS);
  });
});

describe('what is spent', () => {
  const lot = (order: number, remaining: bigint, expiresAt: number): OpenLot => ({ order, remaining, expiresAt });
  const parts = (lots: readonly OpenLot[], amount: bigint, now = 0) =>
    takeFromLots(lots, amount, now)?.map((part) => [part.lot.order, part.amount]);

  test('comes from the lot that ends first, the older one when two end together', () => {
    const lots = [lot(3, 5n, 30), lot(2, 5n, 20), lot(1, 5n, 20)];
    expect(parts(lots, 12n)).toEqual([
      [1, 5n],
      [2, 5n],
      [3, 2n],
    ]);
  });

  test('does not come from a lot that has ended, from its very last moment on', () => {
    const lots = [lot(1, 5n, 20), lot(2, 5n, 21)];
    expect(parts(lots, 5n, 20)).toEqual([[2, 5n]]);
    expect(parts(lots, 6n, 20)).toBeUndefined();
    expect(expiredParts(lots, 20).map((part) => part.lot.order)).toEqual([1]);
  });

  test('is all that was asked for or nothing', () => {
    expect(parts([lot(1, 5n, 20)], 6n)).toBeUndefined();
    expect(parts([], 0n)).toEqual([]);
  });
});

const lots = fc
  .array(fc.record({ remaining: fc.bigInt(0n, 10n ** 20n), expiresAt: fc.integer({ min: 0, max: 100 }) }), {
    maxLength: 12,
  })
  .map((all) => all.map((one, order): OpenLot => ({ ...one, order })));

test('nothing is made or lost: a spend takes what it says, never more than a lot has, the first to end first', () => {
  fc.assert(
    fc.property(lots, fc.bigInt(0n, 10n ** 21n), fc.integer({ min: 0, max: 100 }), (all, amount, now) => {
      const balance = balanceAt(all, now);
      const taken = takeFromLots(all, amount, now);
      expect(taken === undefined).toBe(amount > balance);
      if (taken === undefined) return;
      expect(taken.reduce((sum, part) => sum + part.amount, 0n)).toBe(amount);
      const partOf = new Map(taken.map((part) => [part.lot.order, part.amount]));
      for (const one of all) {
        const part = partOf.get(one.order) ?? 0n;
        expect(part >= 0n && part <= one.remaining).toBe(true);
        if (one.expiresAt <= now) expect(part).toBe(0n);
        // Whoever ends later is only touched when this one is empty.
        const later = all.some((other) => other.expiresAt > one.expiresAt && (partOf.get(other.order) ?? 0n) > 0n);
        if (one.expiresAt > now && later) expect(part).toBe(one.remaining);
      }
      const ended = expiredParts(all, now).reduce((sum, part) => sum + part.amount, 0n);
      expect(balance + ended).toBe(all.reduce((sum, one) => sum + one.remaining, 0n));
    }),
    { numRuns: 300 },
  );
});
