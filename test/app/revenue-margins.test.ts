/** What is left of the revenue, and what a month will come to, over the real stores. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS } from '../../src/domain/window.ts';
import { REQUESTS_AT, segmentFor } from '../support/clickhouse-segments.ts';
import { stripeInvoice, stripeSubscription } from '../support/revenue-samples.ts';
import { ANN, dayAt as at, type RevenueWorld, startRevenueWorld } from '../support/revenue-world.ts';

const FEBRUARY = { from: at('2026-02-01'), to: at('2026-03-01') };
const json = (...objects: object[]) => JSON.stringify(objects);

let world: RevenueWorld;
beforeAll(async () => {
  world = await startRevenueWorld();
  await world.send(
    json(
      stripeInvoice({ id: 'in_days', customer: 'cus_days', metadata: { tenant_id: 'daily' }, total: 10_000, tax: 0 }),
      stripeSubscription({ id: 'sub_other', customer: 'cus_other', metadata: { tenant_id: 'subscribed' } }),
    ),
    '2026-02-02',
  );
}, 60_000);
afterAll(() => world.stop());

describe('margins', () => {
  it('come by tenant, plan and feature, unknown where something is missing', async () => {
    const today = {
      from: Math.floor(REQUESTS_AT / DAY_MS) * DAY_MS,
      to: Math.floor(REQUESTS_AT / DAY_MS) * DAY_MS + DAY_MS,
    };
    const period = { start: today.from / 1_000, end: today.to / 1_000 };
    await world.send(
      json(
        stripeInvoice({
          id: 'in_m',
          customer: 'cus_m',
          metadata: { tenant_id: 'margin' },
          created: period.start,
          total: 1_000,
          tax: 0,
          lines: {
            data: [
              { amount: 700, period, price: { nickname: 'growth' } },
              { amount: 300, period, price: { nickname: 'AI add-on' } },
            ],
          },
        }),
      ),
      '2026-02-02',
    );
    await world.store.insert(segmentFor(['margin'], 30), 'margin');
    world.ledger.costOf = new Map([
      ['margin', 4_000_000n],
      ['cost-only', 1_000_000n],
    ]);
    const ask = (groupBy: 'tenant' | 'plan' | 'feature') =>
      world.revenue.margins({ window: today, groupBy, measure: 'requests' });
    const { tenants, total, currency } = await ask('tenant');
    expect(currency).toBe('USD');
    expect(tenants.find(({ tenantId }) => tenantId === 'margin')).toMatchObject({
      revenueMicro: 10_000_000n,
      costMicro: 4_000_000n,
      marginMicro: 6_000_000n,
      marginPpm: 600_000n,
    });
    expect(tenants.find(({ tenantId }) => tenantId === 'cost-only')).toMatchObject({
      marginMicro: null,
      gap: 'no_revenue',
    });
    expect(total.unknownCostMicro).toBe(1_000_000n);
    expect((await ask('plan')).plans.map(({ plan }) => plan)).toEqual([null]);
    expect(await world.marginRows(ANN, today, 'margin' as TenantId)).toMatchObject([
      { tenantId: 'margin', currency: 'USD', marginMicro: 6_000_000n },
    ]);

    await world.revenue.setFeatures(ANN, [
      { name: 'assistant', routes: [{ service: 'no-such-service', route: '' }], plans: ['AI add-on'] },
      { name: 'everything', routes: [{ service: '', route: '' }], plans: [] },
    ]);
    expect((await world.revenue.features(ANN)).map(({ name }) => name)).toEqual(['assistant', 'everything']);
    const { features } = await ask('feature');
    expect(
      features.map(({ feature, revenueMicro, costMicro, gap }) => [feature, revenueMicro, costMicro, gap]),
    ).toEqual([
      ['assistant', 3_000_000n, 0n, null],
      ['everything', null, 4_000_000n, 'no_revenue'],
      ['(none)', 7_000_000n, 1_000_000n, null],
    ]);
    expect((await world.audited('features.set'))[0]).toMatchObject({ subject: 'ann', before: [] });
  });

  it('are all unknown where no bill covers the time', async () => {
    world.ledger.costOf = new Map();
    const { tenants, total } = await world.revenue.margins({
      window: FEBRUARY,
      groupBy: 'tenant',
      measure: 'requests',
    });
    expect(tenants.length).toBeGreaterThan(1);
    expect(new Set(tenants.map(({ marginMicro }) => marginMicro))).toEqual(new Set([null]));
    expect(total).toMatchObject({ marginMicro: null });
  });
});

describe('forecasts', () => {
  it('of cost go on from the last day that is billed, of revenue from today', async () => {
    world.ledger.costOf = new Map([
      ['margin', 4n],
      ['other', 6n],
    ]);
    const now = at('2026-02-11') + 5;
    world.ledger.questions.length = 0;
    const all = await world.revenue.forecast({ of: 'cost', tenant: undefined, now });
    expect(all).toMatchObject({
      currency: 'USD',
      toDateMicro: 100n,
      expectedMicro: 280n,
      lowMicro: 280n,
      highMicro: 280n,
      gap: null,
    });
    expect(Math.max(...world.ledger.questions.map(({ window }) => window.to))).toBe(at('2026-02-11'));
    expect(await world.revenue.forecast({ of: 'cost', tenant: 'margin' as TenantId, now })).toMatchObject({
      expectedMicro: 112n,
    });
    const daily = await world.revenue.forecast({ of: 'revenue', tenant: 'daily' as TenantId, now });
    expect(daily).toMatchObject({
      currency: 'USD',
      basisDays: 10,
      lowMicro: null,
      gap: expect.stringContaining('needs'),
    });
    expect(Number(daily.expectedMicro)).toBeCloseTo(100_000_000, -2);
    expect(await world.revenue.forecast({ of: 'revenue', tenant: 'nobody' as TenantId, now })).toMatchObject({
      currency: null,
      expectedMicro: null,
    });
  });
});
