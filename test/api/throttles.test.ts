import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewThrottle } from '../../src/api/contract.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const GOOD: NewThrottle = {
  tenant_id: OWN,
  scope: { service: 'checkout', route: '/orders/:id' },
  limit: { requests_per_second: 2.5, burst: 4 },
  mode: 'enforce',
  expires_in_seconds: 120,
  reason: 'Import job floods /orders: 812/s instead of 90/s',
};

function post(payload: unknown) {
  const headers = { ...bearer(ADMIN_TOKEN), 'content-type': 'application/json' };
  return api.app.inject({ method: 'POST', url: '/v1/throttles', headers, payload: JSON.stringify(payload) });
}

async function listed(query = ''): Promise<{ id: string; status: string; ended_at: string | null }[]> {
  return (await api.app.inject({ url: `/v1/throttles${query}`, headers: bearer(ADMIN_TOKEN) })).json().items;
}

test('a throttle is created as asked and listed first', async () => {
  const answer = await post(GOOD);
  expect(answer.statusCode).toBe(201);
  const created = answer.json();
  expect(created).toEqual({
    id: expect.any(String),
    tenant_id: OWN,
    scope: GOOD.scope,
    limit: GOOD.limit,
    mode: 'enforce',
    reason: GOOD.reason,
    created_by: 'admin-token',
    created_at: '2026-06-15T12:00:00.000Z',
    expires_at: '2026-06-15T12:02:00.000Z',
    status: 'active',
    ended_at: null,
    revision: 3,
    anomaly_id: null,
    acks: [{ instance_id: 'checkout-7f9c', service: 'checkout', acked_at: '2026-06-15T12:00:00.000Z' }],
  });
  expect((await listed())[0]).toEqual(created);
});

test('a throttle without a scope holds for everything', async () => {
  const { scope: _scope, ...everywhere } = GOOD;
  expect((await post(everywhere)).json().scope).toEqual({});
});

test('a throttle is active until it expires by itself', async () => {
  const { id } = (await post(GOOD)).json();
  api.clock.now += 119_999;
  expect((await listed()).find((item) => item.id === id)).toMatchObject({ status: 'active', ended_at: null });
  api.clock.now += 1;
  const ended = { status: 'expired', ended_at: '2026-06-15T12:02:00.000Z' };
  expect((await listed()).find((item) => item.id === id)).toMatchObject(ended);
  expect((await listed('?active=true')).map((item) => item.id)).not.toContain(id);
});

test('lifting ends a throttle once; a second time, after its end, or with a made-up id there is none', async () => {
  const lift = (id: string) =>
    api.app.inject({ method: 'DELETE', url: `/v1/throttles/${id}`, headers: bearer(ADMIN_TOKEN) });
  const { id } = (await post(GOOD)).json();
  api.clock.now += 1_000;
  const lifted = await lift(id);
  expect([lifted.statusCode, lifted.json().status, lifted.json().ended_at]).toEqual([
    200,
    'lifted',
    '2026-06-15T12:00:01.000Z',
  ]);
  for (const gone of [id, 'no-such-id', 'a%00b', "'%20OR%201=1", '%252e%252e']) {
    const answer = await lift(gone);
    expect([gone, answer.statusCode, answer.json().code]).toEqual([gone, 404, 'NOT_FOUND']);
  }
});

test('the list can be narrowed and limited', async () => {
  await post(GOOD);
  expect(await listed(`?tenant_id=${OTHER}`)).toHaveLength(1);
  expect(await listed('?limit=1')).toHaveLength(1);
  expect(await listed()).toHaveLength(3);
});

describe('a throttle that makes no sense is refused, and nothing is written', () => {
  test.each<[string, unknown, RegExp]>([
    ['no body', undefined, /./],
    ['a list', [GOOD], /the body: /],
    ['an unknown field', { ...GOOD, approved: true }, /unknown body field "approved"/],
    ['an unknown nested field', { ...GOOD, limit: { ...GOOD.limit, per: 'minute' } }, /unknown body field "limit.per"/],
    ['a field of the answer', { ...GOOD, created_by: 'somebody else' }, /unknown body field "created_by"/],
    ['no reason', { ...GOOD, reason: '' }, /"reason": must be text/],
    ['a reason of two lines', { ...GOOD, reason: 'a\nb' }, /"reason": must be text/],
    ['NUL, which Postgres cannot store', { ...GOOD, reason: 'a\u0000b' }, /"reason": must be text/],
    ['a tenant that is no id', { ...GOOD, tenant_id: '../x' }, /"tenant_id": must be a tenant id/],
    ['no limit', { ...GOOD, limit: undefined }, /"limit"/],
    ['a negative rate', { ...GOOD, limit: { requests_per_second: -1, burst: 1 } }, /"limit.requests_per_second"/],
    ['no burst', { ...GOOD, limit: { requests_per_second: 1, burst: 0 } }, /"limit.burst"/],
    ['half a burst', { ...GOOD, limit: { requests_per_second: 1, burst: 1.5 } }, /"limit.burst"/],
    ['another mode', { ...GOOD, mode: 'kill' }, /"mode"/],
    ['no end', { ...GOOD, expires_in_seconds: undefined }, /"expires_in_seconds"/],
    ['an end in the past', { ...GOOD, expires_in_seconds: 0 }, /"expires_in_seconds"/],
    ['an end after more than a day', { ...GOOD, expires_in_seconds: 86_401 }, /"expires_in_seconds"/],
    ['numbers as text', { ...GOOD, expires_in_seconds: '60' }, /"expires_in_seconds"/],
  ])('%s', async (_name, payload, detail) => {
    const answer = await post(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'BAD_REQUEST', detail: expect.stringMatching(detail) });
    expect(api.ports.throttles.records).toHaveLength(2);
  });
});

test("the store's own refusals reach the caller as they are", async () => {
  api.ports.throttles.create = async () => {
    throw new TenantryError('CONFLICT', 'There is a throttle of this scope already.', { hint: 'Lift it first.' });
  };
  const answer = await post(GOOD);
  expect(answer.statusCode).toBe(409);
  expect(answer.json()).toMatchObject({ code: 'CONFLICT', hint: 'Lift it first.' });
});
