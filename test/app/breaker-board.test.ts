// A real middleware instance, the real API over HTTP and the flag stream, a real PostgreSQL, and a third party that
// fails, hangs and flaps.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BreakerItem, BreakerList, BreakerOrderItem, NewBreakerOrder } from '../../src/api/contract.ts';
import { BreakerBoard } from '../../src/app/breaker-board.ts';
import { runAsTenant } from '../../src/middleware/tenant-context.ts';
import { createTenantry, type Tenantry } from '../../src/middleware/tenantry.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { BreakerOrders } from '../../src/store/postgres/breaker-orders.ts';
import { BreakerSightings } from '../../src/store/postgres/breaker-sightings.ts';
import { ChangeListener } from '../../src/store/postgres/change-listener.ts';
import { FlagFeed } from '../../src/store/postgres/flag-feed.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';
import { createMemoryPorts } from '../support/api-ports.ts';
import { eventually } from '../support/api-sse.ts';
import { type Integration, startIntegration } from '../support/middleware-integration.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

let db: TestPostgres;
let tracing: TestTracing;
let changes: ChangeListener;
let feed: FlagFeed;
let board: BreakerBoard;
let api: ApiUnderTest;
let stripe: Integration;
let app: Tenantry;
let url: string;

beforeAll(async () => {
  tracing = startTestTracing({ http: false });
  db = await startTestPostgres();
  changes = new ChangeListener({ url: db.appUrl, log: silentLog });
  feed = new FlagFeed({ postgres: db.postgres, changes, log: silentLog });
  board = new BreakerBoard(new BreakerSightings(db.postgres), new BreakerOrders(db.postgres));
  await feed.refresh();
  changes.start();
});
afterAll(async () => {
  await changes.stop();
  await db.stop();
  await tracing.stop();
});

beforeEach(async () => {
  const ports = createMemoryPorts(Date.now);
  api = await startApi({ ports: { ...ports, flags: feed, breakers: board }, now: Date.now });
  api.clock.now = Date.now();
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  stripe = await startIntegration();
  const key = ports.keys.issue(['flags']);
  app = createTenantry({ serviceName: 'shop', apiUrl: url, key, instanceId: `shop-${Math.random()}` });
});
afterEach(async () => {
  await app.shutdown();
  await api.close();
  await stripe.close();
});

const STAFF = { kind: 'staff', subject: 'sam', role: 'sre' } as const;
const OPTIONS = { consecutiveFailures: 3, halfOpenAfterMs: 500, jitter: 0, timeoutMs: 200 };
const SOON = { ...OPTIONS, halfOpenAfterMs: 20 };

function pay(tenant: string, options = OPTIONS): Promise<string> {
  return runAsTenant(tenant, () =>
    app
      .breaker('stripe', options)
      .run((signal) => stripe.call(tenant, signal))
      .catch((thrown: Error) => thrown.name),
  );
}

const stateFor = (tenant: string) => runAsTenant(tenant, () => app.breaker('stripe', OPTIONS).state());

async function ask<T>(path: string, token = ADMIN_TOKEN, request: RequestInit = {}): Promise<T> {
  const headers = { ...bearer(token), ...(request.body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(url + path, { ...request, headers });
  return (await response.json()) as T;
}

const order = (fields: Partial<NewBreakerOrder>) =>
  ask<BreakerOrderItem>('/v1/breakers/orders', ADMIN_TOKEN, {
    method: 'POST',
    body: JSON.stringify({
      ...{
        tenant_id: OWN,
        integration: 'stripe',
        state: 'open',
        expires_in_seconds: 60,
        reason: 'stripe asked us to stop',
      },
      ...fields,
    }),
  });

async function shown(condition: (item: BreakerItem) => boolean, tenant: string = OWN): Promise<BreakerItem> {
  for (;;) {
    const { items } = await ask<BreakerList>(`/v1/breakers?tenant_id=${tenant}&integration=stripe`);
    const item = items.find(condition);
    if (item !== undefined) return item;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a third party that fails for one tenant', () => {
  it('is cut off for that tenant alone, seen on the server with the class of its error, and served again after', async () => {
    stripe.behave(OWN, 'fail');
    for (let i = 0; i < 3; i++) expect(await pay(OWN)).toBe('Error');
    const calls = stripe.calls.length;
    expect(await pay(OWN)).toBe('BreakerOpenError');
    expect(stripe.calls).toHaveLength(calls);
    for (let i = 0; i < 20; i++) expect(await pay(OTHER)).toBe('paid');
    const item = await shown(({ state }) => state !== 'closed');
    expect(item).toMatchObject({
      tenant_id: OWN,
      last_error: 'http_503',
      failures: 3,
      services: ['shop'],
      order: null,
    });
    expect(JSON.stringify(item)).not.toContain('4242');
    const all = await ask<BreakerList>(`/v1/breakers?tenant_id=${OTHER}`);
    expect(all).toEqual({ items: [], total: 0 });
    stripe.behave(OWN, 'answer');
    while ((await pay(OWN)) !== 'paid') await new Promise((resolve) => setTimeout(resolve, 5));
    await shown(({ state, instances }) => state === 'closed' && instances?.closed === 1);
  });

  it('shows a tenant its own breaker only, and nothing of the instances', async () => {
    stripe.behave(OWN, 'reset');
    for (let i = 0; i < 3; i++) await pay(OWN);
    await shown(({ state }) => state !== 'closed');
    const own = await ask<BreakerList>('/v1/breakers', await api.issuer.issueToken('viewer', OWN));
    expect(own.items).toMatchObject([
      { tenant_id: OWN, instances: null, services: [], last_error: null, flapping: null },
    ]);
    const other = await ask<BreakerList>('/v1/breakers', await api.issuer.issueToken('tenant_admin', OTHER));
    expect(other.items).toEqual([]);
  });
});

describe('a third party that hangs', () => {
  it('holds nobody longer than the time-out, and is probed by one call at a time', async () => {
    stripe.behave(OWN, 'hang');
    const first = await Promise.all(Array.from({ length: 20 }, () => pay(OWN, SOON)));
    expect(new Set(first)).toEqual(new Set(['BreakerTimeoutError']));
    await new Promise((resolve) => setTimeout(resolve, 25));
    const calls = stripe.calls.length;
    const burst = await Promise.all(Array.from({ length: 50 }, () => pay(OWN, SOON)));
    expect(stripe.calls.length - calls).toBe(1);
    expect(burst.filter((result) => result === 'BreakerOpenError')).toHaveLength(49);
  });
});

describe('a third party that flaps', () => {
  it('is found flapping, with its figures and an order to give, and nothing is done by itself', async () => {
    const options = { ...SOON, consecutiveFailures: 1 };
    for (let round = 0; round < 4; round++) {
      stripe.behave(OTHER, 'fail');
      while ((await pay(OTHER, options)) !== 'Error');
      stripe.behave(OTHER, 'answer');
      while ((await pay(OTHER, options)) !== 'paid');
    }
    const { flapping, order: given } = await shown((item) => item.flapping !== null, OTHER);
    expect(flapping).toMatchObject({ instances: 1, openings: 4, window_seconds: 600 });
    expect(flapping?.reason).toMatch(
      /^stripe of globex opened 4 times within 10 minutes in 1 of 1 instances, last \d+ s ago/,
    );
    expect(given).toBeNull();
    const made = await order({ tenant_id: OTHER, ...flapping?.offer, reason: flapping?.reason ?? '' });
    expect(made).toMatchObject({ status: 'active', state: 'open' });
  });
});

describe('an order', () => {
  it('reaches the running instance over the stream, is answered over OFREP, lifted, and audited', async () => {
    const evaluate = () =>
      ask<{ value: string }>('/ofrep/v1/evaluate/flags/breaker.stripe', ADMIN_TOKEN, {
        method: 'POST',
        body: JSON.stringify({ context: { targetingKey: OWN } }),
      });
    expect((await evaluate()).value).toBe('auto');
    const open = await order({ state: 'open' });
    await eventually(() => stateFor(OWN) === 'open');
    expect(await pay(OWN)).toBe('BreakerOpenError');
    expect(stripe.calls).toEqual([]);
    expect(await pay('initech')).toBe('paid');
    expect((await evaluate()).value).toBe('open');
    expect(await shown(() => true)).toMatchObject({ state: 'open', order: { id: open.id, state: 'open' } });

    stripe.behave(OWN, 'fail');
    const closed = await order({ state: 'closed', reason: 'it is our own fault' });
    await eventually(() => stateFor(OWN) === 'closed');
    for (let i = 0; i < 5; i++) expect(await pay(OWN)).toBe('Error');
    expect((await evaluate()).value).toBe('closed');

    const lift = (id: string) => ask<BreakerOrderItem>(`/v1/breakers/orders/${id}`, ADMIN_TOKEN, { method: 'DELETE' });
    expect(await lift(open.id)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await lift(closed.id)).toMatchObject({ status: 'lifted' });
    await eventually(() => app.flags.inForce().every(({ tenantId }) => tenantId !== OWN));
    expect((await evaluate()).value).toBe('auto');
    for (let i = 0; i < 3; i++) await pay(OWN);
    expect(await pay(OWN)).toBe('BreakerOpenError');
    const audited = await new AuditLog(db.postgres).list(STAFF, { limit: 3 });
    expect(audited.map(({ action, tenantId }) => [action, tenantId])).toEqual([
      ['breaker.lift', OWN],
      ['breaker.order', OWN],
      ['breaker.order', OWN],
    ]);
  });

  it('ends at its expiry also when the server is dead', async () => {
    await eventually(() => app.stats().flag_stream_connected > 0);
    const wanted = { tenantId: OWN, integration: 'stripe', expiresInSeconds: 1, reason: 'drill' } as const;
    await board.order(STAFF, { ...wanted, state: 'open' });
    await eventually(() => stateFor(OWN) === 'open');
    await api.app.close();
    expect(await pay(OWN)).toBe('BreakerOpenError');
    await eventually(() => stateFor(OWN) === 'closed');
    expect(await pay(OWN)).toBe('paid');
  });
});
