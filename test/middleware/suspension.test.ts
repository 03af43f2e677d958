/** Tenants that are suspended or closed: refused where requests are decided about, and let go in time. */
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/domain/flag-evaluation.ts';
import type { WireFlag } from '../../src/domain/flag-wire.ts';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { asWireFlag, readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { createTenantry, fromHeader, type Tenantry } from '../../src/middleware/index.ts';
import { type FlagServer, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';

const suspend = (fields: Partial<WireFlag> = {}): WireFlag => ({
  ...{ kind: 'suspend', id: 's1', tenant_id: 'acme', revision: 2, ttl_ms: 60_000, expires_at: '2030-01-01T00:00:00Z' },
  ...{ reason: 'invoice 17 is unpaid', status: 'suspended', effect: 'refuse', reason_code: 'payment', ...fields },
});

let server: FlagServer;
let tenantry: Tenantry;
let app: FastifyInstance;
let revision = 0;

beforeEach(async () => {
  server = await startFlagServer();
  tenantry = createTenantry({ serviceName: 'shop', apiUrl: server.url, key: 'k' });
  app = fastify();
  await app.register(tenantryFastify, {
    tenantry,
    sources: [fromHeader('x-tenant', { trusted: ['127.0.0.1'] })],
    openWhenSuspended: ['/billing'],
  });
  for (const url of ['/orders', '/billing', '/healthz']) {
    app.route({ method: ['GET', 'POST', 'OPTIONS'], url, handler: async () => ({ done: true }) });
  }
  await expect.poll(() => server.connections).toBe(1);
});
afterEach(async () => {
  await app.close();
  await tenantry.shutdown();
  await server.close();
});

/** Tells the app, and waits until it has heard. */
async function tell(...flags: WireFlag[]): Promise<void> {
  revision += 10;
  server.snapshot({ revision, flags });
  await expect.poll(() => tenantry.flags.revision).toBe(revision);
}
const ask = async (method: 'GET' | 'POST' | 'OPTIONS', url: string, tenant = 'acme') =>
  app.inject({ method, url, headers: { 'x-tenant': tenant } });
const statusOf = async (...question: Parameters<typeof ask>) => (await ask(...question)).statusCode;

describe('a suspended tenant', () => {
  it('is refused with its reason code and without the reason, and nobody else is', async () => {
    await tell(suspend());
    const refused = await ask('GET', '/orders');
    expect(refused.statusCode).toBe(403);
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(refused.json()).toMatchObject({ code: 'TENANT_SUSPENDED', reason_code: 'payment', effect: 'refuse' });
    expect(refused.body).not.toContain('invoice');
    expect(await statusOf('GET', '/orders', 'globex')).toBe(200);
    expect(tenantry.stats()).toMatchObject({ suspended_refused: 1, suspension_failed: 0, throttle_refused: 0 });
    expect(tenantry.suspension('acme')).toMatchObject({ status: 'suspended', reasonCode: 'payment' });
    expect([tenantry.degraded('ai', 'acme'), tenantry.degraded('ai', 'globex')]).toEqual(['blocked', 'ok']);
  });

  it('reaches what stays open to it, health checks, and preflights', async () => {
    await tell(suspend());
    const answers = [statusOf('POST', '/billing?x=1'), statusOf('GET', '/healthz'), statusOf('OPTIONS', '/orders')];
    expect(await Promise.all(answers)).toEqual([200, 200, 200]);
  });

  it('reads on where it may read, and changes nothing', async () => {
    await tell(suspend({ effect: 'read_only' }));
    expect([await statusOf('GET', '/orders'), await statusOf('POST', '/orders')]).toEqual([200, 403]);
    expect(await statusOf('POST', '/billing')).toBe(200);
  });

  it('is let go when the flag is lifted, and by its own end though nothing more is heard', async () => {
    await tell(suspend({ ttl_ms: 60_000 }));
    expect(await statusOf('GET', '/orders')).toBe(403);
    await tell();
    expect(await statusOf('GET', '/orders')).toBe(200);
    await tell(suspend({ id: 's2', ttl_ms: 200 }));
    await expect.poll(() => statusOf('GET', '/orders'), { interval: 20 }).toBe(200);
    expect(tenantry.suspension('acme')).toBeUndefined();
  });
});

it('a closed tenant is refused everywhere but at health checks', async () => {
  await tell(suspend({ status: 'closed', reason_code: 'other' }));
  const refused = await ask('POST', '/billing');
  expect([refused.statusCode, refused.json().code]).toEqual([403, 'TENANT_CLOSED']);
  expect(refused.json()).not.toHaveProperty('reason_code');
  expect(await statusOf('GET', '/healthz')).toBe(200);
});

describe('what is heard of a suspension', () => {
  const read = (flags: readonly object[]) => readSnapshot(JSON.stringify({ revision: 1, flags }));

  it('is dropped where it is not understood, and a new reason is another one', () => {
    for (const wrong of [{ effect: 'banish' }, { status: 'gone' }, { effect: undefined }, { ttl_ms: 0 }]) {
      expect(read([{ ...suspend(), ...wrong }])).toMatchObject({ flags: [], malformed: 1 });
    }
    expect(read([{ ...suspend(), reason_code: 'sanctions' }])?.flags).toMatchObject([{ reasonCode: 'other' }]);
  });

  it('is held by what refuses more, and told on as it came', () => {
    const store = new FlagStore();
    const sent = [suspend(), suspend({ id: 's2', effect: 'read_only', revision: 3 }), wireThrottle()];
    const heard = read(sent);
    if (heard === undefined) throw new Error('not read');
    store.applySnapshot(heard, 0);
    expect(store.suspension('acme', 0)?.flag.id).toBe('s1');
    expect(store.list(0).map(({ flag }) => asWireFlag(flag, flag.ttlMs))).toEqual(sent);
  });

  it('is told to OpenFeature clients, with AI blocked', () => {
    const facts = { flags: [suspend()], plan: undefined };
    expect(evaluate('suspended', facts)).toMatchObject({
      value: true,
      variant: 'refuse',
      metadata: { reason_code: 'payment' },
    });
    expect(JSON.stringify(evaluate('suspended', facts))).not.toContain('invoice');
    expect(evaluate('degrade.ai', facts)).toMatchObject({ value: 'blocked' });
    expect(evaluate('suspended', { flags: [], plan: undefined })).toMatchObject({ value: false, variant: 'active' });
  });
});
