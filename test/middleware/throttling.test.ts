import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { createTenantry, currentTenant, fromHeader, type Tenantry } from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { type FlagServer, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

let flagServer: FlagServer;
let tenantry: Tenantry;
let tracing: TestTracing;
/** The app's spans; the flag server beside it is instrumented as well. */
async function appSpans(count: number) {
  return await vi.waitFor(async () => {
    const ended = (await tracing.flush()).filter(
      ({ attributes }) => !String(attributes['url.path']).startsWith('/v1/'),
    );
    expect(ended).toHaveLength(count);
    return ended;
  });
}
const as = (tenant: string) => ({ headers: { 'x-tenant': tenant } });

async function hold(...flags: ReturnType<typeof wireThrottle>[]): Promise<void> {
  const revision = tenantry.flags.revision + 1;
  flagServer.snapshot({ revision, flags });
  await vi.waitFor(() => expect(tenantry.flags.revision).toBe(revision), { interval: 5 });
}

beforeAll(() => {
  tracing = startTestTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
  flagServer = await startFlagServer();
  tenantry = createTenantry({ serviceName: 'shop', apiUrl: flagServer.url, key: 'k' });
  await vi.waitFor(() => expect(flagServer.connections).toBe(1), { interval: 5 });
  await hold();
});
afterEach(async () => {
  await tenantry.shutdown();
  await flagServer.close();
});

describe('the middleware’s own traffic', () => {
  it('leaves no spans in the app’s traces', async () => {
    await hold(wireThrottle());
    await vi.waitFor(() => expect(flagServer.acks.length).toBeGreaterThan(0), { interval: 5 });
    await tenantry.shutdown();
    // The flag server in this process is instrumented as well: its server spans show that instrumentation works.
    const spans = await vi.waitFor(async () => {
      const ended = await tracing.flush();
      expect(ended.filter((span) => span.kind === SpanKind.SERVER).length).toBeGreaterThan(1);
      return ended;
    });
    expect(spans.filter((span) => span.kind === SpanKind.CLIENT)).toEqual([]);
  });
});

describe('fastify', () => {
  let app: FastifyInstance;
  let url: string;
  beforeEach(async () => {
    app = fastify();
    await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
    app.get('/orders/:id', async () => ({ tenant: currentTenant()?.tenantId }));
    app.get('/healthz', () => 'ok');
    url = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(() => app.close());

  it('answers the throttled tenant 429 with what to do, and serves the others', async () => {
    await hold(wireThrottle());
    expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(200);
    const refused = await fetch(`${url}/orders/1`, as('acme'));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.headers.get('ratelimit')).toBe('"tenant";r=0;t=2');
    expect(refused.headers.get('ratelimit-policy')).toBe('"tenant";q=1;w=2');
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    const text = await refused.text();
    expect(JSON.parse(text)).toMatchObject({ status: 429, code: 'RATE_LIMITED', retry_after_seconds: 2 });
    expect(text).not.toContain('baseline');
    expect((await fetch(`${url}/orders/1`, as('beta'))).status).toBe(200);
    expect(tenantry.stats().throttle_refused).toBe(1);
    const spans = await appSpans(3);
    expect(spans.map(({ attributes }) => [attributes['tenant_id'], attributes['tenantry.throttled']])).toEqual([
      ['acme', undefined],
      ['acme', true],
      ['beta', undefined],
    ]);
    expect(spans[1]?.attributes).toMatchObject({ 'tenantry.throttle.mode': 'enforce', 'http.route': '/orders/:id' });
  });

  it('never throttles health checks', async () => {
    await hold(wireThrottle({ limit: { requests_per_second: 0, burst: 1 } }));
    expect((await fetch(`${url}/healthz`, as('acme'))).status).toBe(200);
    expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(429);
    expect((await fetch(`${url}/nowhere`, as('acme'))).status).toBe(429);
  });

  it('in shadow mode refuses nothing, counts and marks what it would have refused', async () => {
    await hold(wireThrottle({ mode: 'shadow' }));
    for (let i = 0; i < 3; i++) expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(200);
    expect(tenantry.stats()).toMatchObject({ throttle_shadow_refused: 2, throttle_refused: 0 });
    const marks = (await appSpans(3)).map(({ attributes }) => attributes['tenantry.throttle.mode']);
    expect(marks).toEqual([undefined, 'shadow', 'shadow']);
  });

  it('releases the tenant when the throttle is lifted, and when it ends with the server gone', async () => {
    await hold(wireThrottle({ limit: { requests_per_second: 0, burst: 1 } }));
    expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(429);
    await hold();
    expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(200);
    await hold(wireThrottle({ limit: { requests_per_second: 0, burst: 1 }, ttl_ms: 700, revision: 9 }));
    expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(429);
    await flagServer.close();
    const throttledAt = performance.now();
    await vi.waitFor(async () => expect((await fetch(`${url}/orders/1`, as('acme'))).status).toBe(200), {
      timeout: 5_000,
      interval: 20,
    });
    expect(performance.now() - throttledAt).toBeLessThan(2_000);
  });
});

describe('node:http', () => {
  let server: Server;
  let url: string;
  const listen = async (handler: Parameters<typeof withTenantry>[0], fields = {}) => {
    server = createServer(
      withTenantry(handler, { tenantry, sources: [fromHeader('x-tenant')], route: () => '/orders/:id', ...fields }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(() => server.close());

  it('runs the handler for the tenant and throttles it', async () => {
    await listen((_request, response) => void response.end(currentTenant()?.tenantId));
    await hold(wireThrottle({ scope: { route: '/orders/:id', service: 'shop' } }));
    expect(await (await fetch(url, as('acme'))).text()).toBe('acme');
    const refused = await fetch(url, as('acme'));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(await (await fetch(url, as('beta'))).text()).toBe('beta');
    const spans = await appSpans(3);
    expect(spans.map((span) => [span.name, span.attributes['tenant_id']])).toEqual([
      ['GET /orders/:id', 'acme'],
      ['GET /orders/:id', 'acme'],
      ['GET /orders/:id', 'beta'],
    ]);
  });

  it('hands on what the handler throws, and calls it once', async () => {
    const handler = vi.fn(() => {
      throw new TypeError('the app’s own');
    });
    const wrapped = withTenantry(handler, { tenantry, sources: [] });
    await listen((_request, response) => void response.end());
    expect(() => wrapped({ headers: {}, url: '/' } as never, {} as never)).toThrow('the app’s own');
    expect(handler).toHaveBeenCalledTimes(1);
  });
});
