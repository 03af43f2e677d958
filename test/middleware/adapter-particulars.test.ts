/** What only one adapter, or one protocol, has to deal with. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireTenant, tenantryExpress } from '../../src/middleware/express.ts';
import { requireTenant as requireInHono, tenantryHono } from '../../src/middleware/hono.ts';
import {
  createTenantry,
  currentTenant,
  type EndedRequest,
  fromHeader,
  fromPath,
  fromResolver,
  observeRequests,
} from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const options = {
  tenantry: createTenantry({ serviceName: 'shop', flags: false }),
  sources: [fromHeader('x-tenant'), fromPath('/t/:tenant/*')],
};
const acme = { 'x-tenant': 'acme' };

let tracing: TestTracing;
let ended: EndedRequest[];
let stopObserving: () => void;
let close: () => void = () => undefined;

beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
beforeEach(() => {
  ended = [];
  stopObserving = observeRequests((request) => ended.push(request));
});
afterEach(() => {
  stopObserving();
  close();
});

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function requestEnded(): Promise<EndedRequest> {
  for (;;) {
    const [request] = ended;
    if (request !== undefined) return request;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('express', () => {
  it.each([
    ['/orders/7', '/orders/:id'],
    ['/t/acme/orders/7', '/t/:tenant/orders/:id'],
    ['/t/acme/teams/4711/', '/t/:tenant/teams/:id'],
    ['/t/acme/fails', '/t/:tenant/fails'],
    ['/nowhere', undefined],
  ])('%s has the route %s, mount paths included, after errors too', async (path, route) => {
    const app = express();
    app.use(tenantryExpress(options));
    const router = express.Router();
    router.get('/orders/:id', (_request, response) => void response.send('ok'));
    router.get('/fails', () => {
      throw new Error('of the app');
    });
    const team = express.Router();
    team.get('/', (_request, response) => void response.send('ok'));
    router.use('/teams/:team', team);
    app.get('/orders/:id', (_request, response) => void response.send('ok'));
    app.use('/t/:tenant', router);
    app.use(
      ((_error, _request, response, _next) => void response.sendStatus(500)) satisfies express.ErrorRequestHandler,
    );
    await (await fetch(`${await listen(createServer(app))}${path}`)).text();
    expect((await requestEnded()).route).toBe(route);
  });

  it('mounted twice, or inside withTenantry, counts a request once', async () => {
    const app = express();
    const asked: string[] = [];
    const source = (name: string) =>
      fromResolver(() => {
        asked.push(name);
        return 'acme';
      });
    const mounted = (name: string) => ({ ...options, sources: [source(name)] });
    app.use(tenantryExpress(mounted('first')));
    app.use(tenantryExpress(mounted('second')));
    app.get('/', (_request, response) => void response.json(currentTenant()));
    const url = await listen(
      createServer(withTenantry((request, response) => app(request, response), mounted('outer'))),
    );
    expect(await (await fetch(url)).json()).toEqual({ tenantId: 'acme', source: 'resolver' });
    await requestEnded();
    expect([asked, ended.length]).toEqual([['outer'], 1]);
  });

  it('requires a tenant of routes even where no adapter is mounted, and knows who runs it', async () => {
    const app = express();
    app.get('/', requireTenant(), (_request, response) => void response.send('ok'));
    expect((await fetch(await listen(createServer(app)))).status).toBe(401);
  });

  it('refuses with 503, where asked to, what a failed source cannot tell', async () => {
    const app = express();
    const down = fromResolver(() => Promise.reject(new Error('down')));
    app.use(tenantryExpress({ ...options, sources: [down] }));
    app.get('/strict', requireTenant({ whenUnknown: 'refuse' }), (_request, response) => void response.send('ok'));
    app.get('/', requireTenant(), (_request, response) => void response.send('ok'));
    const url = await listen(createServer(app));
    const refused = await fetch(`${url}/strict`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    expect((await fetch(url)).status).toBe(200);
  });
});

describe('hono without streams of Node', () => {
  const app = () => {
    const made = new Hono();
    made.use(tenantryHono(options));
    made.get('/orders/:id', (c) => c.json(currentTenant() ?? null));
    made.get('/private', requireInHono(), (c) => c.text('ok'));
    made.get('/stream', () => {
      const body = new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
      });
      return new Response(body);
    });
    made.delete('/orders/:id', (c) => c.body(null, 204));
    return made;
  };

  it('knows tenant and route, and the end of a response by its body', async () => {
    const response = await app().request('/orders/7', { headers: acme });
    expect(ended).toEqual([]);
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({ tenantId: 'acme', source: 'header' });
    expect(ended).toMatchObject([
      { tenant: { tenantId: 'acme' }, route: '/orders/:id', responseBytes: text.length, aborted: false },
    ]);
  });

  it('knows the end of a response without a body, of a refused one, and of one that is broken off', async () => {
    await app().request('/orders/7', { method: 'DELETE', headers: acme });
    expect(ended).toMatchObject([{ responseBytes: 0, aborted: false }]);
    const refused = await app().request('/private');
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([401, 'TENANT_REQUIRED']);
    expect(ended).toHaveLength(2);
    const reader = (await app().request('/stream', { headers: acme })).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(ended).toHaveLength(3);
    expect(ended[2]).toMatchObject({ aborted: true });
  });
});

describe('bytes', () => {
  const echo = withTenantry((request, response) => {
    const sizes: Record<string, () => void> = {
      '/text': () => response.end('grüße', 'utf8'),
      '/latin1': () => response.end('grüße', 'latin1'),
      '/hex': () => response.end('00ff', 'hex'),
      '/parts': () => {
        response.write('ab');
        response.write(new Uint8Array(3), () => response.end());
      },
      '/none': () => response.writeHead(204).end('dropped'),
      '/header': () => response.writeHead(200, { 'content-length': 4 }).end('abcd'),
    };
    sizes[request.url ?? '']?.();
  }, options);

  it.each([
    ['/text', 'GET', 7],
    ['/latin1', 'GET', 5],
    ['/hex', 'GET', 2],
    ['/parts', 'GET', 5],
    ['/none', 'GET', 0],
    ['/text', 'HEAD', 0],
    ['/header', 'GET', 4],
  ])('of %s by %s are %i', async (path, method, bytes) => {
    const url = await listen(createServer(echo));
    await (await fetch(`${url}${path}`, { method, headers: acme })).arrayBuffer();
    expect(await requestEnded()).toMatchObject({ responseBytes: bytes, requestBytes: 0, aborted: false });
  });

  it('of a request that is broken off are those that came', async () => {
    const handler = withTenantry((request) => void request.resume(), options);
    const url = await listen(createServer(handler));
    const client = httpRequest(url, { method: 'POST', headers: { 'content-length': 1_000_000 } });
    client.on('error', () => undefined);
    client.write('x'.repeat(1_000), () => setImmediate(() => client.destroy()));
    const { aborted, requestBytes } = await requestEnded();
    expect(aborted).toBe(true);
    expect(requestBytes).toBeLessThanOrEqual(1_000);
  });

  it('are counted once over HTTP/2', async () => {
    const server = createHttp2Server();
    server.on('request', (request, response) => {
      const handler = withTenantry(async (incoming, outgoing) => {
        let size = 0;
        for await (const chunk of incoming) size += (chunk as Buffer).length;
        outgoing.write('12');
        outgoing.end(String(size));
      }, options);
      handler(request as never, response as never);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    close = () => {
      session.destroy();
      server.close();
    };
    const stream = session.request({ ':method': 'POST', ':path': '/', 'x-tenant': 'acme' });
    stream.end('x'.repeat(500));
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe('12500');
    expect(await requestEnded()).toMatchObject({
      requestBytes: 500,
      responseBytes: 5,
      aborted: false,
      tenant: { tenantId: 'acme' },
    });
  });
});
