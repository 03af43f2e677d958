import { describe, expect, it } from 'vitest';
import { type BreakerWorld, breakerWorld, deferred, fail, ok, openFor } from '../support/middleware-breakers.ts';

describe('what is remembered', () => {
  it('nothing of healthy tenants, and of others nothing after ten idle minutes', async () => {
    const { breakers, state, forgotten } = breakerWorld();
    for (let i = 0; i < 1_000; i++) {
      state.tenant = `t${i}`;
      await breakers.breaker('stripe').run(ok);
    }
    expect(breakers.size).toBe(0);
    await openFor({ breakers, state } as BreakerWorld, 'acme');
    state.tenant = 'beta';
    await breakers
      .breaker('stripe')
      .run(fail)
      .catch(() => undefined);
    expect(breakers.size).toBe(2);
    state.now += 600_001;
    breakers.sweep();
    expect(breakers.size).toBe(1);
    state.now += 30_000;
    breakers.sweep();
    expect(breakers.size).toBe(0);
    expect(forgotten).toEqual(['stripe\nacme']);
  });

  it('gives up closed ones before open ones when there are too many', async () => {
    const world = breakerWorld({ maxBreakers: 3 });
    await openFor(world, 'open-1');
    world.state.now += 1;
    await openFor(world, 'open-2');
    for (let i = 0; i < 10; i++) {
      world.state.now += 1;
      world.state.tenant = `closed-${i}`;
      await world.breakers
        .breaker('stripe')
        .run(fail)
        .catch(() => undefined);
    }
    expect(world.breakers.size).toBe(3);
    expect(world.counters.get('breaker_evicted')).toBe(9);
    for (const tenant of ['open-1', 'open-2']) {
      world.state.tenant = tenant;
      expect(world.breakers.breaker('stripe').state()).toBe('open');
    }
    const atOnce = world.breakers.breaker('stripe', { consecutiveFailures: 1 });
    for (const tenant of ['open-3', 'open-4']) {
      world.state.tenant = tenant;
      await atOnce.run(fail).catch(() => undefined);
    }
    expect(world.breakers.size).toBe(3);
    expect(world.forgotten).toEqual(['stripe\nopen-1']);
  });
});

describe('all tenants together', () => {
  const options = { allTenants: { minimumTenants: 4, failureShare: 0.5 } };

  async function callAs({ breakers, state }: BreakerWorld, tenant: string, fn: () => Promise<string>) {
    state.tenant = tenant;
    return breakers
      .breaker('stripe', options)
      .run(fn)
      .catch((thrown: Error) => thrown.name);
  }

  it('opens for everybody when most tenants fail, and closes by one probe', async () => {
    const world = breakerWorld();
    for (const tenant of ['a', 'b', 'c']) expect(await callAs(world, tenant, fail)).toBe('Error');
    expect(await callAs(world, 'd', fail)).toBe('Error');
    expect(await callAs(world, 'e', ok)).toBe('BreakerOpenError');
    expect(world.changes).toMatchObject([{ tenantId: '(all)', phase: 'open', isOpening: true, calls: 4, failures: 4 }]);
    world.state.now += 30_000;
    const probe = deferred<string>();
    const probing = callAs(world, 'e', () => probe.promise);
    expect(await callAs(world, 'f', ok)).toBe('BreakerOpenError');
    probe.resolve('ok');
    expect(await probing).toBe('ok');
    expect(await callAs(world, 'f', ok)).toBe('ok');
  });

  it('never opens by one tenant, however much it fails', async () => {
    const world = breakerWorld();
    for (const tenant of ['b', 'c', 'd', 'e', 'f']) await callAs(world, tenant, ok);
    for (let i = 0; i < 500; i++) await callAs(world, 'acme', fail);
    expect(await callAs(world, 'b', ok)).toBe('ok');
    expect(await callAs(world, 'acme', ok)).toBe('BreakerOpenError');
    expect(world.changes.map(({ tenantId }) => tenantId)).toEqual(['acme']);
  });

  it("frees the tenant's own probe when the integration is open for all", async () => {
    const world = breakerWorld();
    for (let i = 0; i < 5; i++) await callAs(world, 'acme', fail);
    world.state.now += 29_990;
    for (const tenant of ['a', 'b', 'c', 'd']) await callAs(world, tenant, fail);
    world.state.now += 10;
    expect(await callAs(world, 'acme', ok)).toBe('BreakerOpenError');
    world.state.now += 30_000;
    expect(await callAs(world, 'acme', ok)).toBe('ok');
    expect(await callAs(world, 'acme', ok)).toBe('ok');
  });

  it('forgets tenants whose calls have left the window', async () => {
    const world = breakerWorld();
    for (const tenant of ['a', 'b', 'c']) await callAs(world, tenant, fail);
    world.state.now += 10_000;
    await callAs(world, 'd', fail);
    expect(await callAs(world, 'e', ok)).toBe('ok');
  });
});
