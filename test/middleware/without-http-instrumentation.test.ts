import { context, SpanKind, trace } from '@opentelemetry/api';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { createTenantry, currentTenant, fromHeader } from '../../src/middleware/index.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

// An app that traces its database but not its own HTTP server: no server span exists to fall back on.
let tracing: TestTracing;
let app: FastifyInstance;

const query = (name: string) => trace.getTracer('app').startSpan(name, { kind: SpanKind.CLIENT }).end();
const spans = async () => (await tracing.flush()).map((span) => [span.name, span.attributes['tenant_id']]);

async function start(build: (app: FastifyInstance) => void): Promise<string> {
  app = fastify();
  const tenantry = createTenantry({ serviceName: 'shop', flags: false });
  await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
  build(app);
  return await app.listen({ port: 0, host: '127.0.0.1' });
}

beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
});
afterEach(() => app.close());

describe('without http instrumentation', () => {
  it('what follows a hook that loses the context runs for the tenant', async () => {
    const url = await start((server) => {
      // What libraries of the callback age do: go on wherever their own listeners happen to run.
      server.addHook('preParsing', (_request, _reply, payload, done) =>
        context.with(before, () => done(null, payload)),
      );
      server.addHook('preValidation', async () => query('preValidation'));
      server.post('/', async () => {
        query('handler');
        return currentTenant()?.tenantId;
      });
      server.addHook('onResponse', async () => query('onResponse'));
    });
    const before = context.active();
    const headers = { 'x-tenant': 'acme', 'content-type': 'text/plain' };
    const response = await fetch(url, { method: 'POST', headers, body: 'x'.repeat(300_000) });
    expect(await response.text()).toBe('acme');
    await app.close();
    expect(await spans()).toEqual([
      ['preValidation', 'acme'],
      ['handler', 'acme'],
      ['onResponse', 'acme'],
    ]);
  });

  it('a span around the whole app is never taken for one request', async () => {
    await trace.getTracer('app').startActiveSpan('app start', async (root) => {
      const url = await start((server) => {
        server.get('/', async () => query('handler'));
      });
      await fetch(url, { headers: { 'x-tenant': 'acme' } });
      await fetch(url);
      await fetch(url, { headers: { 'x-tenant': 'beta' } });
      root.end();
    });
    expect(await spans()).toEqual([
      ['handler', 'acme'],
      ['handler', undefined],
      ['handler', 'beta'],
      ['app start', undefined],
    ]);
  });
});
