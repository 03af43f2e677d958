import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMargins, tenantMargins, totalMargin } from '../../src/cost/margin.ts';
import { type Feature, featureMargins } from '../../src/cost/margin-features.ts';
import type { Costs, TenantCost } from '../../src/domain/cost.ts';
import type { TenantRevenue } from '../../src/domain/revenue.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const id = (name: string) => name as TenantId;

function cost(tenant: string, costMicro: bigint, unpricedCalls = 0): TenantCost {
  return {
    tenantId: id(tenant),
    costMicro,
    parts: new Map([['compute', costMicro]]),
    estimatedMicro: 0n,
    unpricedCalls,
  };
}

function costs(items: readonly TenantCost[], changes: Partial<Costs> = {}): Costs {
  const billMicro = items.reduce((sum, { costMicro }) => sum + costMicro, 0n);
  return {
    currency: 'USD',
    window: { from: 0, to: 1 },
    billMicro,
    items,
    sharedMicro: 0n,
    idleMicro: 0n,
    unallocatedMicro: 0n,
    estimatedMicro: 0n,
    residualMicro: 0n,
    otherCurrencies: [],
    ...changes,
  };
}

function paid(tenant: string, revenueMicro: bigint, currency = 'USD'): TenantRevenue {
  return { tenantId: id(tenant), plan: null, currency, mrrMicro: revenueMicro, revenueMicro };
}

const PLANS = new Map([
  [id('acme'), 'growth'],
  [id('globex'), 'growth'],
]);

describe('margins of tenants', () => {
  it('are what is paid less what it costs', () => {
    const [margin] = tenantMargins([paid('acme', 400n)], costs([cost('acme', 100n)]), PLANS);
    expect(margin).toEqual({
      tenantId: 'acme',
      plan: 'growth',
      revenueMicro: 400n,
      costMicro: 100n,
      marginMicro: 300n,
      marginPpm: 750_000n,
      gap: null,
    });
    const [loss] = tenantMargins([paid('acme', 300n)], costs([cost('acme', 400n)]), PLANS);
    expect(loss).toMatchObject({ marginMicro: -100n, marginPpm: -333_333n });
    const [free] = tenantMargins([paid('acme', 0n)], costs([cost('acme', 400n)]), PLANS);
    expect(free).toMatchObject({ marginMicro: -400n, marginPpm: null, gap: null });
  });

  it.each<[string, readonly TenantRevenue[], Costs, object]>([
    [
      'nothing is known of what is paid',
      [],
      costs([cost('acme', 5n)]),
      { revenueMicro: null, costMicro: 5n, gap: 'no_revenue' },
    ],
    ['no bill covers the time', [paid('acme', 5n)], costs([]), { revenueMicro: 5n, costMicro: null, gap: 'no_costs' }],
    ['calls have no price', [paid('acme', 5n)], costs([cost('acme', 1n, 3)]), { costMicro: 1n, gap: 'unpriced_ai' }],
    [
      'it is paid in another currency',
      [paid('acme', 5n, 'EUR')],
      costs([cost('acme', 1n)]),
      { revenueMicro: null, gap: 'currency' },
    ],
    [
      'part is paid in another currency',
      [paid('acme', 5n), paid('acme', 5n, 'EUR')],
      costs([cost('acme', 1n)]),
      { revenueMicro: 5n, gap: 'currency' },
    ],
    [
      'there are bills in another currency',
      [paid('acme', 5n)],
      costs([cost('acme', 1n)], { otherCurrencies: ['EUR'] }),
      { gap: 'currency' },
    ],
  ])('are unknown where %s, and not zero', (_what, revenue, ledger, expected) => {
    const [margin] = tenantMargins(revenue, ledger, PLANS);
    expect(margin).toMatchObject({ marginMicro: null, marginPpm: null, ...expected });
  });

  it('know that a tenant which no charge fell on cost nothing, once there are bills', () => {
    const margins = tenantMargins([paid('acme', 5n)], costs([cost('globex', 7n)]), PLANS);
    expect(margins.map(({ tenantId, costMicro, gap }) => [tenantId, costMicro, gap])).toEqual([
      ['acme', 0n, null],
      ['globex', 7n, 'no_revenue'],
    ]);
  });

  it('leave out names that are no tenants', () => {
    expect(tenantMargins([], costs([cost('(unknown)', 9n)]), PLANS)).toEqual([]);
  });
});

describe('margins of plans', () => {
  it('add up those that are known, and say what is not in them', () => {
    const margins = tenantMargins(
      [paid('acme', 400n), paid('globex', 50n, 'EUR'), paid('solo', 10n)],
      costs([cost('acme', 100n), cost('globex', 30n), cost('solo', 40n)]),
      PLANS,
    );
    expect(planMargins(margins)).toEqual([
      {
        plan: 'growth',
        tenants: 2,
        unknownTenants: 1,
        unknownRevenueMicro: 0n,
        unknownCostMicro: 30n,
        revenueMicro: 400n,
        costMicro: 100n,
        marginMicro: 300n,
        marginPpm: 750_000n,
        gap: null,
      },
      {
        plan: null,
        tenants: 1,
        unknownTenants: 0,
        unknownRevenueMicro: 0n,
        unknownCostMicro: 0n,
        revenueMicro: 10n,
        costMicro: 40n,
        marginMicro: -30n,
        marginPpm: -3_000_000n,
        gap: null,
      },
    ]);
    expect(totalMargin([]).marginMicro).toBeNull();
    expect(totalMargin(margins.filter(({ gap }) => gap !== null))).toMatchObject({
      marginMicro: null,
      gap: 'currency',
      unknownCostMicro: 30n,
    });
  });
});

describe('margins of features', () => {
  const FEATURES: readonly Feature[] = [
    { name: 'search', routes: [], plans: [] },
    { name: 'assistant', routes: [], plans: ['AI add-on'] },
  ];

  it('share each tenant by its own use, and know revenue only where a plan pays for them', () => {
    const answer = featureMargins({
      features: FEATURES,
      costs: costs([cost('acme', 100n), cost('globex', 10n), cost('silent', 7n)]),
      use: new Map([
        [id('acme'), [3n, 1n, 0n]],
        [id('globex'), [0n, 1n, 2n]],
        [id('silent'), [0n, 0n, 0n]],
      ]),
      revenueByPlan: new Map([
        ['AI add-on', 90n],
        ['growth', 500n],
      ]),
    });
    expect(
      answer.map(({ feature, revenueMicro, costMicro, marginMicro, gap }) => [
        feature,
        revenueMicro,
        costMicro,
        marginMicro,
        gap,
      ]),
    ).toEqual([
      ['search', null, 75n, null, 'no_revenue'],
      ['assistant', 90n, 28n, 62n, null],
      ['(none)', 500n, 14n, 486n, null],
    ]);
  });

  it('add up to what the tenants cost, to the last micro-unit', () => {
    const tenant = fc.record({
      cost: fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
      use: fc.array(fc.bigInt({ min: 0n, max: 10n ** 9n }), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(tenant, { maxLength: 20 }), (tenants) => {
        const items = tenants.map((one, index) => cost(`t${index}`, one.cost));
        const use = new Map(tenants.map((one, index) => [id(`t${index}`), one.use]));
        const answer = featureMargins({
          features: FEATURES,
          costs: costs(items, { billMicro: 1n }),
          use,
          revenueByPlan: new Map(),
        });
        expect(answer.reduce((sum, { costMicro }) => sum + (costMicro ?? 0n), 0n)).toBe(
          items.reduce((sum, { costMicro }) => sum + costMicro, 0n),
        );
      }),
    );
  });
});
