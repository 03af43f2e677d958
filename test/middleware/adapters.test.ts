/** The same behaviour of every adapter: real servers, real HTTP, a real SDK. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createTenantry,
  currentTenant,
  type EndedRequest,
  fromHeader,
  fromResolver,
  type GateOptions,
  observeRequests,
  type Tenantry,
} from '../../src/middleware/index.ts';
import { ADAPTERS, type AppParts, type RunningApp } from '../support/middleware-adapters.ts';
import { type EndedSpan, startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const CHUNK = Buffer.alloc(10_000, 'x');
const fault = new Error('of the app');
const broken = (): never => {
  throw new Error('injected');
};

let tracing: TestTracing;
let tenantry: Tenantry;
let app: RunningApp;
let errors: unknown[];
let ended: EndedRequest[];
let wake: () => void;
let stopObserving: () => void;
let handled: number;
// Of one test each: what an aborted request's handler still does may end in the next.
let traceId: string;
const traced = () => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });

async function query(name: string): Promise<void> {
  await trace.getTracer('app').startActiveSpan(name, { kind: SpanKind.CLIENT }, async (span) => {
    await delay(1);
    span.end();
  });
}

const seen = () => ({
  tenant: currentTenant()?.tenantId,
  source: currentTenant()?.source,
  // Only in the context of the adapter's own making is it gone; http instrumentation's still has it.
  baggage: propagation.getBaggage(context.active())?.getEntry('tenant_id')?.value,
});

const parts: AppParts = {
  fault,
  onError: (error) => errors.push(error),
  order: async (id) => {
    handled += 1;
    await query(`before ${id}`);
    await Promise.all([query(`one ${id}`), query(`two ${id}`)]);
    return { id, ...seen() };
  },
  echo: async (body) => {
    handled += 1;
    await query('echo');
    return JSON.stringify({ length: body.length, ...seen() });
  },
  stream: async function* () {
    handled += 1;
    for (let i = 0; i < 3; i++) {
      yield CHUNK;
      await delay(1);
    }
  },
  require: {
    allow: async (tenant) => {
      if (tenant.tenantId === 'faulty') throw fault;
      return tenant.tenantId !== 'banned';
    },
  },
};

/** The first `count` requests that are over. */
async function requestsEnded(count: number): Promise<readonly EndedRequest[]> {
  while (ended.length < count) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  return ended;
}

async function spansOf(count: number): Promise<readonly EndedSpan[]> {
  // The server span ends with the response's 'close', which the client's fetch may overtake.
  for (;;) {
    const spans = (await tracing.flush()).filter((span) => span.spanContext().traceId === traceId);
    if (spans.filter((span) => span.kind === SpanKind.SERVER).length >= count) return spans;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

beforeAll(() => {
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()];
  tracing = startTestTracing({ propagator: new core.CompositePropagator({ propagators }) });
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
  tenantry = createTenantry({ serviceName: 'shop', flags: false });
  errors = [];
  ended = [];
  handled = 0;
  traceId = randomBytes(16).toString('hex');
  wake = () => undefined;
  stopObserving = observeRequests((request) => {
    ended.push(request);
    wake();
  });
});
afterEach(async () => {
  stopObserving();
  await app.close();
});

describe.each(ADAPTERS)('$name', (adapter) => {
  const start = async (options: Partial<GateOptions> = {}) => {
    app = await adapter.start({ tenantry, sources: [fromHeader('x-tenant')], ...options }, parts);
  };
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${app.url}${path}`, { headers: { ...traced(), ...headers } });

  it('finds the tenant, marks every span across await, and sets the route', async () => {
    await start();
    const response = await get('/orders/7?x=1', { 'x-tenant': 'acme', baggage: 'tenant_id=victim,a=b' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ id: '7', tenant: 'acme', source: 'header' });
    const spans = await spansOf(1);
    expect(spans).toHaveLength(4);
    expect(spans.map((span) => span.attributes['tenant_id'])).toEqual(['acme', 'acme', 'acme', 'acme']);
    const server = spans.find((span) => span.kind === SpanKind.SERVER);
    expect(server?.attributes).toMatchObject({ 'tenant_id.source': 'header', 'http.route': '/orders/:id' });
    expect(server?.name).toBe('GET /orders/:id');
    expect(await requestsEnded(1)).toMatchObject([
      { tenant: { tenantId: 'acme' }, route: '/orders/:id', aborted: false, refused: false },
    ]);
  });

  it('keeps the tenant behind a body, and counts the bytes of bodies that do not say their size', async () => {
    await start();
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(CHUNK);
        controller.close();
      },
    });
    const headers = { ...traced(), 'x-tenant': 'acme', 'content-type': 'text/plain', baggage: 'tenant_id=victim' };
    const echoed = await fetch(`${app.url}/echo`, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
    const text = await echoed.text();
    expect(JSON.parse(text)).toEqual({ length: 200_000, tenant: 'acme', source: 'header' });
    expect(Buffer.byteLength(await (await get('/stream', { 'x-tenant': 'acme' })).text())).toBe(30_000);
    const spans = (await spansOf(2)).filter((span) => span.kind === SpanKind.SERVER);
    expect(spans.map((span) => span.attributes['http.request.body.size'])).toEqual([200_000, undefined]);
    expect(spans.map((span) => span.attributes['http.response.body.size'])).toEqual([text.length, 30_000]);
    expect(await requestsEnded(2)).toMatchObject([
      { requestBytes: 200_000, responseBytes: text.length },
      { requestBytes: 0, responseBytes: 30_000 },
    ]);
  });

  it('takes a tenant from an asynchronous source, and marks what was started before', async () => {
    const byDomain = fromResolver(async () => {
      await query('look up');
      return { tenantId: 'acme', plan: 'team', userId: 'u1' };
    });
    await start({ sources: [byDomain] });
    expect(await (await get('/orders/7')).json()).toMatchObject({ tenant: 'acme', source: 'resolver' });
    const spans = await spansOf(1);
    expect(spans).toHaveLength(5);
    for (const span of spans) {
      expect(span.attributes).toMatchObject({ tenant_id: 'acme', 'tenantry.plan': 'team', 'user.id': 'u1' });
    }
  });

  it('answers 429 in place of the app when the tenant is throttled', async () => {
    const refusing = { ...tenantry, admit: () => ({ allowed: false, retryAfterSeconds: 3, flagId: 'f1' }) };
    await start({ tenantry: refusing });
    const response = await get('/orders/7', { 'x-tenant': 'acme' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(handled).toBe(0);
    expect(await requestsEnded(1)).toMatchObject([{ refused: true, tenant: { tenantId: 'acme' } }]);
    const [span] = await spansOf(1);
    expect(span?.attributes).toMatchObject({ tenant_id: 'acme', 'tenantry.throttled': true });
  });

  it.each([
    ['no tenant', {}, 401, 'TENANT_REQUIRED'],
    ['a malformed tenant', { 'x-tenant': '../etc' }, 403, 'TENANT_NOT_ALLOWED'],
    ['a tenant that is 8 KB long', { 'x-tenant': 'a'.repeat(8_000) }, 403, 'TENANT_NOT_ALLOWED'],
    ['a tenant that may not', { 'x-tenant': 'banned' }, 403, 'TENANT_NOT_ALLOWED'],
  ])('lets a route refuse %s', async (_what, headers, status, code) => {
    await start();
    const response = await get('/private', headers);
    expect(response.status).toBe(status);
    expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
    expect(await response.json()).toMatchObject({ status, code });
    expect(handled).toBe(0);
    expect(await (await get('/private', { 'x-tenant': 'acme' })).json()).toMatchObject({ tenant: 'acme' });
  });

  it('can require a tenant of every route but health checks', async () => {
    await start({ requireTenant: true });
    expect((await get('/orders/7')).status).toBe(401);
    expect((await get('/orders/7', { 'x-tenant': '-' })).status).toBe(403);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/orders/7', { 'x-tenant': 'acme' })).status).toBe(200);
  });

  it('hands the errors of the app on untouched, also those of its own judgement of tenants', async () => {
    await start();
    const response = await get('/boom', { 'x-tenant': 'acme' });
    expect([response.status, await response.text()]).toEqual([500, 'app fault']);
    expect((await get('/private', { 'x-tenant': 'faulty' })).status).toBe(500);
    expect(errors).toHaveLength(2);
    for (const error of errors) expect(error).toBe(fault);
    await requestsEnded(2);
  });

  it('lets requests through when a source throws or hangs', async () => {
    const sources = [
      fromResolver(({ headers }) => (headers['x-hang'] === undefined ? broken() : new Promise(() => undefined))),
    ];
    await start({ sources, requireTenant: true, identifyTimeoutMs: 20 });
    expect((await get('/orders/7')).status).toBe(200);
    expect((await get('/orders/7', { 'x-hang': '1' })).status).toBe(200);
    expect((await get('/private')).status).toBe(200);
    expect(tenantry.stats()).toMatchObject({ tenant_source_failed: 2, tenant_source_timeout: 1 });
    expect(handled).toBe(3);
  });

  it('tells the end of a request once when the client goes away, in the answer or before the tenant is known', async () => {
    let go = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      go = resolve;
    });
    let tell = (_tenant: string): void => undefined;
    const slow = fromResolver(
      () =>
        new Promise<string>((resolve) => {
          tell = resolve;
          go();
        }),
    );
    await start({ sources: [fromHeader('x-tenant'), slow] });
    const inAnswer = httpRequest(`${app.url}/stream`, { headers: { 'x-tenant': 'acme' } }).end();
    inAnswer.on('error', () => undefined);
    const [response] = (await once(inAnswer, 'response')) as [NodeJS.ReadableStream];
    await once(response, 'data');
    inAnswer.destroy();
    expect(await requestsEnded(1)).toMatchObject([{ aborted: true, tenant: { tenantId: 'acme' } }]);

    const before = httpRequest(`${app.url}/orders/7`).end();
    before.on('error', () => undefined);
    await asked;
    const closed = new Promise((resolve) => before.on('close', resolve));
    before.destroy();
    await closed;
    // Time for the server to see it; should it see it later, the request ends later, and once all the same.
    await delay(10);
    tell('late');
    expect(await requestsEnded(2)).toMatchObject([{ aborted: true }, { aborted: true, tenant: { tenantId: 'late' } }]);
  });

  it('never mixes interleaved tenants, and ends each request once', async () => {
    await start();
    const tenants = Array.from({ length: 60 }, (_, index) => `tenant-${index % 12}`);
    const answers = await Promise.all(
      tenants.map(async (tenant) => (await get(`/orders/${tenant}`, { 'x-tenant': tenant })).json()),
    );
    expect(answers.map((answer) => (answer as { tenant: string }).tenant)).toEqual(tenants);
    for (const span of await spansOf(60)) {
      if (span.kind === SpanKind.CLIENT) expect(span.name.split(' ')[1]).toBe(span.attributes['tenant_id']);
    }
    await requestsEnded(60);
    await app.close();
    expect(ended).toHaveLength(60);
    await start();
  });
});
