/** Files of billing systems from the import to the revenue of tenants, in the real store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS } from '../../src/domain/window.ts';
import {
  INVOICE_HEADER,
  invoiceLine,
  SUBSCRIPTION_HEADER,
  stripeInvoice,
  stripeItem,
  stripeSubscription,
  subscriptionLine,
} from '../support/revenue-samples.ts';
import { ANN, dayAt as at, type RevenueWorld, startRevenueWorld } from '../support/revenue-world.ts';

const FEBRUARY = { from: at('2026-02-01'), to: at('2026-03-01') };

let world: RevenueWorld;
beforeAll(async () => {
  world = await startRevenueWorld();
}, 60_000);
afterAll(() => world.stop());

const send = (content: string, asOf: string) => world.send(content, asOf);
const json = (...objects: object[]) => JSON.stringify(objects);
const csv = (header: string, ...lines: string[]) => [header, ...lines].join('\n');
const tenantOf = (tenant: string, window = FEBRUARY) => world.tenantOf(tenant, window);

describe('an import', () => {
  it('counts a file once, and its rows once in whatever file they come', async () => {
    const file = csv(SUBSCRIPTION_HEADER, subscriptionLine({ id: 'sub_once', 'tenant_id (metadata)': 'once' }));
    const first = await send(file, '2026-02-01');
    expect(first).toMatchObject({ isNew: true, subscriptions: 1, added: 1, changed: 0, unchanged: 0 });
    expect(await send(file, '2026-02-02')).toEqual({ ...first, isNew: false });
    expect(await send(`${file}\n`, '2026-02-03')).toMatchObject({ isNew: true, added: 0, changed: 0, unchanged: 1 });
    const sameThrice = await Promise.all([1, 2, 3].map(() => send(`${file}\n\n`, '2026-02-04')));
    expect(sameThrice.map(({ isNew }) => isNew).toSorted()).toEqual([false, false, true]);
    expect(await tenantOf('once')).toEqual([
      { tenantId: 'once', plan: 'growth', currency: 'USD', mrrMicro: 29_000_000n, revenueMicro: 0n },
    ]);
  });

  it('changes what is different from then on, and says so in the audit log', async () => {
    const growing = (units: number) =>
      json(
        stripeSubscription({
          id: 'sub_grow',
          customer: 'cus_grow',
          metadata: { tenant_id: 'grow' },
          items: { data: [stripeItem({ quantity: units })] },
        }),
      );
    await send(growing(1), '2026-02-01');
    expect(await send(growing(3), '2026-02-20')).toMatchObject({ added: 0, changed: 1 });
    const mrr = async (day: string) => (await tenantOf('grow', { from: at('2026-01-01'), to: at(day) }))[0]?.mrrMicro;
    expect([await mrr('2026-02-19'), await mrr('2026-02-20')]).toEqual([29_000_000n, 87_000_000n]);
    // An older file, told late, belongs between what is known.
    await send(growing(2), '2026-02-10');
    expect([await mrr('2026-02-09'), await mrr('2026-02-10'), await mrr('2026-02-20')]).toEqual([
      29_000_000n,
      58_000_000n,
      87_000_000n,
    ]);
    const changes = (await world.audited('revenue.change')).filter(
      ({ resource }) => resource === 'subscription/sub_grow',
    );
    expect(changes).toHaveLength(2);
    expect(changes[1]).toMatchObject({
      tenantId: 'grow',
      subject: 'ann',
      before: { items: [{ quantity: 1 }] },
      after: { items: [{ quantity: 3 }] },
    });
    const moves = await world.revenue.movements({ from: at('2026-02-15'), to: at('2026-02-25') });
    expect(moves.find(({ currency }) => currency === 'USD')).toMatchObject({ expansion: 29_000_000n, contraction: 0n });
  });

  it('lets a subscription end when it ended, and not when the file was made', async () => {
    const subscription = { id: 'sub_end', customer: 'cus_end', metadata: { tenant_id: 'ended' } };
    await send(json(stripeSubscription(subscription)), '2026-02-01');
    await send(
      json(stripeSubscription({ ...subscription, status: 'canceled', ended_at: at('2026-02-12') / 1_000 })),
      '2026-04-01',
    );
    const mrr = async (day: string) => (await tenantOf('ended', { from: at('2026-01-01'), to: at(day) }))[0]?.mrrMicro;
    expect([await mrr('2026-02-12'), await mrr('2026-02-11')]).toEqual([0n, 29_000_000n]);
  });

  it('is all or nothing', async () => {
    const bad = csv(INVOICE_HEADER, invoiceLine({ id: 'in_good' }), invoiceLine({ id: 'in_bad', Total: 'much' }));
    await expect(send(bad, '2026-02-01')).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('line 3'),
    });
    await expect(send(INVOICE_HEADER, '2026-02-01')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect((await world.revenue.imports(ANN)).some(({ invoices }) => invoices > 0)).toBe(false);
  });

  it('that is only looked at says what it would do, and leaves nothing', async () => {
    const file = csv(SUBSCRIPTION_HEADER, subscriptionLine({ id: 'sub_looked', 'Customer ID': 'cus_looked' }));
    const before = [
      await world.revenue.imports(ANN),
      await world.revenue.unmapped(ANN),
      await world.audited('revenue.import'),
    ];
    const looked = { fileName: 'export', content: file, asOf: at('2026-02-01'), coupons: new Map(), dryRun: true };
    expect(await world.revenue.import(ANN, looked)).toMatchObject({
      ...{ isNew: true, subscriptions: 1, added: 1 },
      unmapped: (before[1]?.length ?? 0) + 1,
    });
    const after = [
      await world.revenue.imports(ANN),
      await world.revenue.unmapped(ANN),
      await world.audited('revenue.import'),
    ];
    expect(after).toEqual(before);
    await expect(
      world.revenue.import(ANN, { ...looked, content: csv(INVOICE_HEADER, invoiceLine({ Total: 'much' })) }),
    ).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    expect(await send(file, '2026-02-01')).toMatchObject({ isNew: true, added: 1 });
  });

  it('takes an invoice that changed for what it is now', async () => {
    await send(csv(INVOICE_HEADER, invoiceLine({ id: 'in_void', Customer: 'cus_void' })), '2026-02-02');
    await world.revenue.map(ANN, 'cus_void', 'voided' as TenantId);
    expect((await tenantOf('voided'))[0]?.revenueMicro).toBe(25_000_000n);
    await send(csv(INVOICE_HEADER, invoiceLine({ id: 'in_void', Customer: 'cus_void', Status: 'void' })), '2026-02-03');
    expect((await tenantOf('voided'))[0]?.revenueMicro).toBe(0n);
  });
});

describe('customers', () => {
  it('that are no tenant are listed and counted nowhere, until somebody says who they are', async () => {
    await send(
      csv(
        INVOICE_HEADER,
        invoiceLine({ id: 'in_x1', Customer: 'cus_x' }),
        invoiceLine({ id: 'in_x2', Customer: 'cus_x' }),
      ),
      '2026-02-02',
    );
    await send(csv(SUBSCRIPTION_HEADER, subscriptionLine({ id: 'sub_x', 'Customer ID': 'cus_x' })), '2026-02-02');
    expect(await world.revenue.unmapped(ANN)).toContainEqual({ customerId: 'cus_x', subscriptions: 1, invoices: 2 });
    expect(await tenantOf('mapped')).toEqual([]);
    await world.revenue.map(ANN, 'cus_x', 'mapped' as TenantId);
    expect(await tenantOf('mapped')).toMatchObject([{ mrrMicro: 29_000_000n, revenueMicro: 50_000_000n }]);
    expect((await world.revenue.unmapped(ANN)).map(({ customerId }) => customerId)).not.toContain('cus_x');
    await send(csv(INVOICE_HEADER, invoiceLine({ id: 'in_x3', Customer: 'cus_x', Currency: 'eur' })), '2026-02-03');
    expect((await tenantOf('mapped')).map(({ currency, revenueMicro }) => [currency, revenueMicro])).toEqual([
      ['EUR', 25_000_000n],
      ['USD', 50_000_000n],
    ]);
    // Somebody was wrong: everything moves; what a file itself said stays.
    await send(
      json(stripeInvoice({ id: 'in_x4', customer: 'cus_x', metadata: { tenant_id: 'own-word' } })),
      '2026-02-03',
    );
    await world.revenue.map(ANN, 'cus_x', 'moved' as TenantId);
    expect([
      (await tenantOf('mapped')).length,
      (await tenantOf('moved')).length,
      (await tenantOf('own-word')).length,
    ]).toEqual([0, 2, 1]);
    expect((await world.audited('revenue.map')).map(({ tenantId, before }) => [tenantId, before])).toContainEqual([
      'moved',
      { tenantId: 'mapped' },
    ]);
  });
});

describe('recognised revenue', () => {
  it('of days adds up to that of their month', async () => {
    await send(
      json(
        stripeInvoice({ id: 'in_days', customer: 'cus_days', metadata: { tenant_id: 'daily' }, total: 10_000, tax: 0 }),
      ),
      '2026-02-02',
    );
    let sum = 0n;
    for (let day = FEBRUARY.from; day < FEBRUARY.to; day += DAY_MS) {
      sum += (await tenantOf('daily', { from: day, to: day + DAY_MS }))[0]?.revenueMicro ?? 0n;
    }
    expect(sum).toBe(100_000_000n);
    // Nobody told of a subscription, so what recurs is not known, which is not nothing.
    expect(await tenantOf('daily')).toMatchObject([{ mrrMicro: null, revenueMicro: 100_000_000n }]);
  });
});
