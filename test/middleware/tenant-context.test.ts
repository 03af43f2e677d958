import { setTimeout as delay } from 'node:timers/promises';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTenantry, currentTenant, runAsTenant } from '../../src/middleware/index.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

let tracing: TestTracing;
const tracer = () => trace.getTracer('worker');
const spanNamed = async (name: string) => (await tracing.flush()).find((span) => span.name === name);
const tenantOf = async (name: string) => (await spanNamed(name))?.attributes['tenant_id'];

function inSpan<T>(name: string, fn: () => T, kind = SpanKind.INTERNAL): T {
  return tracer().startActiveSpan(name, { kind }, (span) => {
    const result = fn();
    if (result instanceof Promise) void result.finally(() => span.end()).catch(() => undefined);
    else span.end();
    return result;
  });
}

beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
});

describe('runAsTenant', () => {
  it('marks spans inside, also after await, with source and plan, and none outside', async () => {
    inSpan('before', () => undefined);
    await runAsTenant({ tenantId: 'acme', plan: 'team' }, async () => {
      await delay(1);
      inSpan('inside', () => undefined);
    });
    inSpan('after', () => undefined);
    expect((await spanNamed('inside'))?.attributes).toEqual({
      tenant_id: 'acme',
      'tenant_id.source': 'explicit',
      'tenantry.plan': 'team',
    });
    expect([await tenantOf('before'), await tenantOf('after')]).toEqual([undefined, undefined]);
  });

  it('keeps the tenants of one batch apart below a common root span', async () => {
    await inSpan('batch', async () => {
      await Promise.all(
        ['acme', 'beta', 'gamma'].map((tenant) =>
          runAsTenant(tenant, async () => {
            await delay(Math.random() * 5);
            inSpan(`job of ${tenant}`, () => inSpan(`step of ${tenant}`, () => undefined));
          }),
        ),
      );
    });
    for (const tenant of ['acme', 'beta', 'gamma']) {
      expect(await tenantOf(`job of ${tenant}`)).toBe(tenant);
      expect(await tenantOf(`step of ${tenant}`)).toBe(tenant);
    }
    expect(await tenantOf('batch')).toBeUndefined();
  });

  it('inherits nothing of an outer tenant when the inner id is malformed', async () => {
    runAsTenant('acme', () =>
      inSpan('outer', () =>
        runAsTenant('../beta', () => {
          inSpan('inner', () => undefined);
          expect(currentTenant()).toBeUndefined();
        }),
      ),
    );
    expect(await tenantOf('outer')).toBe('acme');
    expect(await tenantOf('inner')).toBeUndefined();
  });

  it('returns what the work returns and throws what it throws', () => {
    expect(runAsTenant('acme', () => 42)).toBe(42);
    expect(() =>
      runAsTenant('acme', () => {
        throw new TypeError('own');
      }),
    ).toThrow(TypeError);
    expect(currentTenant()).toBeUndefined();
  });
});

describe('spans', () => {
  it('below a marked span inherit its tenant when the context got lost', async () => {
    const lost = context.active();
    runAsTenant('acme', () =>
      tracer().startActiveSpan('parent', (parent) => {
        context.with(trace.setSpan(lost, parent), () => {
          inSpan('child', () => undefined);
          expect(currentTenant()?.tenantId).toBe('acme');
        });
        parent.end();
      }),
    );
    expect(await tenantOf('child')).toBe('acme');
  });

  it('that name another tenant than their context are corrected and counted', async () => {
    const tenantry = createTenantry({ serviceName: 'worker', flags: false });
    const before = tenantry.stats().span_tenant_conflict;
    runAsTenant('acme', () =>
      tracer()
        .startSpan('claims', { attributes: { tenant_id: 'victim', other: 1 } })
        .end(),
    );
    expect((await spanNamed('claims'))?.attributes).toMatchObject({ tenant_id: 'acme', other: 1 });
    expect(tenantry.stats().span_tenant_conflict - before).toBe(1);
  });

  it('that name a tenant outside any context keep it', async () => {
    tracer()
      .startSpan('manual', { attributes: { tenant_id: 'acme' } })
      .end();
    expect((await spanNamed('manual'))?.attributes).toEqual({ tenant_id: 'acme' });
  });

  it('of a root that lives long are remembered up to a bound only', async () => {
    const tenantry = createTenantry({ serviceName: 'worker', flags: false });
    const before = tenantry.stats().span_stamp_overflow;
    inSpan('poll loop', () => {
      for (let i = 0; i < 300; i++) inSpan('poll', () => undefined);
    });
    expect(tenantry.stats().span_stamp_overflow - before).toBe(45);
  });
});
