import { context } from '@opentelemetry/api';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { createTenantry, currentTenant, fromHeader } from '../../src/middleware/index.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

// What follows a response's end runs in a listener that is older than the tenant: each way of putting an onResponse hook
// must be led back to it.
let tracing: TestTracing;
let app: FastifyInstance;
let seen: Promise<string | undefined>;
let report: () => void;

const outside = context.active();
/** Answers as callback libraries do: from wherever their own listeners happen to run. */
const answer = (_request: unknown, reply: FastifyReply) => {
  context.with(outside, () => void reply.send('ok'));
};
/** Tells the tenant that it runs for. */
const tell = async () => report();
const pass = async () => undefined;

function build(): FastifyInstance {
  app = fastify();
  seen = new Promise((resolve) => {
    report = () => resolve(currentTenant()?.tenantId);
  });
  return app;
}

const plugin = () => ({
  tenantry: createTenantry({ serviceName: 'shop', flags: false }),
  sources: [fromHeader('x-tenant')],
});

async function tenantSeen(): Promise<string | undefined> {
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  await fetch(url, { headers: { 'x-tenant': 'acme' } });
  return seen;
}

beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
afterEach(() => app.close());

describe('hooks for the end of a response know the tenant', () => {
  it('of the app itself', async () => {
    await build().register(tenantryFastify, plugin());
    app.addHook('onResponse', tell);
    app.get('/', answer);
    expect(await tenantSeen()).toBe('acme');
  });

  it('of a child that was made before its parent had one', async () => {
    await build().register(tenantryFastify, plugin());
    await app.register(async (child) => {
      app.addHook('onResponse', pass);
      child.addHook('onResponse', tell);
      child.get('/', answer);
    });
    expect(await tenantSeen()).toBe('acme');
  });

  it.each([
    ['one', tell],
    ['several', [tell, pass]],
  ])('of a route, %s', async (_what, onResponse) => {
    await build().register(tenantryFastify, plugin());
    app.get('/', { onResponse }, answer);
    expect(await tenantSeen()).toBe('acme');
  });

  it('of another plugin that hides its hooks from nobody', async () => {
    await build().register(tenantryFastify, plugin());
    const shared = Object.assign(async (instance: FastifyInstance) => void instance.addHook('onResponse', tell), {
      [Symbol.for('skip-override')]: true,
    });
    await app.register(shared);
    app.get('/', answer);
    expect(await tenantSeen()).toBe('acme');
  });

  it('and nothing is listened for where there is none', async () => {
    await build().register(tenantryFastify, plugin());
    let listeners = -1;
    app.get('/', async (_request, reply) => {
      listeners = reply.raw.listenerCount('error');
      report();
      return 'ok';
    });
    await tenantSeen();
    expect(listeners).toBe(0);
  });
});
