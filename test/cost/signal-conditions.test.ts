import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quotaShare, quotaState } from '../../src/cost/quota.ts';
import {
  beyondPlan,
  limitedExperience,
  nearQuota,
  negativeMargin,
  trendSignals,
} from '../../src/cost/signal-conditions.ts';
import { weeklyTrend } from '../../src/cost/signal-trend.ts';
import type { QuotaStanding } from '../../src/domain/quota.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { HOUR_MS } from '../../src/domain/window.ts';

const acme = 'acme' as TenantId;
const standing = (used: bigint | null, key: 'requests' | 'seats' = 'requests'): QuotaStanding => ({
  ...{ tenantId: acme, plan: 'growth', window: { from: 0, to: 1 }, used, burstSpent: 0n, forecast: null },
  quota: { key, period: 'month', limit: 1_000_000n, kind: 'soft', burst: null },
  share: quotaShare(used, 1_000_000n),
  state: quotaState(used, 1_000_000n),
});

describe('near a quota', () => {
  test.each([
    [900_000n, null, 'on'],
    [899_900n, null, 'between'],
    [799_900n, null, 'off'],
    // The first of the month does not make the last one forgotten.
    [10n, 950_000n, 'on'],
    [null, 950_000n, 'on'],
    [10n, 500_000n, 'off'],
    [null, null, 'unknown'],
  ] as const)('with %s now and %s before is %s', (now, before, grade) => {
    expect(nearQuota(standing(now), before === null ? undefined : standing(before)).grade).toBe(grade);
  });

  test('says the numbers of the period that it speaks of', () => {
    expect(nearQuota(standing(932_000n), standing(1n)).sentence).toBe(
      'acme has used 93.2 % of its 1,000,000 requests this month (932,000)',
    );
    expect(nearQuota(standing(5n), standing(950_000n)).sentence).toContain(
      '95.0 % of its 1,000,000 requests last month',
    );
  });

  test('goes by what there is now for levels, not by what there was', () => {
    expect(nearQuota(standing(100_000n, 'seats'), standing(950_000n, 'seats')).grade).toBe('off');
  });
});

describe('a trend', () => {
  const grades = (weeks: readonly (number | null)[]) =>
    Object.fromEntries(trendSignals(acme, 'requests', weeklyTrend(weeks)).map(({ kind, grade }) => [kind, grade]));

  test.each([
    ['steady growth', [10_000, 11_000, 12_100, 13_300, 14_600, 16_100, 17_700, 19_500], 'on', 'off'],
    ['a steady tenant', [10_000, 10_100, 9_900, 10_050, 9_950, 10_000, 10_100, 9_900], 'off', 'off'],
    ['one mad week', [10_000, 10_000, 90_000, 10_000, 10_000, 10_000, 10_000, 10_000], 'off', 'off'],
    ['one mad week at the end', [10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 90_000], 'off', 'off'],
    ['noise', [5_000, 15_000, 6_000, 14_000, 7_000, 16_000, 5_500, 15_500], 'off', 'off'],
    ['growth of next to nothing', [1, 2, 4, 8, 16, 32, 64, 128], 'off', 'between'],
    ['a slow end', [19_500, 17_700, 16_100, 14_600, 13_300, 12_100, 11_000, 10_000], 'off', 'on'],
    ['a sudden end', [10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 12], 'off', 'on'],
    ['weeks that are not known', [null, null, null, null, 1, 2, 3, 4], 'unknown', 'unknown'],
    ['growth with a gap', [10_000, null, 12_100, 13_300, null, 16_100, 17_700, 19_500], 'on', 'off'],
  ])('with %s', (_what, weeks, growth, shrinking) => {
    const found = grades(weeks);
    expect(found['growth']).toBe(growth);
    if (shrinking === 'on' || shrinking === 'unknown') expect(found['shrinking']).toBe(shrinking);
    else expect(found['shrinking']).not.toBe('on');
  });

  test('is not moved by two weeks out of eight, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 0, max: 10_000_000 }),
        (odd, value) => {
          const weeks = Array.from({ length: 8 }, (_, index) => (odd.includes(index) ? value : 10_000));
          const trend = weeklyTrend(weeks);
          expect(Math.abs(trend?.perFourWeeks ?? Number.NaN)).toBeLessThan(0.25);
        },
      ),
    );
  });

  test('of the same weeks in other units is the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 5, maxLength: 8 }),
        fc.constantFrom(2, 8, 1024),
        (weeks, factor) => {
          expect(weeklyTrend(weeks.map((week) => week * factor))?.perFourWeeks).toBeCloseTo(
            weeklyTrend(weeks)?.perFourWeeks ?? Number.NaN,
            9,
          );
        },
      ),
    );
  });
});

describe('other conditions', () => {
  test.each([
    [HOUR_MS, 0, 'on'],
    [HOUR_MS / 2, HOUR_MS / 2, 'on'],
    [HOUR_MS / 2, 0, 'between'],
    [60_000, 0, 'off'],
  ])('limits of %i and %i ms are %s', (throttledMs, degradedMs, grade) => {
    expect(limitedExperience({ tenantId: acme, throttledMs, degradedMs }, 7).grade).toBe(grade);
  });

  test.each([
    [100_000_000n, 130_000_000n, 'on'],
    [100_000_000n, 98_000_000n, 'between'],
    [100_000_000n, 95_000_000n, 'off'],
    [0n, 5_000_000n, 'on'],
    [0n, 500_000n, 'off'],
  ])('revenue of %s and cost of %s is %s', (revenueMicro, costMicro, grade) => {
    expect(negativeMargin({ tenantId: acme, currency: 'USD', revenueMicro, costMicro }).grade).toBe(grade);
  });

  test('a feature beyond the plan needs more than a try', () => {
    const use = (requests: number) => beyondPlan({ tenantId: acme, feature: 'export', requests }, 'starter', 7);
    expect([use(9).grade, use(10).grade]).toEqual(['between', 'on']);
    expect(use(12_345).sentence).toBe(
      'acme used export 12,345 times in the last 7 days, which its plan starter does not include',
    );
  });
});
