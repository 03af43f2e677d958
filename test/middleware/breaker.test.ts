import { describe, expect, it, vi } from 'vitest';
import { BreakerOpenError } from '../../src/middleware/breaker-errors.ts';
import { breakerWorld, deferred, fail, ok, openFor } from '../support/middleware-breakers.ts';

describe('opening', () => {
  it('opens for one tenant after five failures in a row, and for nobody and nothing else', async () => {
    const world = breakerWorld();
    await openFor(world, 'acme');
    const { breakers, counters, state } = world;
    const stripe = breakers.breaker('stripe');
    const call = vi.fn(ok);
    await expect(stripe.run(call)).rejects.toMatchObject({
      name: 'BreakerOpenError',
      byFlag: false,
      retryAfterMs: 30_000,
    });
    expect(call).not.toHaveBeenCalled();
    expect(counters.get('breaker_refused')).toBe(1);
    await expect(breakers.breaker('slack').run(ok)).resolves.toBe('ok');
    state.tenant = 'beta';
    await expect(stripe.run(ok)).resolves.toBe('ok');
  });

  it('opens at half of many calls failing, though never five in a row, and not below the floor', async () => {
    const { breakers, state } = breakerWorld();
    const stripe = breakers.breaker('stripe');
    const results: string[] = [];
    for (let i = 0; i < 30; i++) {
      state.now += 100;
      results.push(await stripe.run(i % 3 === 0 ? ok : fail).catch((thrown: Error) => thrown.name));
    }
    // Counted from the first failure, the second call; the 20th from there is a failure.
    expect(results.indexOf('BreakerOpenError')).toBe(21);
  });

  it('forgets failures that have left the window', async () => {
    const { breakers, state } = breakerWorld();
    const stripe = breakers.breaker('stripe', { consecutiveFailures: false, minimumCalls: 4, windowMs: 1_000 });
    for (let i = 0; i < 3; i++) await stripe.run(fail).catch(() => undefined);
    state.now += 2_000;
    for (let i = 0; i < 3; i++) await stripe.run(fail).catch(() => undefined);
    expect(stripe.state()).toBe('closed');
    await stripe.run(fail).catch(() => undefined);
    expect(stripe.state()).toBe('open');
  });

  it.each([
    { what: 'status 404', error: Object.assign(new Error('no such card'), { status: 404 }), opens: false },
    { what: 'statusCode 422', error: Object.assign(new Error('invalid'), { statusCode: 422 }), opens: false },
    {
      what: 'response.status 401',
      error: Object.assign(new Error('key'), { response: { status: 401 } }),
      opens: false,
    },
    { what: 'status 429', error: Object.assign(new Error('slow down'), { status: 429 }), opens: true },
    { what: 'status 503', error: Object.assign(new Error('down'), { status: 503 }), opens: true },
    { what: 'no status', error: new TypeError('fetch failed'), opens: true },
  ])('by default an error with $what opens it: $opens', async ({ error, opens }) => {
    const { breakers } = breakerWorld();
    const stripe = breakers.breaker('stripe');
    for (let i = 0; i < 5; i++) await expect(stripe.run(() => Promise.reject(error))).rejects.toBe(error);
    expect(stripe.state()).toBe(opens ? 'open' : 'closed');
  });

  it('counts what the app calls a failure, thrown or returned', async () => {
    const { breakers } = breakerWorld();
    const thrown = breakers.breaker('a', { isFailure: (error) => !(error instanceof RangeError) });
    for (let i = 0; i < 9; i++) await thrown.run(() => Promise.reject(new RangeError('mine'))).catch(() => undefined);
    expect(thrown.state()).toBe('closed');
    const returned = breakers.breaker('b', { isFailedResult: (result) => (result as Response).status >= 500 });
    for (let i = 0; i < 5; i++) await expect(returned.run(() => ({ status: 503 }))).resolves.toEqual({ status: 503 });
    expect(returned.state()).toBe('open');
  });

  it.each([undefined, null, 0, '', false])(
    'takes a thrown %j for a failure, and hands it on as it is',
    async (falsy) => {
      const { breakers, changes } = breakerWorld();
      const stripe = breakers.breaker('stripe');
      for (let i = 0; i < 5; i++) {
        const seen = await stripe
          .run(() => Promise.reject(falsy))
          .then(
            () => 'resolved',
            (thrown: unknown) => ({ thrown }),
          );
        expect(seen).toEqual({ thrown: falsy });
      }
      expect(stripe.state()).toBe('open');
      expect(changes.at(-1)?.lastError).toBe(`thrown_${falsy === null ? 'null' : typeof falsy}`);
    },
  );

  it('hands a synchronous throw on as it is, and counts it', async () => {
    const { breakers } = breakerWorld();
    const thrown = new TypeError('sync');
    const stripe = breakers.breaker('stripe');
    for (let i = 0; i < 5; i++) {
      await expect(
        stripe.run(() => {
          throw thrown;
        }),
      ).rejects.toBe(thrown);
    }
    expect(stripe.state()).toBe('open');
  });
});

describe('half-open', () => {
  it('probes once after 30 s, refuses others meanwhile, and closes when the probe succeeds', async () => {
    const world = breakerWorld();
    await openFor(world, 'acme');
    const stripe = world.breakers.breaker('stripe');
    world.state.now += 29_999;
    await expect(stripe.run(ok)).rejects.toThrow(BreakerOpenError);
    world.state.now += 1;
    expect(stripe.state()).toBe('half_open');
    const probe = deferred<string>();
    const calls = vi.fn(() => probe.promise);
    const all = Array.from({ length: 50 }, () => stripe.run(calls).catch((thrown: Error) => thrown.name));
    expect(calls).toHaveBeenCalledTimes(1);
    probe.resolve('well again');
    const results = await Promise.all(all);
    expect(results.filter((result) => result === 'well again')).toHaveLength(1);
    expect(results.filter((result) => result === 'BreakerOpenError')).toHaveLength(49);
    await expect(stripe.run(ok)).resolves.toBe('ok');
    expect(world.changes.map(({ phase }) => phase)).toEqual(['open', 'half_open', 'closed']);
  });

  it('doubles its wait with each failed probe, up to the longest', async () => {
    const world = breakerWorld();
    const options = { halfOpenAfterMs: 1_000, longestOpenMs: 3_000 };
    await openFor(world, 'acme', options);
    const stripe = world.breakers.breaker('stripe', options);
    for (const wait of [1_000, 2_000, 3_000, 3_000]) {
      world.state.now += wait - 1;
      await expect(stripe.run(fail)).rejects.toThrow(BreakerOpenError);
      world.state.now += 1;
      await expect(stripe.run(fail)).rejects.toThrow('502');
    }
  });

  it('wants as many probes as asked for, one after the other, and starts over when one fails', async () => {
    const world = breakerWorld();
    const options = { probes: 3, halfOpenAfterMs: 1_000, longestOpenMs: 1_000 };
    await openFor(world, 'acme', options);
    const stripe = world.breakers.breaker('stripe', options);
    world.state.now += 1_000;
    await stripe.run(ok);
    await stripe.run(ok);
    await stripe.run(fail).catch(() => undefined);
    expect(stripe.state()).toBe('open');
    world.state.now += 1_000;
    for (let i = 0; i < 3; i++) {
      expect(stripe.state()).toBe('half_open');
      await stripe.run(ok);
    }
    expect(stripe.state()).toBe('closed');
  });

  it('takes a probe that hangs for failed, and ignores its late answer', async () => {
    const world = breakerWorld();
    const options = { halfOpenAfterMs: 1_000, probeTimeoutMs: 5_000 };
    await openFor(world, 'acme', options);
    const stripe = world.breakers.breaker('stripe', options);
    world.state.now += 1_000;
    const hung = deferred<string>();
    const probe = stripe.run(() => hung.promise);
    world.state.now += 4_999;
    await expect(stripe.run(ok)).rejects.toThrow(BreakerOpenError);
    world.state.now += 1;
    await expect(stripe.run(ok)).rejects.toMatchObject({ retryAfterMs: 2_000 });
    hung.resolve('at last');
    await expect(probe).resolves.toBe('at last');
    expect(stripe.state()).toBe('open');
    world.state.now += 2_000;
    await expect(stripe.run(ok)).resolves.toBe('ok');
    expect(stripe.state()).toBe('closed');
  });

  it('lets calls from before the outage open nothing after it', async () => {
    const world = breakerWorld();
    const slow = deferred<string>();
    const stripe = world.breakers.breaker('stripe');
    const old = Array.from({ length: 10 }, () => stripe.run(() => slow.promise).catch(() => 'gone'));
    await openFor(world, 'acme');
    world.state.now += 30_000;
    await stripe.run(ok);
    slow.reject(new Error('socket hang up'));
    await Promise.all(old);
    expect(stripe.state()).toBe('closed');
  });

  it('keeps the slot of a probe whose caller gave up', async () => {
    const world = breakerWorld();
    await openFor(world, 'acme');
    const stripe = world.breakers.breaker('stripe');
    world.state.now += 30_000;
    const caller = new AbortController();
    const probe = stripe.run(() => new Promise<string>(() => undefined), { signal: caller.signal });
    caller.abort(new Error('client went away'));
    await expect(probe).rejects.toThrow('client went away');
    await expect(stripe.run(ok)).resolves.toBe('ok');
    expect(stripe.state()).toBe('closed');
  });
});
