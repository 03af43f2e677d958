import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, createContextKey, propagation } from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTenantry, currentTenant, fromHeader } from '../../src/middleware/index.ts';
import { runListenersIn } from '../../src/middleware/listener-context.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const KEY = createContextKey('which');
const here = () => context.active().getValue(KEY);

describe.each([
  ['with http instrumentation, which binds the request to the context from before', true],
  ['without, where the parser has no context at all', false],
])('listeners of a request body, %s', (_what, http) => {
  let tracing: TestTracing;
  beforeAll(() => {
    const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()];
    tracing = startTestTracing({ http, propagator: new core.CompositePropagator({ propagators }) });
  });
  afterAll(() => tracing.stop());

  it('run for the tenant, in a context without the foreign baggage', async () => {
    const tenantry = createTenantry({ serviceName: 'shop', flags: false });
    const server = createServer(
      withTenantry(
        (request, response) => {
          let bytes = 0;
          request.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
          });
          request.once('end', () => {
            const baggage = propagation.getBaggage(context.active())?.getEntry('tenant_id');
            response.end(JSON.stringify({ bytes, tenant: currentTenant()?.tenantId, baggage }));
          });
        },
        { tenantry, sources: [fromHeader('x-tenant')] },
      ),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      method: 'POST',
      headers: { 'x-tenant': 'acme', baggage: 'tenant_id=victim' },
      body: 'x'.repeat(300_000),
    });
    expect(await response.json()).toEqual({ bytes: 300_000, tenant: 'acme' });
    server.closeAllConnections();
    server.close();
  });
});

describe('an emitter whose listeners are bound', () => {
  let tracing: TestTracing;
  beforeAll(() => {
    tracing = startTestTracing({ http: false });
  });
  afterAll(() => tracing.stop());
  const outer = () => context.active().setValue(KEY, 'outer');
  const inner = () => context.active().setValue(KEY, 'inner');

  describe.each([
    ['before', true],
    ['never', false],
  ])('and that OpenTelemetry has bound %s', (_when, bind) => {
    const make = () => {
      const emitter = new EventEmitter();
      if (bind) context.bind(outer(), emitter);
      runListenersIn(inner(), emitter);
      return emitter;
    };

    it.each(['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const)('%s', (add) => {
      const emitter = make();
      const seen: unknown[] = [];
      emitter[add]('x', (value) => seen.push(here(), value));
      emitter.emit('x', 7);
      expect(seen).toEqual(['inner', 7]);
      emitter.emit('x', 8);
      expect(seen).toHaveLength(add.toLowerCase().includes('once') ? 2 : 4);
    });

    it.each(['on', 'once', 'prependListener', 'prependOnceListener'] as const)('takes off what %s put on', (add) => {
      for (const remove of ['off', 'removeListener'] as const) {
        const emitter = make();
        const listener = vi.fn();
        emitter[add]('x', listener);
        emitter[add]('x', listener);
        emitter[remove]('x', listener);
        expect(emitter.listenerCount('x')).toBe(1);
        emitter[remove]('x', listener);
        emitter[remove]('x', listener);
        expect(emitter.listenerCount('x')).toBe(0);
        emitter.emit('x');
        expect(listener).not.toHaveBeenCalled();
      }
    });

    it('takes off a listener put on again after it ran once', () => {
      const emitter = make();
      const listener = vi.fn();
      emitter.once('x', listener);
      emitter.emit('x');
      emitter.on('x', listener);
      emitter.removeListener('x', listener);
      emitter.emit('x');
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it('keeps this, and refuses what is no function as it always does', () => {
      const emitter = make();
      const seen: unknown[] = [];
      emitter.on('x', function onX(this: unknown) {
        seen.push(this);
      });
      emitter.emit('x');
      expect(seen).toEqual([emitter]);
      expect(() => emitter.on('x', undefined as never)).toThrow(TypeError);
    });
  });
});
