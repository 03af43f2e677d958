import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advise, largeTenants } from '../../src/cost/dedicated.ts';
import { DEFAULT_DEDICATED_TERMS, type DedicatedTerms, type PoolDay } from '../../src/domain/dedicated.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS } from '../../src/domain/window.ts';

const acme = 'acme' as TenantId;
/** Cores for a day, in nanoseconds. */
const cores = (count: number) => BigInt(Math.round(count * DAY_MS * 1_000)) * 1_000n;

/** `days` days on which acme uses so many cores of so many. */
function days(count: number, of: { cores: number; all: number; pool?: string; from?: number }): PoolDay[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ pool: of.pool ?? 'cpu:web', day: ((of.from ?? 0) + index) * DAY_MS, tenantId: acme },
    ...{ amount: cores(of.cores), total: cores(of.all) },
  }));
}

const USD = 1_000_000n;
const TERMS: DedicatedTerms = {
  ...DEFAULT_DEDICATED_TERMS,
  headroomPercent: 50,
  offers: [
    { name: 'small', priceMicro: 200n * USD, migrationMicro: 900n * USD, cpuCores: 2, storageBytes: null },
    { name: 'large', priceMicro: 500n * USD, migrationMicro: 900n * USD, cpuCores: 8, storageBytes: null },
  ],
  pools: [{ pool: 'cpu:web', units: 4, unitCapacity: 2, unitPriceMicro: 300n * USD }],
};

describe('a large tenant', () => {
  test('is large on enough days, and not by one spike', () => {
    const large = { cores: 3, all: 10 };
    const small = { cores: 2, all: 10 };
    expect(largeTenants(days(10, large), TERMS)).toEqual([acme]);
    expect(largeTenants(days(9, large), TERMS)).toEqual([]);
    expect(largeTenants(days(14, small), TERMS)).toEqual([]);
    expect(largeTenants([...days(13, small), ...days(1, { cores: 1_000, all: 1_010, from: 13 })], TERMS)).toEqual([]);
    // Days in different pools do not add up.
    expect(largeTenants([...days(7, large), ...days(7, { ...large, pool: 'db:pg', from: 7 })], TERMS)).toEqual([]);
  });

  test('begins at the very share', () => {
    const row = (amount: bigint) => days(14, { cores: 1, all: 1 }).map((one) => ({ ...one, amount, total: 10_000n }));
    expect(largeTenants(row(2_500n), TERMS)).toEqual([acme]);
    expect(largeTenants(row(2_499n), TERMS)).toEqual([]);
  });
});

describe('advice', () => {
  test('sets the price against what the pool can really give back, and not against what the tenant is charged', () => {
    // 4.5 cores are two whole units of two: 600 against 500 a month.
    const costs = new Map([[acme, 900n * USD]]);
    const advice = advise(acme, days(14, { cores: 4.5, all: 9 }), costs, TERMS);
    expect(advice).toMatchObject({
      verdict: 'worth_it',
      offer: { name: 'large' },
      pooledCostMicro: 900n * USD,
      poolSavesMicro: 600n * USD,
      monthlySavingMicro: 100n * USD,
      breakEvenMonths: 9,
      pools: [{ pool: 'cpu:web', largeDays: 14, share: 0.5, freedUnits: 2 }],
    });
    expect(advice.sentence).toBe(
      "acme uses 50.0 % of cpu:web (large on 14 of 14 days). Worth it: large costs 500.00 USD a month and the pool would really save 600.00 USD; 100.00 USD a month pay 900.00 USD of migration back in 9 months; its share of last month's bills was 900.00 USD",
    );
  });

  test('says that it is not worth it, with the numbers, when no whole unit or too few come free', () => {
    const advice = advise(acme, days(14, { cores: 1.3, all: 4 }), new Map([[acme, 250n * USD]]), TERMS);
    expect(advice).toMatchObject({
      verdict: 'not_worth_it',
      offer: { name: 'small' },
      poolSavesMicro: 0n,
      monthlySavingMicro: -200n * USD,
      breakEvenMonths: null,
    });
    expect(advice.sentence).toContain('it would cost 200.00 USD a month more');
  });

  test('does not count on a migration that takes too long to be paid back', () => {
    const terms = { ...TERMS, horizonMonths: 8 };
    const advice = advise(acme, days(14, { cores: 4.5, all: 9 }), undefined, terms);
    expect(advice).toMatchObject({ verdict: 'not_worth_it', breakEvenMonths: 9, pooledCostMicro: null });
    expect(advice.sentence).toContain('Not worth it within 8 months');
  });

  test('takes an instance that carries the busiest day with room to spare, or none', () => {
    const busy = [...days(13, { cores: 1, all: 3 }), ...days(1, { cores: 5, all: 8, from: 13 })];
    expect(advise(acme, busy, undefined, TERMS).offer?.name).toBe('large');
    const tooBusy = [...days(13, { cores: 1, all: 3 }), ...days(1, { cores: 5.5, all: 8, from: 13 })];
    const none = advise(acme, tooBusy, undefined, TERMS);
    expect(none).toMatchObject({ offer: null, verdict: 'unknown', monthlySavingMicro: null });
    expect(none.sentence).toContain('no offer is known that is large enough');
  });

  test('is unknown where nobody has said what the pool is made of', () => {
    const advice = advise(acme, days(14, { cores: 4.5, all: 9 }), undefined, { ...TERMS, pools: [] });
    expect(advice).toMatchObject({ verdict: 'unknown', poolSavesMicro: null, breakEvenMonths: null });
  });

  test('never saves the last unit of a pool, nor more than the tenant uses', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (used, units, unitCapacity) => {
          const terms = { ...TERMS, pools: [{ pool: 'cpu:web', units, unitCapacity, unitPriceMicro: 7n }] };
          const advice = advise(acme, days(14, { cores: used, all: used * 2 }), undefined, terms);
          const freed = advice.pools[0]?.freedUnits ?? Number.NaN;
          expect(freed).toBeLessThan(units);
          expect(freed * unitCapacity).toBeLessThanOrEqual(used * 1.000_001);
          expect(advice.poolSavesMicro).toBe(BigInt(freed) * 7n);
        },
      ),
    );
  });
});
