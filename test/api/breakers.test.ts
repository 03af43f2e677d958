import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type {
  breakerItemSchema,
  breakerListSchema,
  breakerOrderSchema,
  breakerReceiptSchema,
  breakerReportSchema,
  newBreakerOrderSchema,
} from '../../src/api/breakers.ts';
import type * as contract from '../../src/api/contract.ts';
import type { BreakerReport, WireBreaker } from '../../src/domain/breaker.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

/** True only for the very same type, in both directions, with optional marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has makes one of them `false`. */
const AGREEMENTS: {
  breaker: Agree<typeof breakerItemSchema, contract.BreakerItem>;
  list: Agree<typeof breakerListSchema, contract.BreakerList>;
  order: Agree<typeof breakerOrderSchema, contract.BreakerOrderItem>;
  newOrder: Agree<typeof newBreakerOrderSchema, contract.NewBreakerOrder>;
  report: Agree<typeof breakerReportSchema, BreakerReport>;
  receipt: Agree<typeof breakerReceiptSchema, contract.BreakerReceipt>;
} = { breaker: true, list: true, order: true, newOrder: true, report: true, receipt: true };

let api: ApiUnderTest;
let appKey: string;
beforeEach(async () => {
  api = await startApi();
  appKey = api.ports.keys.issue(['flags']);
});
afterEach(() => api.close());

function breaker(fields: Partial<WireBreaker> = {}): WireBreaker {
  return {
    ...{ tenant_id: OWN, integration: 'stripe', state: 'open', since_ms: 5_000, calls: 9, failures: 6 },
    ...{ last_error: 'http_503', openings: [{ number: 1, ms_ago: 5_000 }], ...fields },
  };
}

function send(method: 'POST' | 'DELETE', url: string, payload: unknown, token = ADMIN_TOKEN) {
  const headers = { ...bearer(token), ...(payload === undefined ? {} : { 'content-type': 'application/json' }) };
  return api.app.inject({
    method,
    url,
    headers,
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  });
}

const report = (breakers: unknown[], fields: object = {}, key = appKey) =>
  send('POST', '/v1/breakers/reports', { instance_id: 'shop-1', service: 'shop', lost: 0, breakers, ...fields }, key);

async function listed(query = '', token = ADMIN_TOKEN): Promise<contract.BreakerList> {
  return (await api.app.inject({ url: `/v1/breakers${query}`, headers: bearer(token) })).json();
}

const ORDER = { tenant_id: OWN, integration: 'stripe', state: 'open', expires_in_seconds: 60, reason: 'stripe asked' };

test('the schemas say what the contract says', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});

describe('reports', () => {
  test('are added up over instances and told with times of this server', async () => {
    expect((await report([breaker()])).json()).toEqual({ accepted: 1, refused: 0 });
    await report([breaker({ state: 'half_open', since_ms: 1_000 })], { instance_id: 'shop-2' });
    expect(await listed()).toEqual({
      total: 1,
      items: [
        {
          tenant_id: OWN,
          integration: 'stripe',
          state: 'open',
          instances: { open: 1, half_open: 1, closed: 0 },
          services: ['shop'],
          since: new Date(api.clock.now - 5_000).toISOString(),
          calls: 9,
          failures: 6,
          last_error: 'http_503',
          reported_at: new Date(api.clock.now).toISOString(),
          order: null,
          flapping: null,
        },
      ],
    });
  });

  test('of a key that is bound to one tenant speak for that tenant only', async () => {
    const bound = api.ports.keys.issue(['flags'], OWN);
    const answer = await report([breaker(), breaker({ tenant_id: OTHER }), breaker({ tenant_id: '(all)' })], {}, bound);
    expect(answer.json()).toEqual({ accepted: 1, refused: 2 });
    expect((await listed()).items.map(({ tenant_id: id }) => id)).toEqual([OWN]);
  });

  test.each([
    ['a text for an error', breaker({ last_error: 'card 4242 declined' })],
    ['a text for an integration', breaker({ integration: 'https://hooks.example.com/x' })],
    ['an unknown state', { ...breaker(), state: 'ajar' }],
    ['a malformed tenant', breaker({ tenant_id: '../etc' })],
    ['an age that overflows', breaker({ since_ms: 1e300 })],
    ['a negative age', breaker({ openings: [{ number: 1, ms_ago: -1 }] })],
    ['too many openings', breaker({ openings: Array.from({ length: 21 }, (_, number) => ({ number, ms_ago: 1 })) })],
  ])('with %s are refused whole', async (_what, wrong) => {
    const answer = await report([breaker(), wrong]);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().code).toBe('BAD_REQUEST');
    expect((await listed()).total).toBe(0);
  });

  test('are bounded in number and in bytes, and the largest good one fits', async () => {
    const openings = Array.from({ length: 20 }, (_, number) => ({
      number: Date.now() + number,
      ms_ago: 31_000_000_000,
    }));
    const longest = (index: number) =>
      breaker({
        tenant_id: `${index}`.padEnd(128, 'x'),
        integration: 'i'.repeat(64),
        last_error: 'E'.repeat(64),
        ...{ openings, calls: Number.MAX_SAFE_INTEGER, failures: Number.MAX_SAFE_INTEGER },
      });
    const largest = Array.from({ length: 200 }, (_, index) => longest(index));
    expect((await report(largest)).statusCode).toBe(200);
    expect((await report([...largest, longest(200)])).statusCode).toBe(400);
    expect((await report([], { padding: 'x'.repeat(400_000) })).json().code).toBe('BODY_TOO_LARGE');
  });

  test('of a newer middleware, which says more of a breaker, are understood', async () => {
    expect((await report([{ ...breaker(), shade: 'amber' }])).statusCode).toBe(200);
    expect((await report([breaker()], { version: 2 })).statusCode).toBe(400);
  });

  test('count what an instance could not tell', async () => {
    await report([], { lost: 7 });
    const metrics = await api.app.inject({ url: '/metrics', headers: bearer(ADMIN_TOKEN) });
    expect(metrics.body).toMatch(/^tenantry_breaker_changes_lost_total 7$/m);
  });
});

describe('the list', () => {
  beforeEach(async () => {
    await report([
      breaker(),
      breaker({ tenant_id: OTHER, integration: 'slack', state: 'closed' }),
      breaker({ tenant_id: '(all)' }),
    ]);
  });

  test('narrows by tenant, integration and state, and says how many there are', async () => {
    const ids = (list: contract.BreakerList) => list.items.map(({ tenant_id: id }) => id);
    expect(ids(await listed())).toEqual(['(all)', OWN, OTHER]);
    expect(ids(await listed(`?tenant_id=${OTHER}`))).toEqual([OTHER]);
    expect(ids(await listed('?integration=stripe'))).toEqual(['(all)', OWN]);
    expect(ids(await listed('?state=closed'))).toEqual([OTHER]);
    expect(await listed('?limit=1')).toMatchObject({ total: 3, items: [{ tenant_id: '(all)' }] });
  });

  test('shows a tenant its own, without what is the operator’s', async () => {
    await send('POST', '/v1/breakers/orders', ORDER);
    const token = await api.issuer.issueToken('viewer', OWN);
    const { items } = await listed('', token);
    expect(items).toMatchObject([
      {
        tenant_id: OWN,
        instances: null,
        services: [],
        last_error: null,
        flapping: null,
        order: { created_by: 'operator' },
      },
    ]);
    const foreign = await api.app.inject({ url: `/v1/breakers?tenant_id=${OTHER}`, headers: bearer(token) });
    expect(foreign.statusCode).toBe(404);
  });

  test('refuses to answer when a port mixes tenants up', async () => {
    const { list } = api.ports.breakers;
    api.ports.breakers.list = (_actor, _filter, now) =>
      list.call(api.ports.breakers, { kind: 'system', subject: 'x' }, {}, now);
    const token = await api.issuer.issueToken('viewer', OWN);
    const answer = await api.app.inject({ url: '/v1/breakers', headers: bearer(token) });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain(OTHER);
  });
});

describe('orders', () => {
  test('are in force until they end, are lifted once, and go out as flags', async () => {
    const made = (await send('POST', '/v1/breakers/orders', ORDER)).json();
    expect(made).toMatchObject({ ...{ tenant_id: OWN, state: 'open', status: 'active', ended_at: null } });
    const flags = await api.app.inject({ url: '/v1/flags', headers: bearer(appKey) });
    expect(flags.json().flags).toContainEqual(
      expect.objectContaining({ kind: 'breaker', integration: 'stripe', state: 'open' }),
    );
    const lifted = await send('DELETE', `/v1/breakers/orders/${made.id}`, undefined);
    expect(lifted.json()).toMatchObject({ id: made.id, status: 'lifted' });
    expect((await send('DELETE', `/v1/breakers/orders/${made.id}`, undefined)).statusCode).toBe(404);
    await send('POST', '/v1/breakers/orders', ORDER);
    expect((await listed()).items).toMatchObject([{ state: 'open', order: { status: 'active' } }]);
    api.clock.now += 60_000;
    expect((await listed()).items).toEqual([]);
  });

  test.each([
    { expires_in_seconds: 4 },
    { expires_in_seconds: 86_401 },
    { state: 'half_open' },
    { integration: 'a b' },
    { reason: '' },
    { reason: 'two\nlines' },
    { tenant_id: '(all)' },
    { extra: 1 },
  ])('refuse %j', async (wrong) => {
    const answer = await send('POST', '/v1/breakers/orders', { ...ORDER, ...wrong });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().code).toBe('BAD_REQUEST');
  });
});
