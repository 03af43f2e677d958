// The real SDK over a real API on a real socket.
import type { AddressInfo } from 'node:net';
import {
  ErrorCode,
  type EvaluationContext,
  OpenFeature,
  ProviderEvents,
  ProviderStatus,
} from '@openfeature/server-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BreakerFlag, DegradeFlag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { createTenantry, runAsTenant, type Tenantry } from '../../src/middleware/index.ts';
import { TenantryProvider } from '../../src/middleware/openfeature.ts';
import { ABSENT, OTHER, OWN } from '../support/api-harness.ts';
import { type StreamBench, startStreaming } from '../support/api-sse.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

let tracing: TestTracing;
let api: StreamBench;
let tenantry: Tenantry;
let provider: TenantryProvider;
const client = () => OpenFeature.getClient();
const until = (holds: () => void) => vi.waitFor(holds, { timeout: 5_000, interval: 5 });

function start(apiUrl: string, key: string, readyTimeoutMs = 5_000): void {
  tenantry = createTenantry({ serviceName: 'checkout', apiUrl, key });
  provider = new TenantryProvider({ tenantry, readyTimeoutMs });
}

beforeAll(() => {
  tracing = startTestTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  api = await startStreaming();
  const { port } = api.app.server.address() as AddressInfo;
  start(`http://127.0.0.1:${port}`, api.ports.keys.issue(['flags']));
  await OpenFeature.setProviderAndWait(provider);
});
afterEach(async () => {
  await OpenFeature.close();
  OpenFeature.clearHandlers();
  await tenantry.shutdown();
  await api.close();
});

const soon = (tenantId: TenantId = OWN) => ({ tenantId, reason: 'why', expiresAt: api.clock.now + 60_000 });
const degrade = (step: DegradeFlag['step'], id = 'd', tenantId = OWN) =>
  api.ports.flags.put<DegradeFlag>({ kind: 'degrade', id, feature: 'ai', step, ...soon(tenantId) });

describe('flags from memory', () => {
  it('gives the throttles of a tenant as OFREP does, narrowed to this service', async () => {
    const details = await client().getObjectDetails('throttle', {}, { targetingKey: OWN });
    expect(details).toMatchObject({ reason: 'TARGETING_MATCH', variant: 'enforce' });
    expect(details.value).toMatchObject({
      active: true,
      throttles: [{ scope: { service: 'checkout' }, limit: { requests_per_second: 5, burst: 10 } }],
    });
    const answer = await api.app.inject({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags/throttle',
      headers: { authorization: `Bearer ${api.ports.keys.issue(['flags'])}` },
      payload: { context: { targetingKey: OWN } },
    });
    expect(details.value).toEqual(answer.json().value);
    expect(await client().getObjectValue('throttle', {}, { targetingKey: OWN, service: 'billing' })).toMatchObject({
      active: false,
    });
    expect(await client().getObjectValue('throttle', {}, { targetingKey: ABSENT })).toEqual({
      active: false,
      throttles: [],
    });
  });

  it('gives the step of the ladder and breaker orders, the strictest and the newest of several', async () => {
    expect(await client().getStringValue('degrade.ai', 'none', { targetingKey: OWN })).toBe('ok');
    degrade('blocked', 'd1');
    degrade('warn', 'd2');
    api.ports.flags.put<BreakerFlag>({ kind: 'breaker', id: 'b', integration: 'stripe', state: 'open', ...soon() });
    await until(() => expect(tenantry.flags.ofTenant(OWN)).toHaveLength(4));
    expect(await client().getStringDetails('degrade.ai', 'none', { targetingKey: OWN })).toMatchObject({
      value: 'blocked',
      reason: 'TARGETING_MATCH',
      flagMetadata: { id: 'd1', reason: 'why' },
    });
    expect(tenantry.degraded('ai', OWN)).toBe('blocked');
    expect(await client().getStringValue('breaker.stripe', 'x', { targetingKey: OWN })).toBe('open');
    expect(await client().getStringValue('breaker.slack', 'x', { targetingKey: OWN })).toBe('auto');
    expect(await client().getStringValue('degrade.ai', 'none', { targetingKey: OTHER })).toBe('ok');
  });

  it('takes the tenant of the request at hand where the context names none', async () => {
    degrade('cached_only');
    await until(() => expect(tenantry.degraded('ai', OWN)).toBe('cached_only'));
    const asked = () => client().getStringValue('degrade.ai', 'none');
    expect(await runAsTenant(OWN, asked)).toBe('cached_only');
    expect((await client().getStringDetails('degrade.ai', 'none')).errorCode).toBe(ErrorCode.TARGETING_KEY_MISSING);
  });

  it.each<[string, string, EvaluationContext, ErrorCode]>([
    ['an unknown flag', 'nonsense', { targetingKey: OWN }, ErrorCode.FLAG_NOT_FOUND],
    ['a flag of another type', 'throttle', { targetingKey: OWN }, ErrorCode.TYPE_MISMATCH],
    ['a tenant id that is none', 'degrade.ai', { targetingKey: '../x' }, ErrorCode.INVALID_CONTEXT],
    ['no tenant', 'degrade.ai', { targetingKey: '' }, ErrorCode.TARGETING_KEY_MISSING],
  ])('gives the default and says why: %s', async (_name, key, context, errorCode) => {
    expect(await client().getStringDetails(key, 'mine', context)).toMatchObject({
      value: 'mine',
      reason: 'ERROR',
      errorCode,
    });
    expect(await client().getBooleanValue(key, true, context)).toBe(true);
    expect(await client().getNumberValue(key, 7, context)).toBe(7);
  });

  it('evaluates without the server', async () => {
    degrade('warn');
    await until(() => expect(tenantry.degraded('ai', OWN)).toBe('warn'));
    await api.app.close();
    expect(await client().getStringValue('degrade.ai', 'none', { targetingKey: OWN })).toBe('warn');
  });
});

describe('flags that only the server knows', () => {
  const plan = (tenantId: string) => client().getStringDetails('plan', 'free', { targetingKey: tenantId });

  it('are asked for once and then answered from the cache', async () => {
    // A key that is bound to no tenant reads plans one tenant at a time.
    expect(await plan(OWN)).toMatchObject({ value: 'growth', reason: 'TARGETING_MATCH' });
    api.ports.plans.planOf.set(OWN, 'other');
    expect(await plan(OWN)).toMatchObject({ value: 'growth', reason: 'CACHED' });
    expect(await client().getStringValue('placement', 'x', { targetingKey: OWN })).toBe('pooled');
    await api.app.close();
    expect(await plan(OWN)).toMatchObject({ value: 'growth', reason: 'CACHED' });
    expect(await plan(OTHER)).toMatchObject({ value: 'free', errorCode: ErrorCode.GENERAL });
  });

  it('leave it to the code for a tenant on no plan', async () => {
    expect(await plan(ABSENT)).toMatchObject({ value: 'free', reason: 'DEFAULT' });
  });
});

describe('events', () => {
  it('tell of changes, and of nothing after closing', async () => {
    const changes = vi.fn();
    client().addHandler(ProviderEvents.ConfigurationChanged, changes);
    degrade('warn');
    await until(() => expect(changes).toHaveBeenCalledTimes(1));
    await OpenFeature.clearProviders();
    degrade('blocked', 'd2');
    await until(() => expect(tenantry.degraded('ai', OWN)).toBe('blocked'));
    expect(changes).toHaveBeenCalledTimes(1);
  });

  it('say that it is not ready while no flags come, and ready when they do', async () => {
    await OpenFeature.clearProviders();
    await tenantry.shutdown();
    const { port } = api.app.server.address() as AddressInfo;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    api.ports.flags.afterRead = () => gate;
    start(`http://127.0.0.1:${port}`, api.ports.keys.issue(['flags']), 20);
    await expect(OpenFeature.setProviderAndWait(provider)).rejects.toThrow('No flags came');
    expect(client().providerStatus).toBe(ProviderStatus.ERROR);
    expect((await client().getStringDetails('degrade.ai', 'mine', { targetingKey: OWN })).errorCode).toBe(
      ErrorCode.PROVIDER_NOT_READY,
    );
    release();
    await until(() => expect(client().providerStatus).toBe(ProviderStatus.READY));
    expect(await client().getStringValue('degrade.ai', 'mine', { targetingKey: OWN })).toBe('ok');
  });

  it('say when the flags go stale and when they are fresh again', async () => {
    const listeners: ((event: 'stale' | 'fresh') => void)[] = [];
    let staleSince: number | undefined;
    const flags = new Proxy(tenantry.flags, {
      get: (target, name) => {
        if (name === 'staleSince') return staleSince;
        if (name === 'subscribe') {
          return (listener: (typeof listeners)[number]) => {
            listeners.push(listener);
            return () => undefined;
          };
        }
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await OpenFeature.setProviderAndWait(new TenantryProvider({ tenantry: { ...tenantry, flags } }));
    staleSince = 1;
    for (const listener of listeners) listener('stale');
    expect(client().providerStatus).toBe(ProviderStatus.STALE);
    expect(await client().getStringDetails('degrade.ai', 'x', { targetingKey: OWN })).toMatchObject({
      value: 'ok',
      reason: 'STALE',
    });
    staleSince = undefined;
    for (const listener of listeners) listener('fresh');
    expect(client().providerStatus).toBe(ProviderStatus.READY);
  });
});
