import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { currentTenant, runAsTenant } from '../../src/middleware/index.ts';
import { amqpOptions, messageCarrier, runAsMessage, tenantJobData } from '../../src/middleware/queues.ts';
import { query, sending, startMessageTracing } from '../support/middleware-messages.ts';
import type { TestTracing } from '../support/middleware-tracing.ts';

let tracing: TestTracing;
beforeAll(() => {
  tracing = startMessageTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
});

describe('a consumer span of an instrumentation', () => {
  it('is used, not doubled', async () => {
    const carrier = await sending(() => messageCarrier());
    const span = trace.getTracer('amqplib').startSpan('mail process', { kind: SpanKind.CONSUMER });
    await context.with(trace.setSpan(context.active(), span), () =>
      runAsMessage(carrier, { system: 'rabbitmq' }, query),
    );
    span.end();
    const spans = await tracing.flush();
    expect(spans.map(({ name, attributes }) => [name, attributes['tenant_id']])).toEqual([
      ['request', 'acme'],
      ['query', 'acme'],
      ['mail process', 'acme'],
    ]);
  });
});

describe('hostile and broken messages', () => {
  const origin = { system: 'test', destination: 'mail' };

  it.each([
    ['no headers', undefined],
    ['a string', 'tenant_id=victim'],
    ['no tenant', {}],
    ['a malformed tenant', { tenant_id: '../etc' }],
    ['two tenants', { tenant_id: ['acme', 'victim'] }],
    ['a tenant of 1 MB', { tenant_id: Buffer.alloc(1_000_000, 'a') }],
    ['an object for a tenant', { tenant_id: { toString: () => 'victim' } }],
    [
      'a trap',
      Object.defineProperty({}, 'tenant_id', {
        enumerable: true,
        get: () => {
          throw new Error('trap');
        },
      }),
    ],
    ['garbage for a trace', { traceparent: '00-zz-zz-01', tracestate: '\u0000' }],
  ])('%s: worked on for nobody, even inside another tenant', async (_what, headers) => {
    const seen = await runAsTenant('outer', () =>
      runAsMessage(headers, origin, async () => {
        await query();
        return [currentTenant()?.tenantId];
      }),
    );
    expect(seen).toEqual([undefined]);
    const child = (await tracing.flush()).find(({ name }) => name === 'query');
    expect(child?.attributes).not.toHaveProperty('tenant_id');
  });

  it('data copied from a request cannot name a tenant, nor can its baggage', async () => {
    const body = { to: 'x', _tenantry: { tenant_id: 'victim' } };
    expect(tenantJobData(body)._tenantry).not.toHaveProperty('tenant_id');
    expect(amqpOptions({ headers: { tenant_id: 'victim', Tenant_Id: 'victim' } }).headers).toEqual({});
    const baggage = propagation.createBaggage({ tenant_id: { value: 'victim' }, other: { value: 'kept' } });
    const outside = propagation.setBaggage(context.active(), baggage);
    expect(context.with(outside, messageCarrier)).toEqual({ baggage: 'other=kept' });
    const inbound = runAsMessage({ tenant_id: 'acme', baggage: 'tenant_id=victim,other=kept' }, origin, () =>
      propagation
        .getBaggage(context.active())
        ?.getAllEntries()
        .map(([key]) => key),
    );
    expect(inbound).toEqual(['other']);
  });

  it('what the work returns or throws is handed on, sync or async', async () => {
    const fault = new Error('of the app');
    const carrier = { tenant_id: 'acme' };
    expect(runAsMessage(carrier, origin, () => 7)).toBe(7);
    await expect(runAsMessage(carrier, origin, async () => 8)).resolves.toBe(8);
    const boom = () => {
      throw fault;
    };
    expect(() => runAsMessage(carrier, origin, boom)).toThrow(fault);
    await expect(runAsMessage(carrier, origin, async () => boom())).rejects.toBe(fault);
    const spans = await tracing.flush();
    expect(spans.map(({ status }) => status.code)).toEqual([0, 0, SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
  });

  it('an array has no place for a tenant and stays as it is', () => {
    const data = [1, 2];
    expect(runAsTenant('acme', () => tenantJobData(data))).toBe(data);
  });
});
