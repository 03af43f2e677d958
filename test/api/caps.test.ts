import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';
import { spendCap, spendReport, uuidOf } from '../support/spend-samples.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.caps.books.caps = [];
  api.ports.caps.books.accounts.clear();
  api.ports.caps.books.reservations.clear();
});

const CAP = { period: 'month', amount_micro: 50_000_000, currency: 'USD' };
const put = (payload: object, path = `/v1/caps/${OWN}`) =>
  api.app.inject({ method: 'PUT', url: path, headers: bearer(ADMIN_TOKEN), payload });
const get = (path: string, token = ADMIN_TOKEN) => api.app.inject({ url: path, headers: bearer(token) });
const post = (path: string, payload: object, key: string) =>
  api.app.inject({ method: 'POST', url: path, headers: bearer(key), payload });
const request = (changes = {}) => ({
  id: uuidOf(1),
  tenant_id: OWN,
  instance_id: 'i-1',
  service: 'shop',
  at_least_micro: 100,
  ...changes,
});

describe('a cap', () => {
  test('is set with defaults that hold, and shows its period with nothing spent', async () => {
    const answer = await put(CAP);
    expect(answer.json()).toMatchObject({
      tenant_id: OWN,
      source: 'tenant',
      key: null,
      model: null,
      time_zone: 'UTC',
      ladder: [
        { percent: 70, step: 'warn' },
        { percent: 90, step: 'cached_only' },
        { percent: 100, step: 'blocked' },
      ],
      on_unavailable: 'open',
      on_unpriced: 'allow',
      period_start: '2026-06-01T00:00:00.000Z',
      period_end: '2026-07-01T00:00:00.000Z',
      spent_micro: 0,
      reserved_micro: 0,
      observed_micro: null,
      limit_micro: 50_000_000,
      available_micro: 50_000_000,
      step: 'ok',
    });
    expect((await get('/v1/caps')).json().items).toEqual([answer.json()]);
  });

  test.each([
    ['another currency', { currency: 'EUR' }],
    ['an amount below nothing', { amount_micro: -1 }],
    ['a fraction of a micro-dollar', { amount_micro: 0.5 }],
    ['more than a number can hold', { amount_micro: 2 ** 53 }],
    ['another period', { period: 'week' }],
    ['a zone that is none', { time_zone: 'Mars/Olympus' }],
    ['an offset for a zone', { time_zone: '+02:00' }],
    [
      'a ladder that falls',
      {
        ladder: [
          { percent: 90, step: 'blocked' },
          { percent: 100, step: 'warn' },
        ],
      },
    ],
    [
      'a ladder with a rung twice',
      {
        ladder: [
          { percent: 90, step: 'warn' },
          { percent: 90, step: 'blocked' },
        ],
      },
    ],
    ['an empty key', { key: '' }],
    ['a field that there is not', { amount: 5 }],
  ])('is refused with %s', async (_what, changes) => {
    const answer = await put({ ...CAP, ...changes });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(api.ports.caps.books.caps).toEqual([]);
  });

  test('is removed by its period, key and model', async () => {
    await put({ ...CAP, key: 'bob' });
    const remove = (query: string) =>
      api.app.inject({ method: 'DELETE', url: `/v1/caps/${OWN}?${query}`, headers: bearer(ADMIN_TOKEN) });
    expect((await remove('period=month')).statusCode).toBe(404);
    expect((await remove('period=month&key=bob')).statusCode).toBe(204);
    expect((await remove('period=month&key=bob')).statusCode).toBe(404);
  });

  test('is shown to its tenant without names of staff and figures of instances', async () => {
    await put(CAP);
    await put(CAP, `/v1/caps/${OTHER}`);
    const viewer = await api.issuer.issueToken('viewer', OWN);
    const { items } = (await get('/v1/caps', viewer)).json();
    expect(items).toMatchObject([{ tenant_id: OWN, updated_by: 'operator', in_flight_calls: null }]);
    expect((await get('/v1/caps')).json().items).toHaveLength(2);
  });

  test('comes in pages that belong to their query', async () => {
    for (const key of ['a', 'b', 'c']) await put({ ...CAP, key });
    const first = (await get('/v1/caps?limit=2')).json();
    const second = (await get(`/v1/caps?limit=2&cursor=${first.next_cursor}`)).json();
    const keys = [...first.items, ...second.items].map((item: { key: string }) => item.key);
    expect([keys, second.next_cursor]).toEqual([['a', 'b', 'c'], null]);
    expect((await get(`/v1/caps?limit=1&cursor=${first.next_cursor}`)).statusCode).toBe(400);
  });

  test('of a plan is set, listed and removed', async () => {
    expect((await put(CAP, '/v1/plan-caps/growth')).json()).toMatchObject({ plan: 'growth', amount_micro: 50_000_000 });
    expect((await put(CAP, '/v1/plan-caps/-growth')).statusCode).toBe(400);
    expect((await get('/v1/plan-caps')).json().items).toHaveLength(1);
    const url = '/v1/plan-caps/growth?period=month';
    const removed = await api.app.inject({ method: 'DELETE', url, headers: bearer(ADMIN_TOKEN) });
    expect([removed.statusCode, (await get('/v1/plan-caps')).json().items]).toEqual([204, []]);
  });
});

describe('budget', () => {
  test('is reserved, settled once, and seen on the cap', async () => {
    api.ports.caps.books.caps = [spendCap({ amountMicro: 1_000 })];
    const key = api.ports.keys.issue(['flags']);
    const granted = await post('/v1/spend/reservations', request(), key);
    expect(granted.json()).toMatchObject({
      outcome: 'granted',
      granted_micro: 100,
      available_micro: 900,
      by_key: false,
    });
    const settle = () =>
      post(
        '/v1/spend/settlements',
        {
          instance_id: 'i-1',
          service: 'shop',
          items: [spendReport(uuidOf(1), { spent_micro: 80, calls: 1, closed: true })],
        },
        key,
      );
    expect((await settle()).json()).toEqual({ items: [{ id: uuidOf(1), state: 'closed' }] });
    expect((await settle()).json()).toEqual({ items: [{ id: uuidOf(1), state: 'closed' }] });
    const [item] = (await get('/v1/caps')).json().items;
    expect(item).toMatchObject({
      spent_micro: 80,
      reserved_micro: 0,
      calls: 1,
      period_start: new Date(START - 12 * 3_600_000).toISOString(),
    });
  });

  test("of another tenant is not given to a tenant's key, nor settled by it", async () => {
    api.ports.caps.books.caps = [spendCap({ amountMicro: 1_000 })];
    const key = api.ports.keys.issue(['flags'], OTHER);
    expect((await post('/v1/spend/reservations', request(), key)).statusCode).toBe(404);
    await post('/v1/spend/reservations', request(), api.ports.keys.issue(['flags']));
    const items = [spendReport(uuidOf(1), { tenant_id: OWN, closed: true })];
    const forged = await post('/v1/spend/settlements', { instance_id: 'i', service: 's', items }, key);
    expect(forged.statusCode).toBe(404);
    // Naming itself as the tenant finds nothing either.
    const own = [spendReport(uuidOf(1), { tenant_id: OTHER, closed: true })];
    const missed = await post('/v1/spend/settlements', { instance_id: 'i', service: 's', items: own }, key);
    expect(missed.json()).toEqual({ items: [{ id: uuidOf(1), state: 'unknown' }] });
    expect([...api.ports.caps.books.reservations.values()]).toMatchObject([{ state: 'open', tenantId: OWN }]);
  });
});
