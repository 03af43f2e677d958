/** Senders and spans for tests of tenants that go through queues. */
import { SpanKind, trace } from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';
import { expect } from 'vitest';
import { runAsTenant } from '../../src/middleware/index.ts';
import { type EndedSpan, startTestTracing, type TestTracing } from './middleware-tracing.ts';

export const ACME = { tenantId: 'acme', plan: 'team', userId: 'u1' };

/** Trace context and baggage go through messages, as they do by the SDK's default. */
export function startMessageTracing(): TestTracing {
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()];
  return startTestTracing({ http: false, propagator: new core.CompositePropagator({ propagators }) });
}

/** Runs `send` for a tenant within a span, as a request's handler would. */
export async function sending<T>(send: () => T | Promise<T>, tenantId = ACME.tenantId): Promise<Awaited<T>> {
  return await runAsTenant({ ...ACME, tenantId }, () =>
    trace.getTracer('app').startActiveSpan('request', { kind: SpanKind.SERVER }, async (span) => {
      const sent = await send();
      span.end();
      return sent;
    }),
  );
}

/** A child span of an instrumentation that has never heard of tenants. */
export async function query(): Promise<void> {
  const span = trace.getTracer('app').startSpan('query', { kind: SpanKind.CLIENT });
  await Promise.resolve();
  span.end();
}

/** What was sent by `sending` and worked on with one `query` is one trace, marked from end to end. */
export async function expectOneTrace(tracing: TestTracing, processName: string, attributes: object): Promise<void> {
  const spans = await tracing.flush();
  const named = (name: string): EndedSpan => {
    const found = spans.find((span) => span.name === name && span.attributes['tenant_id'] === ACME.tenantId);
    if (found === undefined) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(', ')}`);
    return found;
  };
  const [request, process, child] = ['request', processName, 'query'].map(named);
  const marks = { tenant_id: 'acme', 'tenant_id.source': 'message', 'tenantry.plan': 'team', 'user.id': 'u1' };
  expect(process?.kind).toBe(SpanKind.CONSUMER);
  expect(process?.attributes).toMatchObject({ ...marks, ...attributes });
  expect(child?.attributes).toMatchObject(marks);
  expect(process?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
  expect(process?.links.map((link) => link.context.spanId)).toEqual([request?.spanContext().spanId]);
  expect(child?.parentSpanContext?.spanId).toBe(process?.spanContext().spanId);
}
