import { describe, expect, it } from 'vitest';
import { readRevenueFile } from '../../src/cost/revenue-file.ts';
import { mrrAt } from '../../src/cost/revenue-mrr.ts';
import { SUBSCRIPTION_STATUSES } from '../../src/domain/revenue.ts';
import {
  INVOICE_HEADER,
  invoiceLine,
  SUBSCRIPTION_HEADER,
  stripeInvoice,
  stripeItem,
  stripeLine,
  stripeSubscription,
  subscriptionLine,
} from '../support/revenue-samples.ts';

const NO_COUPONS = new Map();
const AT = Date.UTC(2026, 5, 1);
const read = (text: string, coupons = NO_COUPONS) => readRevenueFile(text, coupons);
const csv = (...lines: string[]) => read([SUBSCRIPTION_HEADER, ...lines].join('\n'));
const invoices = (...lines: string[]) => read([INVOICE_HEADER, ...lines].join('\n'));
const json = (value: unknown) => read(JSON.stringify(value));

async function mrrOf(reading: ReturnType<typeof read>) {
  const { subscriptions, problems } = await reading;
  expect(problems).toEqual([]);
  return subscriptions.map((subscription) => mrrAt(subscription, AT));
}

describe("an export of Stripe's dashboard", () => {
  it('gives subscriptions of every status', async () => {
    const lines = SUBSCRIPTION_STATUSES.map((status) => subscriptionLine({ id: `sub_${status}`, Status: status }));
    const { format, subscriptions, problems } = await csv(...lines);
    expect([format, problems]).toEqual(['stripe-csv', []]);
    expect(subscriptions.map(({ status }) => status)).toEqual([...SUBSCRIPTION_STATUSES]);
    const worth = subscriptions.map((subscription) => [subscription.status, mrrAt(subscription, AT)]);
    expect(worth.filter(([, mrr]) => mrr !== 0n)).toEqual([
      ['active', 29_000_000n],
      ['past_due', 29_000_000n],
    ]);
  });

  it('names tenant, times, and several items of one subscription', async () => {
    const { subscriptions } = await csv(
      subscriptionLine({
        'tenant_id (metadata)': 'acme',
        'Trial End (UTC)': '2026-01-19 10:00',
        Status: 'canceled',
        'Canceled At (UTC)': '2026-03-01 08:30',
      }),
      subscriptionLine({ Plan: 'seats, extra', Quantity: '4', Amount: '5,50' }),
    );
    expect(subscriptions).toHaveLength(1);
    expect(subscriptions[0]).toMatchObject({
      tenantId: 'acme',
      startedAt: Date.UTC(2026, 0, 5, 10),
      trialEndsAt: Date.UTC(2026, 0, 19, 10),
      endedAt: Date.UTC(2026, 2, 1, 8, 30),
      items: [
        { plan: 'growth', unitPico: 29_000_000_000_000n, quantity: 1 },
        { plan: 'seats, extra', unitPico: 5_500_000_000_000n, quantity: 4 },
      ],
    });
  });

  it.each<[string, Record<string, string>, bigint | null]>([
    ['yen have no decimals', { Currency: 'jpy', Amount: '2900' }, 2_900_000_000n],
    ['dinars have three', { Currency: 'kwd', Amount: '8.500' }, 8_500_000n],
    ['a quarter', { Interval: '3 months', Amount: '90.00' }, 30_000_000n],
    ['every 2 years', { Interval: 'every 2 years', Amount: '240.00' }, 10_000_000n],
    ['tiers have no amount', { Amount: '' }, null],
    ['a coupon of nobody knows what', { Coupon: 'SPRING' }, null],
  ])('knows that %s', async (_what, changes, expected) => {
    expect(await mrrOf(csv(subscriptionLine(changes)))).toEqual([expected]);
  });

  it('takes coupons for what they are said to be worth', async () => {
    const coupons = new Map([['SPRING', { kind: 'percent', ppm: 500_000, endsAt: null } as const]]);
    expect(
      await mrrOf(read([SUBSCRIPTION_HEADER, subscriptionLine({ Coupon: 'SPRING' })].join('\n'), coupons)),
    ).toEqual([14_500_000n]);
  });

  it('gives invoices without tax, over the time that they are for', async () => {
    const reading = await invoices(
      invoiceLine(),
      invoiceLine({
        id: 'in_2',
        Status: 'draft',
        'Minimum Line Item Period Start (UTC)': '',
        'Maximum Line Item Period End (UTC)': '',
        Tax: '',
      }),
    );
    expect(reading.problems).toEqual([]);
    expect(reading.invoices[0]).toMatchObject({
      status: 'paid',
      lines: [{ amountMicro: 25_000_000n, from: Date.UTC(2026, 1, 1), to: Date.UTC(2026, 2, 1) }],
    });
    expect(reading.invoices[1]?.lines).toEqual([
      { plan: '', amountMicro: 29_750_000n, from: Date.UTC(2026, 1, 1), to: Date.UTC(2026, 1, 1) },
    ]);
  });

  it('reports everything that is wrong with its lines, and their numbers', async () => {
    const { problems } = await csv(
      subscriptionLine(),
      subscriptionLine({ id: 'sub_2', Status: 'sleeping' }),
      subscriptionLine({ id: 'sub_3', Currency: 'XXX' }),
      subscriptionLine({ id: 'sub_4', Amount: '1,234.50' }),
      subscriptionLine({ id: 'sub_5', 'Start Date (UTC)': '2026-02-30 10:00' }),
      subscriptionLine({ id: '' }),
      subscriptionLine({ id: 'sub_7', Quantity: '1.5' }),
      subscriptionLine({ id: 'sub_8', Interval: 'fortnight' }),
      subscriptionLine({ id: 'sub_9', 'tenant_id (metadata)': '../acme' }),
      'sub_10,too,few',
      subscriptionLine(),
    );
    expect(problems.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(problems.map(({ problem }) => problem).join('\n')).toMatch(
      /status(.|\n)*currency(.|\n)*amount(.|\n)*start(.|\n)*id(.|\n)*quantity(.|\n)*interval(.|\n)*tenant_id(.|\n)*same as line 2/,
    );
    expect((await invoices(invoiceLine(), invoiceLine({ Total: '99.00' }))).problems).toEqual([
      { line: 3, problem: 'has the id of line 2' },
    ]);
  });

  it.each(['', 'a,b\n1,2', 'name,email\nAnn,ann@example.com'])(
    'is refused as a whole when it is none: %j',
    async (text) => {
      await expect(read(text)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    },
  );
});

describe('our own columns', () => {
  it('are read with discounts and amounts without tax', async () => {
    const subscriptions = await read(
      '\uFEFFsubscription_id;customer_id;tenant_id;plan;status;currency;amount;quantity;interval;interval_count;started_at;discount_percent;discount_ends_at\n' +
        's-1;c-1;acme;growth;active;EUR;100;3;month;1;2026-01-01T00:00:00Z;12.5;2027-01-01\n',
    );
    expect([subscriptions.format, subscriptions.problems]).toEqual(['csv', []]);
    expect(await mrrOf(Promise.resolve(subscriptions))).toEqual([262_500_000n]);
    const { invoices: own } = await read(
      'invoice_id,customer_id,plan,status,currency,amount,issued_at,period_from,period_to\ni-1,c-1,growth,open,EUR,100.10,2026-02-01,2026-02-01,2026-03-01\n',
    );
    expect(own[0]?.lines).toEqual([
      { plan: 'growth', amountMicro: 100_100_000n, from: Date.UTC(2026, 1, 1), to: Date.UTC(2026, 2, 1) },
    ]);
  });
});

describe("pages of Stripe's API", () => {
  it.each([
    ['a page', { object: 'list', data: [stripeSubscription()], has_more: false }],
    [
      'several pages',
      [
        { object: 'list', data: [stripeSubscription()] },
        { object: 'list', data: [stripeInvoice()] },
      ],
    ],
    ['a list', [stripeSubscription()]],
  ])('are read as %s', async (_what, value) => {
    const { format, subscriptions, problems } = await json(value);
    expect([format, subscriptions.length, subscriptions[0]?.tenantId, problems]).toEqual([
      'stripe-json',
      1,
      'acme',
      [],
    ]);
    const lines = await read(
      [value]
        .flat()
        .map((one) => JSON.stringify(one))
        .join('\n'),
    );
    expect(lines.subscriptions).toEqual(subscriptions);
  });

  it.each<[string, Record<string, unknown>, bigint | null]>([
    ['a price in cents', {}, 29_000_000n],
    ['yen', { currency: 'jpy' }, 2_900_000_000n],
    ['krona of Iceland, with the decimals that Stripe keeps', { currency: 'isk' }, 29_000_000n],
    ['dinars', { currency: 'bhd' }, 2_900_000n],
    [
      'fractions of a cent',
      { items: { data: [stripeItem({ quantity: 1_000 }, { unit_amount: null, unit_amount_decimal: '0.05' })] } },
      500_000n,
    ],
    [
      'a plan of old',
      { items: { data: [{ quantity: 2, plan: { id: 'gold', amount: 1_000, interval: 'year', interval_count: 1 } }] } },
      1_666_667n,
    ],
    [
      'metered use',
      {
        items: {
          data: [
            stripeItem(
              { quantity: undefined },
              { recurring: { interval: 'month', interval_count: 1, usage_type: 'metered' } },
            ),
          ],
        },
      },
      0n,
    ],
    ['tiers', { items: { data: [stripeItem({}, { unit_amount: null, unit_amount_decimal: null })] } }, null],
    ['a paused collection', { pause_collection: { behavior: 'void', resumes_at: null } }, 0n],
    ['an end that is said but not reached', { cancel_at_period_end: true, canceled_at: 1_770_000_000 }, 29_000_000n],
    ['percent off', { discount: { coupon: { percent_off: 10, duration: 'forever' }, end: null } }, 26_100_000n],
    [
      'an amount off',
      {
        discounts: [
          { source: { coupon: { amount_off: 900, currency: 'usd', duration: 'repeating' } }, end: AT / 1_000 + 1 },
        ],
      },
      20_000_000n,
    ],
    [
      'a discount that is over',
      { discounts: [{ coupon: { amount_off: 900, currency: 'usd', duration: 'repeating' }, end: AT / 1_000 }] },
      29_000_000n,
    ],
    ['a discount once', { discount: { coupon: { percent_off: 100, duration: 'once' }, end: null } }, 29_000_000n],
    ['a discount by its id', { discounts: ['di_1'] }, null],
    [
      'an amount off in another currency',
      { discount: { coupon: { amount_off: 900, currency: 'eur', duration: 'forever' } } },
      null,
    ],
  ])('know %s', async (_what, changes, expected) => {
    expect(await mrrOf(json([stripeSubscription(changes)]))).toEqual([expected]);
  });

  it('give invoices line by line, net of tax, discounts and credit notes, and add up', async () => {
    const prorated = [stripeLine({ amount: -500, price: { nickname: 'starter' } }), stripeLine({ amount: 3_000 })];
    const cases: [Record<string, unknown>, bigint[]][] = [
      [{}, [25_000_000n]],
      [{ total: 2_500, tax: null, total_excluding_tax: 2_500, lines: { data: prorated } }, [-5_000_000n, 30_000_000n]],
      [{ total: 2_000, tax: 0, lines: { data: [stripeLine({ discount_amounts: [{ amount: 500 }] })] } }, [20_000_000n]],
      [
        {
          total: 2_500,
          total_taxes: [{ amount: 400 }],
          tax: undefined,
          lines: { data: [stripeLine({ taxes: [{ amount: 400, tax_behavior: 'inclusive' }] })] },
        },
        [21_000_000n],
      ],
      [{ post_payment_credit_notes_amount: 1_190 }, [25_000_000n, -10_000_000n]],
      [{ total: 0, tax: 0, lines: { data: [] } }, [0n]],
      [{ currency: 'jpy', total: 119, tax: 19, lines: { data: [stripeLine({ amount: 100 })] } }, [100_000_000n]],
    ];
    for (const [changes, amounts] of cases) {
      const {
        invoices: [invoice],
        problems,
      } = await json([stripeInvoice(changes)]);
      expect(problems).toEqual([]);
      expect(invoice?.lines.map(({ amountMicro }) => amountMicro)).toEqual(amounts);
    }
  });

  it('find the tenant at the customer or the subscription', async () => {
    const customer = { id: 'cus_7', object: 'customer', metadata: { tenant_id: 'globex' } };
    const { invoices: own } = await json([
      stripeInvoice({ customer }),
      stripeInvoice({
        id: 'in_2',
        parent: { subscription_details: { subscription: 'sub_9', metadata: { tenant_id: 'initech' } } },
        subscription: undefined,
      }),
      stripeInvoice({ id: 'in_3' }),
    ]);
    expect(own.map(({ customerId, tenantId, subscriptionId }) => [customerId, tenantId, subscriptionId])).toEqual([
      ['cus_7', 'globex', 'sub_1'],
      ['cus_1', 'initech', 'sub_9'],
      ['cus_1', null, 'sub_1'],
    ]);
  });

  it('report objects that cannot be understood, by their place', async () => {
    const { problems } = await json([
      { object: 'charge', id: 'ch_1' },
      stripeSubscription({ status: 'asleep' }),
      stripeSubscription({ items: { data: [] } }),
      stripeSubscription({ start_date: 'yesterday' }),
      stripeInvoice({ total: 1.5 }),
      stripeInvoice({ lines: { has_more: true, data: [stripeLine()] } }),
      null,
      stripeSubscription({ id: 'sub_8', items: { data: [stripeItem({ quantity: -1 })] } }),
    ]);
    expect(problems.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await expect(read('{"object":"list",')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
