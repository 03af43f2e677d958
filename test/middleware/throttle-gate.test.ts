// Throttles through real servers: headers, slots, labels, and ways round that are none.
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import {
  createTenantry,
  fromHeader,
  fromPath,
  fromSubdomain,
  type RequestLabels,
  type Tenantry,
  type TenantryOptions,
} from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { type FlagServer, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';

let flagServer: FlagServer;
let tenantry: Tenantry;
let app: FastifyInstance;
let url: string;
const until = (holds: () => void) => vi.waitFor(holds, { timeout: 5_000, interval: 5 });
const as = (tenant: string, method = 'GET', headers = {}) => ({ method, headers: { 'x-tenant': tenant, ...headers } });

async function hold(...flags: ReturnType<typeof wireThrottle>[]): Promise<void> {
  const revision = tenantry.flags.revision + 1;
  flagServer.snapshot({ revision, flags });
  await until(() => expect(tenantry.flags.revision).toBe(revision));
}

async function connect(options: Partial<TenantryOptions> = {}): Promise<void> {
  tenantry = createTenantry({ serviceName: 'shop', apiUrl: flagServer.url, key: 'k', ...options });
  await until(() => expect(flagServer.connections).toBe(1));
}

/** Requests to `/slow` end when the test says so. */
let finishSlow: (() => void)[] = [];

async function listen(labels?: RequestLabels): Promise<void> {
  app = fastify();
  await app.register(tenantryFastify, {
    tenantry,
    sources: [fromHeader('x-tenant')],
    ...(labels === undefined ? {} : { labels }),
  });
  app.get('/orders/:id', () => 'order');
  app.post('/orders/:id', () => 'order');
  app.get('/reports', () => 'report');
  app.get('/slow', () => new Promise((resolve) => finishSlow.push(() => resolve('done'))));
  url = await app.listen({ port: 0, host: '127.0.0.1' });
}

beforeEach(async () => {
  finishSlow = [];
  flagServer = await startFlagServer();
});
afterEach(async () => {
  for (const finish of finishSlow) finish();
  await tenantry.shutdown();
  await app?.close();
  await flagServer.close();
});

const never = { requests_per_second: 0, burst: 1 };
const wide = { requests_per_second: 1_000, burst: 1_000 };

describe('an allowed answer of a throttled tenant', () => {
  it('says what is left; others say nothing', async () => {
    await connect();
    await listen();
    await hold(wireThrottle({ limit: { requests_per_second: 1, burst: 3 } }));
    const fields = async (tenant: string) => {
      const { status, headers } = await fetch(`${url}/orders/1`, as(tenant));
      return [status, headers.get('ratelimit-policy'), headers.get('ratelimit')];
    };
    expect(await fields('acme')).toEqual([200, '"tenant";q=3;w=3', '"tenant";r=2;t=1']);
    expect(await fields('acme')).toEqual([200, '"tenant";q=3;w=3', '"tenant";r=1;t=2']);
    expect(await fields('calm')).toEqual([200, null, null]);
    await hold(wireThrottle({ mode: 'shadow', revision: 2 }));
    expect(await fields('acme')).toEqual([200, null, null]);
  });
});

describe('requests under way', () => {
  const limit = { ...wide, max_concurrent: 2 };
  const statusOf = async (path = '/slow') => (await fetch(`${url}${path}`, as('acme'))).status;

  it('are limited, and each that ends makes room', async () => {
    await connect();
    await listen();
    await hold(wireThrottle({ limit }));
    const running = [statusOf(), statusOf()];
    await until(() => expect(finishSlow).toHaveLength(2));
    const refused = await fetch(`${url}/orders/1`, as('acme'));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect((await refused.json()) as object).toMatchObject({
      detail: 'This tenant is limited to 2 requests at the same time for the time being.',
    });
    expect(tenantry.stats()).toMatchObject({ throttle_refused: 1, throttle_refused_concurrency: 1 });
    expect((await fetch(`${url}/orders/1`, as('calm'))).status).toBe(200);
    for (const finish of finishSlow) finish();
    expect(await Promise.all(running)).toEqual([200, 200]);
    for (let i = 0; i < 5; i++) expect(await statusOf('/orders/1')).toBe(200);
  });

  it('that the client breaks off make room as well', async () => {
    await connect();
    await listen();
    await hold(wireThrottle({ limit }));
    const calls = [1, 2].map(() =>
      httpRequest(`${url}/slow`, as('acme'))
        .on('error', () => undefined)
        .end(),
    );
    await until(() => expect(finishSlow).toHaveLength(2));
    expect(await statusOf('/orders/1')).toBe(429);
    for (const call of calls) call.destroy();
    await vi.waitFor(async () => expect(await statusOf('/orders/1')).toBe(200), { interval: 10 });
  });

  it('keep their places when the throttle is corrected, and when it is renewed under another id', async () => {
    await connect();
    await listen();
    await hold(wireThrottle({ limit }));
    const running = [statusOf(), statusOf()];
    await until(() => expect(finishSlow).toHaveLength(2));
    await hold(wireThrottle({ limit, revision: 2, reason: 'still' }));
    expect(await statusOf('/orders/1')).toBe(429);
    await hold(wireThrottle({ limit, revision: 3, id: 'renewed' }));
    expect(await statusOf('/orders/1')).toBe(429);
    for (const finish of finishSlow) finish();
    await Promise.all(running);
    expect(await statusOf('/orders/1')).toBe(200);
  });

  it('of plain node:http are counted too, also those that the app never answers', async () => {
    await connect();
    const handler = vi.fn(() => undefined);
    const server: Server = createServer(
      withTenantry(handler, { tenantry, sources: [fromHeader('x-tenant')], route: () => '/x' }),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await hold(wireThrottle({ limit: { ...wide, max_concurrent: 1 } }));
    const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = () => httpRequest(target, as('acme')).on('error', () => undefined);
    const hanging = ask().end();
    await until(() => expect(handler).toHaveBeenCalledTimes(1));
    expect((await fetch(target, as('acme'))).status).toBe(429);
    hanging.destroy();
    // The refused leave the handler alone: the first that calls it has found the place free.
    const asking = setInterval(() => ask().end(), 10);
    await until(() => expect(handler).toHaveBeenCalledTimes(2));
    clearInterval(asking);
    server.closeAllConnections();
    server.close();
  });
});

describe('labels', () => {
  const labels: RequestLabels = { '/reports': { costClass: 'report', weight: 5 }, 'GET /slow': { priority: 'batch' } };
  const get = async (path: string, init = as('acme')) => (await fetch(`${url}${path}`, init)).status;

  it('let a throttle hold back a cost class alone, and weigh its requests', async () => {
    await connect();
    await listen(labels);
    await hold(wireThrottle({ scope: { cost_class: 'report' }, limit: { requests_per_second: 0.01, burst: 10 } }));
    expect([await get('/reports'), await get('/reports'), await get('/reports')]).toEqual([200, 200, 429]);
    for (let i = 0; i < 20; i++) expect(await get('/orders/1')).toBe(200);
  });

  it('come from a function of the request; one that throws labels nothing and is counted', async () => {
    await connect();
    await listen((request) => {
      if (request.headers['x-job'] === 'broken') throw new Error('the app’s');
      return { priority: request.headers['x-job'] === undefined ? 'interactive' : 'batch' };
    });
    await hold(wireThrottle({ limit: { requests_per_second: 0.01, burst: 5 } }));
    const batch = as('acme', 'GET', { 'x-job': 'nightly' });
    const batches = [];
    for (let i = 0; i < 8; i++) batches.push(await get('/orders/1', batch));
    expect(batches).toEqual([200, 200, 200, 200, 429, 429, 429, 429]);
    expect(await get('/orders/1', as('acme', 'GET', { 'x-job': 'broken' }))).toBe(200);
    expect(tenantry.stats().label_failed).toBe(1);
    expect(await get('/orders/1')).toBe(429);
  });
});

describe('ways round a throttle', () => {
  const status = async (path: string, init: RequestInit) => (await fetch(`${url}${path}`, init)).status;

  it('many routes, query strings, slashes and methods share the one bucket of a tenant', async () => {
    await connect();
    await listen();
    await hold(wireThrottle({ limit: { requests_per_second: 0.001, burst: 3 } }));
    const paths = ['/orders/1', '/orders/2?x=1', '/reports', '/nowhere', '/ORDERS/1', '//orders/1', '/orders/1/'];
    const answers = [];
    for (const path of paths) answers.push(await status(path, as('acme')));
    expect(answers.filter((answer) => answer !== 429)).toHaveLength(3);
    expect(await status('/orders/1', as('acme', 'POST'))).toBe(429);
    expect(await status('/orders/1', as('acme', 'DELETE'))).toBe(429);
  });

  it('HEAD and method override headers do not escape the throttle of a route’s method', async () => {
    await connect();
    await listen();
    await hold(wireThrottle({ scope: { route: 'GET /orders/:id' }, limit: never }));
    const override = { 'x-http-method-override': 'POST', 'x-method-override': 'POST', 'x-http-method': 'POST' };
    expect(await status('/orders/1', as('acme'))).toBe(429);
    expect(await status('/orders/1', as('acme', 'HEAD'))).toBe(429);
    expect(await status('/orders/1', as('acme', 'GET', override))).toBe(429);
    expect(await status('/orders/%31', as('acme'))).toBe(429);
    expect(await status('/orders/1?_method=POST', as('acme'))).toBe(429);
    expect(await status('/orders/1', as('acme', 'POST'))).toBe(200);
  });

  it('other ways to write the tenant’s id name the same tenant or none', async () => {
    await connect();
    const seen: string[] = [];
    const server = express();
    server.use((request, response) => {
      const handler = withTenantry((_request, answer) => void answer.end('ok'), {
        tenantry,
        sources: [fromSubdomain({ baseDomain: 'shop.example' }), fromPath('/t/:tenant/*')],
        requireTenant: true,
      });
      seen.push(request.headers.host ?? '');
      void handler(request, response);
    });
    const listening = server.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    await hold(wireThrottle({ limit: never }));
    const ask = (host: string, path = '/') =>
      new Promise<number | undefined>((resolve) => {
        httpRequest({ port, host: '127.0.0.1', path, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).end();
      });
    const hosts = [
      'acme.shop.example',
      'ACME.shop.example',
      'acme.shop.example:80',
      'AcMe.SHOP.example',
      'acme.shop.example.',
    ];
    for (const host of hosts) expect([host, (await ask(host)) ?? 0]).toEqual([host, expect.toBeOneOf([429, 401, 403])]);
    expect(await ask('acme.shop.example')).toBe(429);
    expect(seen.length).toBeGreaterThan(0);
    listening.close();
  });
});

describe('limits counted exactly', () => {
  it('hold through a server, and a store that hangs delays a request by its time-out alone', async () => {
    const consume = vi.fn(() => new Promise<never>(() => undefined));
    await connect({ exactLimits: { limiter: () => ({ consume, reward: consume }), timeoutMs: 20 } });
    await listen();
    await hold(wireThrottle({ limit: { requests_per_second: 0.01, burst: 2 } }));
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push((await fetch(`${url}/orders/1`, as('acme'))).status);
    expect(answers).toEqual([200, 200, 429, 429]);
    expect(consume).toHaveBeenCalledTimes(1);
    expect(tenantry.stats().throttle_exact_fallback).toBe(4);
    expect((await fetch(`${url}/orders/1`, as('calm'))).status).toBe(200);
  });
});
