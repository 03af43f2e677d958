import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { QuotaStanding } from '../../src/domain/quota.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let viewer: string;
beforeAll(async () => {
  api = await startApi();
  viewer = await api.issuer.issueToken('viewer', OWN);
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.sales.quotas.standings = [];
  api.ports.sales.quotas.questions.length = 0;
});

const WINDOW = { from: Date.UTC(2026, 5, 1), to: Date.UTC(2026, 6, 1) };
const standing = (tenantId: TenantId, changes: Partial<QuotaStanding> = {}): QuotaStanding => ({
  tenantId,
  plan: 'growth',
  quota: { key: 'requests', period: 'month', limit: 1_000n, kind: 'hard', burst: null },
  window: WINDOW,
  used: 930n,
  burstSpent: 0n,
  share: 0.93,
  state: 'reached_90',
  forecast: { kind: 'met', at: START, earliest: START, latest: null, basisHours: 300 },
  ...changes,
});
const get = async (path: string, token = ADMIN_TOKEN) =>
  (await api.app.inject({ url: path, headers: bearer(token) })).json();
const send = (method: 'PUT' | 'POST', url: string, payload: object) =>
  api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), payload });

describe('quotas', () => {
  test('are told with what was used, what is left for how long, and what is not known', async () => {
    api.ports.sales.quotas.standings = [
      standing(OWN),
      standing(OTHER, { used: null, share: null, state: 'unknown', forecast: null }),
    ];
    const { items, next_cursor } = await get('/v1/quotas');
    expect(items).toEqual([
      {
        tenant_id: OWN,
        plan: 'growth',
        key: 'requests',
        unit: 'requests',
        period: 'month',
        kind: 'hard',
        limit: 1_000,
        used: 930,
        share: 0.93,
        state: 'reached_90',
        burst_spent: 0,
        period_start: '2026-06-01T00:00:00.000Z',
        period_end: '2026-07-01T00:00:00.000Z',
        forecast: {
          kind: 'met',
          at: new Date(START).toISOString(),
          earliest: new Date(START).toISOString(),
          latest: null,
          basis_hours: 300,
        },
      },
      expect.objectContaining({ tenant_id: OTHER, used: null, share: null, state: 'unknown', forecast: null }),
    ]);
    expect(next_cursor).toBeNull();
  });

  test('are filtered by key and state', async () => {
    api.ports.sales.quotas.standings = [standing(OWN), standing(OTHER, { state: 'ok' })];
    expect((await get('/v1/quotas?state=ok')).items).toMatchObject([{ tenant_id: OTHER }]);
    expect((await get('/v1/quotas?key=seats')).items).toEqual([]);
  });

  test("of a tenant are its own, and it is told nothing of another's", async () => {
    api.ports.sales.quotas.standings = [standing(OWN), standing(OTHER)];
    expect((await get('/v1/quotas', viewer)).items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([OWN]);
    expect((await get(`/v1/quotas?tenant_id=${OTHER}`, viewer)).code).toBe('NOT_FOUND');
  });

  test('come in pages of tenants that keep the moment they began with', async () => {
    api.ports.sales.quotas.standings = ['a', 'b', 'c'].map((id) => standing(id as TenantId));
    const first = await get('/v1/quotas?limit=2');
    api.clock.now += 60_000;
    const second = await get(`/v1/quotas?limit=2&cursor=${first.next_cursor}`);
    api.clock.now = START;
    expect([...first.items, ...second.items].map((item: { tenant_id: string }) => item.tenant_id)).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(api.ports.sales.quotas.questions.map(({ at }) => at)).toEqual([START, START]);
    expect((await get(`/v1/quotas?limit=1&cursor=${first.next_cursor}`)).code).toBe('BAD_REQUEST');
  });

  test('of a past month are asked for by a moment in it', async () => {
    await get('/v1/quotas?at=2026-03-10T00:00:00Z');
    expect(api.ports.sales.quotas.questions).toMatchObject([{ at: Date.UTC(2026, 2, 10), now: START }]);
  });
});

describe('seats', () => {
  test('are pushed for now or for the past, and not for the future', async () => {
    const answer = await send('PUT', `/v1/tenants/${OWN}/seats`, { seats: 12 });
    expect(answer.json()).toEqual({ tenant_id: OWN, seats: 12, at: new Date(START).toISOString() });
    expect(api.ports.sales.quotas.seats.get(OWN)).toBe(12n);
    const late = await send('PUT', `/v1/tenants/${OWN}/seats`, { seats: 5, at: '2026-06-15T12:00:01Z' });
    expect(late.json().code).toBe('BAD_REQUEST');
    for (const seats of [-1, 1.5, '12']) {
      expect((await send('PUT', `/v1/tenants/${OWN}/seats`, { seats })).statusCode).toBe(400);
    }
    expect((await send('PUT', '/v1/tenants/-odd/seats', { seats: 1 })).statusCode).toBe(404);
  });
});

describe('a billing day', () => {
  test.each([
    [15, 200],
    [31, 200],
    [null, 200],
    [0, 400],
    [32, 400],
  ])('of %s is answered %i', async (day, status) => {
    const answer = await send('PUT', `/v1/tenants/${OWN}/billing-day`, { day });
    expect(answer.statusCode).toBe(status);
    if (status === 200) expect(api.ports.sales.quotas.billingDays.get(OWN)).toBe(day);
  });
});

describe('burst credits', () => {
  const id = '00000000-0000-4000-8000-00000000000a';
  const spend = (changes: object = {}) =>
    send('POST', '/v1/burst-credits/spend', {
      id,
      tenant_id: OWN,
      key: 'requests',
      amount: 30,
      reason: 'a launch',
      ...changes,
    });

  test('are spent once for an id, all or nothing, and the ledger tells of it without names of staff', async () => {
    api.ports.sales.burst.open(OWN, 'requests', 100n);
    api.ports.sales.burst.open(OTHER, 'requests', 100n);
    expect((await spend()).json()).toEqual({ outcome: 'spent', spent: 30, balance: 70 });
    expect((await spend()).json()).toEqual({ outcome: 'spent', spent: 30, balance: 70 });
    expect((await spend({ amount: 31 })).json().code).toBe('CONFLICT');
    const more = await spend({ id: id.replace('a', 'b'), amount: 71 });
    expect(more.json()).toEqual({ outcome: 'refused', spent: 0, balance: 70 });
    const [account] = (await get('/v1/burst-credits', viewer)).items;
    expect(account).toMatchObject({
      tenant_id: OWN,
      balance: 70,
      earned: 100,
      spent: 30,
      expired: 0,
      unit: 'requests',
    });
    const entries = await get('/v1/burst-credits/entries', viewer);
    expect(entries.items).toMatchObject([{ amount: 30, debit: 'balance', credit: 'spent', booked_by: 'operator' }]);
    const staff = await get('/v1/burst-credits/entries?limit=1');
    expect(staff.items).toMatchObject([{ booked_by: expect.not.stringContaining('operator') }]);
    expect((await get(`/v1/burst-credits?tenant_id=${OTHER}`, viewer)).code).toBe('NOT_FOUND');
  });

  test.each([
    ['nothing', { amount: 0 }],
    ['a fraction', { amount: 0.5 }],
    ['an id that is none', { id: 'x' }],
    ['a key that there is not', { key: 'coffee' }],
    ['no reason', { reason: '' }],
  ])('are not spent for %s', async (_what, changes) => {
    expect((await spend(changes)).statusCode).toBe(400);
  });
});
