import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const ask = (url: string) => api.app.inject({ url, headers: bearer(ADMIN_TOKEN) });
const send = (method: 'POST' | 'PUT', url: string, payload: object) =>
  api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), payload });

describe('an import', () => {
  it('hands on the file, the moment that it tells of, and what coupons are worth', async () => {
    const answer = await send('POST', '/v1/revenue/imports', {
      file_name: 'subscriptions.csv',
      content: 'id,…\n',
      as_of: '2026-05-01T00:00:00Z',
      coupons: { SPRING: { percent: 12.5 }, LOYAL: { amount_micro: 5_000_000 } },
    });
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      {
        id: 'import-1',
        is_new: true,
        subscriptions: 1,
        invoices: 0,
        added: 1,
        changed: 0,
        unchanged: 0,
        unmapped_customers: 1,
      },
    ]);
    expect(api.ports.revenue.imported).toEqual([
      {
        fileName: 'subscriptions.csv',
        content: 'id,…\n',
        asOf: Date.UTC(2026, 4, 1),
        coupons: new Map<string, object>([
          ['SPRING', { kind: 'percent', ppm: 125_000, endsAt: null }],
          ['LOYAL', { kind: 'amount', amountMicro: 5_000_000n, endsAt: null }],
        ]),
      },
    ]);
    await send('POST', '/v1/revenue/imports', { file_name: 'x', content: 'x'.repeat(1_000_000) });
    expect(api.ports.revenue.imported[1]?.asOf).toBe(START);
    await send('POST', '/v1/revenue/imports', { file_name: 'x', content: 'x', dry_run: true });
    expect(api.ports.revenue.imported[2]?.dryRun).toBe(true);
  });

  it.each([
    { file_name: 'x' },
    { file_name: 'a\nb', content: 'x' },
    { file_name: 'x', content: '' },
    { file_name: 'x', content: 'x', as_of: 'yesterday' },
    { file_name: 'x', content: 'x', coupons: { A: { percent: 101 } } },
    { file_name: 'x', content: 'x', coupons: { A: { percent: 1, amount_micro: 1 } } },
    { file_name: 'x', content: 'x', extra: true },
  ])('is refused: %j', async (payload) => {
    expect((await send('POST', '/v1/revenue/imports', payload)).statusCode).toBe(400);
  });
});

describe('customers', () => {
  it('are mapped by any id that a billing system may have', async () => {
    const id = 'org/7 ü';
    const answer = await send('PUT', `/v1/revenue/customers/${encodeURIComponent(id)}`, { tenant_id: OWN });
    expect(answer.json()).toEqual({ customer_id: id, tenant_id: OWN });
    expect(api.ports.revenue.mapped.get(id)).toBe(OWN);
    expect((await send('PUT', '/v1/revenue/customers/a%00b', { tenant_id: OWN })).statusCode).toBe(400);
    expect((await send('PUT', '/v1/revenue/customers/a', { tenant_id: '../x' })).statusCode).toBe(400);
  });
});

describe('money', () => {
  it('is a number while that is exact, digits beyond, and null where it is unknown', async () => {
    const row = { tenantId: OWN as TenantId, plan: null, currency: 'VND' };
    api.ports.revenue.rows = [
      { ...row, mrrMicro: null, revenueMicro: 9_007_199_254_740_991n },
      { ...row, mrrMicro: 0n, revenueMicro: 9_007_199_254_740_993n },
    ];
    const { items, movements } = (await ask('/v1/revenue')).json();
    expect(items.map((item: Record<string, unknown>) => [item['mrr_micro'], item['revenue_micro']])).toEqual([
      [null, 9_007_199_254_740_991],
      [0, '9007199254740993'],
    ]);
    expect(movements[0]).toMatchObject({ before_micro: 1, churn_micro: 1, after_micro: 4, unknown_tenants: 1 });
  });
});

describe('margins and forecasts', () => {
  it('answer in percent, and say why there is none', async () => {
    api.ports.revenue.answer = {
      tenants: [
        {
          tenantId: OWN,
          plan: 'growth',
          revenueMicro: 3n,
          costMicro: 2n,
          marginMicro: 1n,
          marginPpm: 333_333n,
          gap: null,
        },
        {
          tenantId: OWN,
          plan: null,
          revenueMicro: null,
          costMicro: 2n,
          marginMicro: null,
          marginPpm: null,
          gap: 'no_revenue',
        },
      ],
    };
    const body = (await ask('/v1/margins?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z')).json();
    expect(body.tenants).toMatchObject([
      { margin_micro: 1, margin_percent: 33.3333, gap: null },
      { margin_micro: null, margin_percent: null, gap: 'no_revenue' },
    ]);
    expect(api.ports.revenue.marginQuestions.at(-1)).toMatchObject({ groupBy: 'tenant', measure: 'busy_ns' });
    expect((await ask('/v1/forecasts?of=revenue')).json()).toMatchObject({
      of: 'revenue',
      tenant_id: null,
      to_date_micro: 5,
      low_micro: null,
      gap: 'too few days',
    });
  });

  it.each([
    '/v1/margins?group_by=service',
    '/v1/margins?feature_usage=love',
    '/v1/forecasts?of=luck',
    '/v1/forecasts?tenant_id=a%2Fb',
    '/v1/revenue?from=now',
  ])('%s is refused', async (url) => {
    expect((await ask(url)).statusCode).toBe(400);
  });

  it('know features by distinct names', async () => {
    const feature = { name: 'search', routes: [{ service: '', route: '/search' }], plans: [] };
    expect((await send('PUT', '/v1/margins/features', { items: [feature] })).json()).toEqual({ items: [feature] });
    expect((await ask('/v1/margins/features')).json()).toEqual({ items: [feature] });
    expect((await send('PUT', '/v1/margins/features', { items: [feature, feature] })).statusCode).toBe(400);
    expect((await send('PUT', '/v1/margins/features', { items: [{ ...feature, name: '(none)' }] })).statusCode).toBe(
      400,
    );
  });
});
