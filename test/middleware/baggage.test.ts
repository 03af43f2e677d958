/** Baggage between services: real http servers and clients, real instrumentation. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { context, propagation, ROOT_CONTEXT, type TextMapPropagator, trace } from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createTenantry,
  fromBaggage,
  fromHeader,
  runAsTenant,
  TenantBaggagePropagator,
  type TenantSource,
  tenantBaggageFor,
} from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const standard = () =>
  new core.CompositePropagator({
    propagators: [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()],
  });
const tenantry = createTenantry({ serviceName: 'shop', flags: false });

const require = createRequire(import.meta.url);

let tracing: TestTracing;
let current: TextMapPropagator = standard();
beforeAll(() => {
  const propagator: TextMapPropagator = {
    inject: (...of) => current.inject(...of),
    extract: (...of) => current.extract(...of),
    fields: () => current.fields(),
  };
  tracing = startTestTracing({ propagator });
});
afterAll(() => tracing.stop());

const servers: Server[] = [];

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Calls with the http that instrumentation patches: the one loaded by require. Answers with what the other side sent. */
async function call(url: string, headers: Record<string, string> = {}): Promise<string> {
  const { request } = require('node:http') as typeof import('node:http');
  const outgoing = request(url, { headers }).end();
  const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

/** A service that calls `http://<its ?host=>` and answers with the headers that arrived there. */
async function startServices(propagator: TextMapPropagator, sources: readonly TenantSource[]): Promise<string> {
  current = propagator;
  const next = await listen(createServer((request, response) => response.end(JSON.stringify(request.headers))));
  const shop = withTenantry(
    async (request, response) => {
      const host = new URL(request.url ?? '/', 'http://shop').searchParams.get('host') ?? '';
      response.end(await call(`http://${host}:${next}/`));
    },
    { tenantry, sources },
  );
  return `http://127.0.0.1:${await listen(createServer(shop))}`;
}

async function headersAt(url: string, host: string, headers: Record<string, string>): Promise<IncomingHttpHeaders> {
  return JSON.parse(await call(`${url}/?host=${host}`, headers)) as IncomingHttpHeaders;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const outside = { 'x-tenant': 'acme', baggage: 'tenant_id=victim,tenant.id=victim,other=kept' };

describe('a tenant in baggage from outside', () => {
  it('does not travel on, with nothing but the standard propagators', async () => {
    const url = await startServices(standard(), [fromHeader('x-tenant')]);
    expect((await headersAt(url, 'localhost', outside))['baggage']).toBe('other=kept');
    expect((await headersAt(url, 'localhost', { baggage: 'tenant_id=victim' }))['baggage']).toBeUndefined();
  });

  it('is overwritten on the way to own hosts and taken out on the way to others', async () => {
    const propagator = new TenantBaggagePropagator({ hosts: ['LOCALHOST'], propagator: standard() });
    const url = await startServices(propagator, [fromHeader('x-tenant')]);
    expect((await headersAt(url, 'localhost', outside))['baggage']).toBe('other=kept,tenant_id=acme');
    expect((await headersAt(url, '127.0.0.1', outside))['baggage']).toBe('other=kept');
    const { 'x-tenant': _tenant, ...nobody } = outside;
    expect((await headersAt(url, 'localhost', nobody))['baggage']).toBe('other=kept');
  });

  it('is believed from an own service only', async () => {
    const propagator = new TenantBaggagePropagator({ hosts: ['localhost'], propagator: standard() });
    const trusting = await startServices(propagator, [fromBaggage({ trusted: ['127.0.0.0/8', '::1'] })]);
    expect((await headersAt(trusting, 'localhost', { baggage: 'tenant_id=acme' }))['baggage']).toBe('tenant_id=acme');
    const wary = await startServices(propagator, [fromBaggage({ trusted: ['10.0.0.0/8'] })]);
    expect((await headersAt(wary, 'localhost', { baggage: 'tenant_id=acme' }))['baggage']).toBeUndefined();
  });
});

describe('the host of an outgoing request', () => {
  const inject = (hosts: readonly string[] | ((host: string) => boolean), attributes: Record<string, unknown>) => {
    const carrier: Record<string, string> = {};
    const span = { ...trace.wrapSpanContext(trace.getTracer('t').startSpan('s').spanContext()), attributes };
    const propagator = new TenantBaggagePropagator({ hosts, propagator: new core.W3CBaggagePropagator() });
    runAsTenant('acme', () =>
      propagator.inject(trace.setSpan(context.active(), span as never), carrier, {
        set: (target, key, value) => Object.assign(target as object, { [key]: value }),
      }),
    );
    return carrier['baggage'];
  };

  it.each([
    [['billing.internal'], { 'server.address': 'billing.internal' }, true],
    [['billing.internal'], { 'server.address': 'billing.internal.evil.com' }, false],
    [['*.internal'], { 'url.full': 'http://a.billing.INTERNAL:8080/x?y=z' }, true],
    [['*.internal'], { 'url.full': 'http://internal/' }, false],
    [['*.internal'], { 'url.full': 'http://.internal/' }, false],
    [['*.internal'], { 'url.full': 'http://evil.com/?x=a.internal' }, false],
    [['*.internal'], { 'url.full': 'http://a.internal@evil.com/' }, false],
    [['billing'], { 'http.url': 'http://billing/x' }, true],
    [['billing'], { 'net.peer.name': 'billing' }, true],
    [['billing'], {}, false],
    [['billing'], { 'server.address': 7 }, false],
    [[], { 'server.address': 'billing' }, false],
  ])('%j lets %j know: %s', (hosts, attributes, told) => {
    expect(inject(hosts, attributes)).toBe(told ? 'tenant_id=acme' : undefined);
  });

  it('may be judged by the app, whose mistakes tell nobody', () => {
    expect(inject((host) => host === 'billing', { 'server.address': 'billing' })).toBe('tenant_id=acme');
    const broken = () => {
      throw new Error('injected');
    };
    expect(inject(broken, { 'server.address': 'billing' })).toBeUndefined();
  });

  it('of a span that is not recorded is unknown, so that the helper is there for it', () => {
    const hosts = ['billing.internal'];
    const headers = (url: string) => runAsTenant('ac@me', () => tenantBaggageFor(url, hosts));
    expect(headers('https://billing.internal/x')).toEqual({ baggage: 'tenant_id=ac%40me' });
    expect(headers('https://evil.com/billing.internal')).toEqual({});
    expect(headers('no url')).toEqual({});
    expect(tenantBaggageFor('https://billing.internal/x', hosts)).toEqual({});
  });
});

describe('the propagator', () => {
  it('takes a tenant out of what it extracts, and names the fields of the one inside', () => {
    const propagator = new TenantBaggagePropagator({ hosts: [], propagator: standard() });
    const getter = { get: (carrier: unknown, key: string) => (carrier as Record<string, string>)[key], keys: () => [] };
    const extracted = propagator.extract(ROOT_CONTEXT, { baggage: 'tenant_id=victim,a=b' }, getter);
    expect(propagation.getBaggage(extracted)?.getAllEntries()).toEqual([['a', { value: 'b' }]]);
    expect(propagator.fields()).toEqual(standard().fields());
  });
});
