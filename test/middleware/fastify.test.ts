import { setTimeout as delay } from 'node:timers/promises';
import { context, SpanKind, trace } from '@opentelemetry/api';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import {
  createTenantry,
  currentTenant,
  fromHeader,
  fromResolver,
  recordCacheLookup,
  type Tenantry,
} from '../../src/middleware/index.ts';
import { type EndedSpan, startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

let tracing: TestTracing;
let tenantry: Tenantry;
let app: FastifyInstance;
let url: string;
const tracer = () => trace.getTracer('app');

/** A child span of an instrumentation that has never heard of tenants. */
async function query(name: string): Promise<void> {
  await tracer().startActiveSpan(name, { kind: SpanKind.CLIENT }, async (span) => {
    await delay(1);
    span.end();
  });
}

async function start(build: (app: FastifyInstance) => void | Promise<void>): Promise<void> {
  app = fastify();
  await build(app);
  url = await app.listen({ port: 0, host: '127.0.0.1' });
}

async function spansOf(count: number): Promise<readonly EndedSpan[]> {
  // The server span ends with the response's 'close', which the client's fetch may overtake.
  for (;;) {
    const spans = await tracing.flush();
    if (spans.filter((span) => span.kind === SpanKind.SERVER).length >= count) return spans;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const tenantsOf = (spans: readonly EndedSpan[]) => spans.map((span) => [span.name, span.attributes['tenant_id']]);

beforeAll(() => {
  tracing = startTestTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tenantry = createTenantry({ serviceName: 'shop', flags: false });
  tracing.exporter.reset();
});
afterEach(() => app.close());

describe('every span of a request carries its tenant', () => {
  it('the server span started before, hooks, handler, awaited code, and what follows a body', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
      server.addHook('onRequest', () => query('later onRequest hook'));
      server.addHook('preParsing', async () => query('preParsing'));
      server.addHook('preValidation', () => query('preValidation'));
      server.addHook('preHandler', () => query('preHandler'));
      server.addHook('onSend', async () => query('onSend'));
      server.post('/orders/:id', async () => {
        await query('handler');
        await delay(2);
        await Promise.all([query('parallel a'), query('parallel b')]);
        return { tenant: currentTenant() };
      });
    });
    const response = await fetch(`${url}/orders/7`, {
      method: 'POST',
      headers: { 'x-tenant': 'acme', 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x'.repeat(200_000) }),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ tenant: { tenantId: 'acme', source: 'header' } });
    const spans = await spansOf(1);
    expect(tenantsOf(spans)).toHaveLength(9);
    expect(new Set(spans.map((span) => span.attributes['tenant_id']))).toEqual(new Set(['acme']));
    expect(new Set(spans.map((span) => span.attributes['tenant_id.source']))).toEqual(new Set(['header']));
  });

  it('spans of code that runs in the context from before the tenant was known', async () => {
    await start(async (server) => {
      server.addHook('onRequest', (request, _reply, done) => {
        // What a stream parser or an old callback library does: it goes on in the context that it was created in.
        const before = context.active();
        Object.assign(request, { later: (fn: () => Promise<void>) => context.with(before, fn) });
        done();
      });
      await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
      server.get('/', async (request) => {
        const { later } = request as unknown as { later: (fn: () => Promise<void>) => Promise<void> };
        await later(async () => {
          await query('lost');
          expect(currentTenant()?.tenantId).toBe('acme');
        });
        return 'ok';
      });
    });
    expect((await fetch(url, { headers: { 'x-tenant': 'acme' } })).status).toBe(200);
    expect(tenantsOf(await spansOf(1))).toEqual([
      ['lost', 'acme'],
      ['GET /', 'acme'],
    ]);
  });

  it('spans that started, and even ended, before the tenant was known', async () => {
    await start(async (server) => {
      server.addHook('onRequest', () => query('session store'));
      await server.register(tenantryFastify, {
        tenantry,
        sources: [
          fromResolver(async () => {
            await query('select tenant by domain');
            return { tenantId: 'acme', plan: 'team' };
          }),
        ],
      });
      server.get('/', () => 'ok');
    });
    await fetch(url);
    const spans = await spansOf(1);
    expect(tenantsOf(spans)).toEqual([
      ['session store', 'acme'],
      ['select tenant by domain', 'acme'],
      ['GET /', 'acme'],
    ]);
    expect(spans.map((span) => span.attributes['tenantry.plan'])).toEqual(['team', 'team', 'team']);
  });

  it('with the tenant found in preHandler from what authentication left on the request', async () => {
    await start(async (server) => {
      server.addHook('onRequest', async (request) => {
        Object.assign(request, { user: { tenant: 'acme' } });
        await query('verify session');
      });
      await server.register(tenantryFastify, {
        tenantry,
        identifyAt: 'preHandler',
        sources: [fromResolver(({ request }) => (request as { user?: { tenant: string } }).user?.tenant)],
      });
      server.get('/', async () => query('handler'));
    });
    await fetch(url);
    expect(tenantsOf(await spansOf(1)).map(([, tenant]) => tenant)).toEqual(['acme', 'acme', 'acme']);
  });

  it('and nothing of the span is overwritten, the route is set', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
      server.get('/orders/:id', (_request, reply) => {
        recordCacheLookup(true);
        recordCacheLookup(true);
        recordCacheLookup(false);
        return reply.code(404).send('none');
      });
    });
    await fetch(`${url}/orders/7?x=1`, { headers: { 'x-tenant': 'acme' } });
    const [span] = await spansOf(1);
    expect(span?.name).toBe('GET /orders/:id');
    expect(span?.attributes).toMatchObject({
      tenant_id: 'acme',
      'http.route': '/orders/:id',
      'http.request.method': 'GET',
      'http.response.status_code': 404,
      'url.path': '/orders/7',
      'tenantry.cache.hits': 2,
      'tenantry.cache.misses': 1,
    });
  });

  it('and the sizes of bodies that say theirs are on the server span', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
      server.post('/', () => 'x'.repeat(777));
    });
    const headers = { 'x-tenant': 'acme', 'content-type': 'text/plain' };
    await fetch(url, { method: 'POST', headers, body: 'y'.repeat(55) });
    const [span] = await spansOf(1);
    expect(span?.attributes).toMatchObject({ 'http.request.body.size': 55, 'http.response.body.size': 777 });
  });

  it('and a tenant claimed in baggage or a foreign header is not believed', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
      server.get('/', () => 'ok');
    });
    await fetch(url, { headers: { 'x-tenant': 'acme', baggage: 'tenant_id=victim', 'x-tenant-id': 'victim' } });
    expect(tenantsOf(await spansOf(1))).toEqual([['GET /', 'acme']]);
  });
});

describe('concurrency', () => {
  it('never mixes the tenants of 200 interleaved requests', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, {
        tenantry,
        sources: [
          fromResolver(async ({ headers }) => {
            await delay(Math.random() * 3);
            return String(headers['x-who']);
          }),
        ],
      });
      server.post('/work', async (request) => {
        const wanted = String(request.headers['x-who']);
        for (let i = 0; i < 4; i++) {
          await delay(Math.random() * 3);
          await query(`for ${wanted}`);
          expect(currentTenant()?.tenantId).toBe(wanted);
        }
        return { tenant: currentTenant()?.tenantId };
      });
    });
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const who = `tenant-${index % 50}`;
        const response = await fetch(`${url}/work`, {
          method: 'POST',
          headers: { 'x-who': who, 'content-type': 'application/json' },
          body: '{}',
        });
        return [who, ((await response.json()) as { tenant: string }).tenant];
      }),
    );
    for (const [who, tenant] of answers) expect(tenant).toBe(who);
    const spans = await spansOf(200);
    const queries = spans.filter((span) => span.name.startsWith('for '));
    expect(queries).toHaveLength(800);
    for (const span of queries) expect(span.name).toBe(`for ${span.attributes['tenant_id']}`);
    expect(new Set(spans.map((span) => span.attributes['tenant_id'])).size).toBe(50);
  });

  it('does not let one request claim a span around the whole app', async () => {
    await tracer().startActiveSpan('app start', async (root) => {
      await start(async (server) => {
        await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
        server.get('/', async () => query('handler'));
      });
      await fetch(url, { headers: { 'x-tenant': 'acme' } });
      await fetch(url);
      root.end();
    });
    const spans = await spansOf(2);
    const byName = (name: string) => spans.filter((span) => span.name === name).map((s) => s.attributes['tenant_id']);
    expect(byName('app start')).toEqual([undefined]);
    expect(byName('handler')).toEqual(['acme', undefined]);
    expect(byName('GET /')).toEqual(['acme', undefined]);
  });
});

describe('requests without a tenant', () => {
  it('pass by default and are counted; with requireTenant they are answered 401, health checks excepted', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')], requireTenant: true });
      server.get('/', () => 'ok');
      server.get('/healthz', () => 'ok');
      server.options('/', (_request, reply) => reply.code(204).send());
    });
    const refused = await fetch(url);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await refused.json()).toMatchObject({ status: 401, code: 'TENANT_REQUIRED' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(url, { method: 'OPTIONS' })).status).toBe(204);
    expect((await fetch(url, { headers: { 'x-tenant': 'acme' } })).status).toBe(200);
    const missing = tenantry.stats().tenant_missing;
    expect(missing).toBe(3);
  });

  it('pass even with requireTenant when the tenant could not be found out', async () => {
    await start(async (server) => {
      await server.register(tenantryFastify, {
        tenantry,
        requireTenant: true,
        identifyTimeoutMs: 30,
        sources: [
          fromResolver(({ url: path }) => {
            if (path === '/hangs') return new Promise(() => undefined);
            throw new Error('down');
          }),
        ],
      });
      server.get('/*', () => 'ok');
    });
    expect((await fetch(`${url}/throws`)).status).toBe(200);
    expect((await fetch(`${url}/hangs`)).status).toBe(200);
    expect(tenantry.stats()).toMatchObject({ tenant_source_failed: 1, tenant_source_timeout: 1, tenant_missing: 0 });
  });
});
