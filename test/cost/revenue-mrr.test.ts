import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { historyOf, mrrAt, mrrByTenant, mrrMovements } from '../../src/cost/revenue-mrr.ts';
import { recognisedByPlan, recognisedOf } from '../../src/cost/revenue-recognition.ts';
import type { SubscriptionStatus, SubscriptionVersion } from '../../src/domain/revenue.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const NOW = Date.UTC(2026, 5, 15);
const DAY = 86_400_000;
/** Whole units of the currency in pico-units. */
const pico = (units: number) => BigInt(units) * 1_000_000_000_000n;
const micro = (units: number) => BigInt(Math.round(units * 1_000_000));

function subscription(changes: Partial<SubscriptionVersion> = {}): SubscriptionVersion {
  return {
    id: 'sub_1',
    customerId: 'cus_1',
    tenantId: 'acme' as TenantId,
    status: 'active',
    currency: 'USD',
    items: [{ plan: 'growth', unitPico: pico(30), quantity: 1, cycle: { interval: 'month', count: 1 } }],
    discounts: [],
    startedAt: NOW - 100 * DAY,
    trialEndsAt: null,
    endedAt: null,
    effectiveFrom: NOW - 100 * DAY,
    ...changes,
  };
}

const priced = (unit: number, interval: 'day' | 'week' | 'month' | 'year', count = 1, quantity = 1) =>
  subscription({ items: [{ plan: 'p', unitPico: pico(unit), quantity, cycle: { interval, count } }] });

describe('the monthly worth of a subscription', () => {
  it.each<[string, SubscriptionVersion, bigint]>([
    ['a month', priced(30, 'month'), micro(30)],
    ['a year', priced(1_200, 'year'), micro(100)],
    ['two years', priced(1_000, 'year', 2), 41_666_667n],
    ['three months', priced(100, 'month', 3), 33_333_333n],
    ['a day: 365/12 of it', priced(12, 'day'), micro(365)],
    ['a week: 365/84 of it', priced(84, 'week'), micro(365)],
    ['every other week', priced(84, 'week', 2), 182_500_000n],
    ['seven seats', priced(9, 'month', 1, 7), micro(63)],
    ['no seat', priced(9, 'month', 1, 0), 0n],
  ])('by %s', (_what, version, expected) => {
    expect(mrrAt(version, NOW)).toBe(expected);
  });

  it.each<[SubscriptionStatus, bigint]>([
    ['active', micro(30)],
    ['past_due', micro(30)],
    ['unpaid', 0n],
    ['paused', 0n],
    ['incomplete', 0n],
    ['incomplete_expired', 0n],
    ['trialing', 0n],
    ['canceled', 0n],
  ])('that is %s', (status, expected) => {
    expect(mrrAt(subscription({ status }), NOW)).toBe(expected);
  });

  it('is nothing before its start, during its trial, and from its end on', () => {
    const version = subscription({ trialEndsAt: NOW - 86 * DAY, endedAt: NOW, status: 'canceled' });
    const at = [NOW - 101 * DAY, NOW - 100 * DAY, NOW - 86 * DAY - 1, NOW - 86 * DAY, NOW - 1, NOW];
    expect(at.map((time) => mrrAt(version, time))).toEqual([0n, 0n, 0n, micro(30), micro(30), 0n]);
    expect(mrrAt(subscription({ status: 'trialing', trialEndsAt: NOW + DAY }), NOW)).toBe(0n);
    expect(mrrAt(subscription({ status: 'trialing', trialEndsAt: NOW + DAY }), NOW + DAY)).toBe(micro(30));
  });

  it('is less by its discounts while they last, and never below nothing', () => {
    const percent = { kind: 'percent', ppm: 250_000, endsAt: NOW } as const;
    const amount = { kind: 'amount', amountMicro: micro(10), endsAt: null } as const;
    expect(mrrAt(subscription({ discounts: [percent] }), NOW - 1)).toBe(22_500_000n);
    expect(mrrAt(subscription({ discounts: [percent] }), NOW)).toBe(micro(30));
    expect(mrrAt(subscription({ discounts: [amount] }), NOW)).toBe(micro(20));
    expect(mrrAt({ ...priced(120, 'year'), discounts: [amount] }, NOW)).toBe(9_166_667n);
    expect(mrrAt(subscription({ discounts: [{ ...amount, amountMicro: micro(99) }] }), NOW)).toBe(0n);
    expect(mrrAt(subscription({ discounts: [{ ...percent, ppm: 1_000_000, endsAt: null }] }), NOW)).toBe(0n);
  });

  it('is unknown where a price or discount is, and then no sum is made of it', () => {
    const tiered = subscription({
      items: [{ plan: 'p', unitPico: null, quantity: 1, cycle: { interval: 'month', count: 1 } }],
    });
    const coupon = subscription({ id: 'sub_2', discounts: [{ kind: 'unknown', name: 'SPRING', endsAt: null }] });
    expect(mrrAt(tiered, NOW)).toBeNull();
    expect(mrrAt(coupon, NOW)).toBeNull();
    expect(mrrByTenant(historyOf([tiered, subscription({ id: 'sub_3' })]), NOW)).toMatchObject([{ mrrMicro: null }]);
    expect(mrrAt({ ...tiered, status: 'unpaid' }, NOW)).toBe(0n);
  });

  it('normalised from any cycle, a common multiple of cycles gives the price back, to the rounding', () => {
    const cycle = fc.record({
      interval: fc.constantFrom('day', 'week', 'month', 'year'),
      count: fc.integer({ min: 1, max: 24 }),
    } as const);
    fc.assert(
      fc.property(
        cycle,
        fc.bigInt({ min: 0n, max: 10n ** 18n }),
        fc.integer({ min: 0, max: 10_000 }),
        (own, unitPico, quantity) => {
          const mrr = mrrAt(subscription({ items: [{ plan: 'p', unitPico, quantity, cycle: own }] }), NOW) ?? -1n;
          const daysPerCycle = { day: 12n, week: 84n, month: 365n, year: 4_380n }[own.interval] * BigInt(own.count);
          // 12 months are 365 days: price x (365/12 days) / (days of a cycle), all times 12.
          const twice = 2n * (mrr * daysPerCycle * 1_000_000n - unitPico * BigInt(quantity) * 365n);
          const bound = daysPerCycle * 1_000_000n;
          expect(twice <= bound && twice >= -bound).toBe(true);
        },
      ),
    );
  });
});

describe('recurring revenue over time', () => {
  const at = (day: number) => NOW + day * DAY;
  const version = (
    tenant: string,
    id: string,
    from: number,
    units: number,
    changes: Partial<SubscriptionVersion> = {},
  ) =>
    subscription({
      id,
      tenantId: tenant as TenantId,
      startedAt: at(from),
      effectiveFrom: at(from),
      items: [{ plan: `plan-${units}`, unitPico: pico(units), quantity: 1, cycle: { interval: 'month', count: 1 } }],
      ...changes,
    });
  const HISTORY = historyOf([
    version('fresh', 's1', 10, 5),
    version('grown', 's2', -50, 10),
    version('grown', 's2', -50, 25, { effectiveFrom: at(5) }),
    version('shrunk', 's3', -50, 40),
    version('shrunk', 's3', -50, 15, { effectiveFrom: at(5) }),
    version('gone', 's4', -50, 7, { status: 'canceled', endedAt: at(6) }),
    version('back', 's5', -90, 3, { status: 'canceled', endedAt: at(-60) }),
    version('back', 's6', 8, 4),
    version('same', 's7', -50, 1),
    version('euro', 's8', -50, 2, { currency: 'EUR' }),
    version('odd', 's9', -50, 2, { discounts: [{ kind: 'unknown', name: 'X', endsAt: null }] }),
  ]);

  it('moves by what came, grew, shrank, went and came back', () => {
    expect(mrrMovements(HISTORY, { from: NOW, to: at(30) })).toEqual([
      {
        currency: 'EUR',
        before: micro(2),
        new: 0n,
        reactivation: 0n,
        expansion: 0n,
        contraction: 0n,
        churn: 0n,
        after: micro(2),
        unknownTenants: 0,
      },
      {
        currency: 'USD',
        before: micro(58),
        new: micro(5),
        reactivation: micro(4),
        expansion: micro(15),
        contraction: micro(25),
        churn: micro(7),
        after: micro(50),
        unknownTenants: 1,
      },
    ]);
  });

  it('always adds up', () => {
    const arbitrary = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      id: fc.constantFrom('1', '2', '3', '4', '5'),
      from: fc.integer({ min: -60, max: 60 }),
      units: fc.nat(500),
      ends: fc.option(fc.integer({ min: -60, max: 90 })),
    });
    fc.assert(
      fc.property(
        fc.array(arbitrary, { maxLength: 12 }),
        fc.integer({ min: -60, max: 0 }),
        fc.nat(90),
        (rows, from, days) => {
          const history = historyOf(
            rows.map(({ tenant, id, from: begin, units, ends }) =>
              version(
                tenant,
                `${tenant}${id}`,
                begin,
                units,
                ends === null ? {} : { endedAt: at(ends), status: 'canceled' },
              ),
            ),
          );
          for (const move of mrrMovements(history, { from: at(from), to: at(from + days) })) {
            expect(move.before + move.new + move.reactivation + move.expansion - move.contraction - move.churn).toBe(
              move.after,
            );
            expect(
              [move.new, move.reactivation, move.expansion, move.contraction, move.churn].every((n) => n >= 0n),
            ).toBe(true);
          }
        },
      ),
    );
  });
});

describe('recognised revenue', () => {
  it('of windows that follow each other adds up to the line, whatever the cuts', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
        fc.nat(400 * DAY),
        fc.array(fc.integer({ min: -10 * DAY, max: 410 * DAY }), { maxLength: 10 }),
        (amountMicro, length, cuts) => {
          const line = { plan: 'p', amountMicro, from: NOW, to: NOW + length };
          const edges = [-11 * DAY, ...cuts.toSorted((a, b) => a - b), 411 * DAY].map((offset) => NOW + offset);
          const parts = edges.slice(1).map((to, index) => recognisedOf(line, { from: edges[index] ?? 0, to }));
          expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(amountMicro);
          expect(parts.every((part) => (amountMicro >= 0n ? part >= 0n : part <= 0n))).toBe(true);
        },
      ),
    );
  });

  it('counts at once what is for a moment, and nothing of drafts, void invoices and those given up on', () => {
    const line = { plan: 'p', amountMicro: 90n, from: NOW, to: NOW };
    expect(recognisedOf(line, { from: NOW, to: NOW + 1 })).toBe(90n);
    expect(recognisedOf(line, { from: NOW - 1, to: NOW })).toBe(0n);
    const invoice = {
      id: 'in_1',
      customerId: 'c',
      tenantId: null,
      subscriptionId: null,
      currency: 'USD',
      issuedAt: NOW,
      lines: [line, line],
    };
    const window = { from: NOW, to: NOW + 1 };
    const counted = (['draft', 'open', 'paid', 'uncollectible', 'void'] as const).map(
      (status) => recognisedByPlan({ ...invoice, status }, window).get('p') ?? 0n,
    );
    expect(counted).toEqual([0n, 180n, 180n, 0n, 0n]);
  });
});
