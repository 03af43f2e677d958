import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTenantry, integrationCall, runAsTenant } from '../../src/middleware/index.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

let tracing: TestTracing;
let url: string;
const server = createServer((request, response) => {
  response.writeHead(Number(request.url?.slice(1))).end('SECRET-BODY');
});

beforeAll(async () => {
  tracing = startTestTracing({ http: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await tracing.stop();
});

async function spanOf(work: () => unknown) {
  await tracing.flush();
  tracing.exporter.reset();
  await runAsTenant('acme', work);
  const spans = await tracing.flush();
  expect(spans).toHaveLength(1);
  return spans[0];
}

const stripe = {
  tenant_id: 'acme',
  'tenant_id.source': 'explicit',
  'peer.service': 'stripe',
  'tenantry.integration': 'stripe',
};

describe('integrationCall', () => {
  it('has a client span with name, outcome, status and duration', async () => {
    const span = await spanOf(() => integrationCall('stripe', () => fetch(`${url}/200`), { operation: 'charge' }));
    expect([span?.name, span?.kind]).toEqual(['stripe charge', 2]);
    expect(span?.attributes).toEqual({
      ...stripe,
      'tenantry.integration.outcome': 'ok',
      'http.response.status_code': 200,
    });
    expect((span?.duration[0] ?? 0) * 1e9 + (span?.duration[1] ?? 0)).toBeGreaterThan(0);
  });

  it.each([404, 503])('takes an answer %i for an error, and gives it to the caller', async (status) => {
    const span = await spanOf(async () => {
      const response = await integrationCall('stripe', () => fetch(`${url}/${status}`));
      expect([response.status, await response.text()]).toEqual([status, 'SECRET-BODY']);
    });
    expect(span?.attributes).toEqual({
      ...stripe,
      'tenantry.integration.outcome': 'error',
      'http.response.status_code': status,
      'error.type': String(status),
    });
    expect(span?.status.code).toBe(2);
  });

  it('returns and throws what the function does, at once or later', async () => {
    expect(integrationCall('stripe', () => 7)).toBe(7);
    const error = Object.assign(new Error('SECRET'), { response: { status: 502 }, code: 'ERR_BAD_RESPONSE' });
    const span = await spanOf(() => expect(integrationCall('stripe', () => Promise.reject(error))).rejects.toBe(error));
    expect(span?.attributes).toMatchObject({
      'tenantry.integration.outcome': 'error',
      'http.response.status_code': 502,
      'error.type': 'ERR_BAD_RESPONSE',
    });
    expect(JSON.stringify([span?.attributes, span?.events, span?.status])).not.toContain('SECRET');
    const thrown = await spanOf(() =>
      expect(() =>
        integrationCall('stripe', () => {
          throw new RangeError('SECRET');
        }),
      ).toThrow(RangeError),
    );
    expect(thrown?.attributes['error.type']).toBe('RangeError');
  });

  it('tells an abort from an error', async () => {
    const controller = new AbortController();
    controller.abort();
    const span = await spanOf(() =>
      expect(integrationCall('stripe', () => fetch(`${url}/200`, { signal: controller.signal }))).rejects.toThrow(),
    );
    expect(span?.attributes['tenantry.integration.outcome']).toBe('aborted');
  });

  it('shows what a breaker refused, on whichever side the breaker is', async () => {
    const tenantry = createTenantry({ serviceName: 'test' });
    const breaker = tenantry.breaker('stripe', { consecutiveFailures: 1 });
    const failing = () => Promise.reject(new Error('down'));
    await spanOf(() => expect(breaker.run(() => integrationCall('stripe', failing))).rejects.toThrow('down'));
    const refused = await spanOf(() =>
      expect(integrationCall('stripe', () => breaker.run(failing))).rejects.toMatchObject({
        code: 'TENANTRY_BREAKER_OPEN',
      }),
    );
    expect(refused?.attributes['tenantry.integration.outcome']).toBe('refused');
  });

  it('is the parent of what happens inside', async () => {
    await tracing.flush();
    tracing.exporter.reset();
    await integrationCall('stripe', async () => {
      trace.getTracer('http').startSpan('POST', {}, context.active()).end();
    });
    const [inner, outer] = await tracing.flush();
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  });

  it('leaves promises of other kinds what they are, even those that cannot be changed', async () => {
    class QueryPromise<T> extends Promise<T> {
      cancel(): string {
        return 'cancelled';
      }
    }
    const made = QueryPromise.resolve(7) as QueryPromise<number>;
    const called = integrationCall('stripe', () => made);
    expect(called).toBe(made);
    expect([called.cancel(), await called]).toEqual(['cancelled', 7]);
    const frozen = Object.freeze(QueryPromise.resolve(8));
    expect(await integrationCall('stripe', () => frozen)).toBe(8);
    const named = Object.assign(Promise.resolve(9), { abort: () => 'aborted' });
    const kept = integrationCall('stripe', () => named);
    expect([kept.abort(), await kept]).toEqual(['aborted', 9]);
  });

  it('leaves a rejection that nobody handles unhandled', async () => {
    const unhandled = new Promise((resolve) => {
      const listeners = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection');
      process.once('unhandledRejection', (reason) => {
        for (const listener of listeners) process.on('unhandledRejection', listener);
        resolve(reason);
      });
    });
    const error = new Error('nobody cares');
    void integrationCall('stripe', () => Promise.reject(error));
    expect(await unhandled).toBe(error);
  });
});
