import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { BreakerOrder } from '../../src/middleware/breaker.ts';
import { BreakerTimeoutError, errorClassOf } from '../../src/middleware/breaker-errors.ts';
import { breakerWorld, fail, ok, openFor } from '../support/middleware-breakers.ts';

describe('time-outs, signals, fallbacks', () => {
  it('gives a call up at the time-out, aborts its signal, and counts a failure', async () => {
    const { breakers, counters } = breakerWorld();
    const stripe = breakers.breaker('stripe', { timeoutMs: 5, consecutiveFailures: 2 });
    const signals: AbortSignal[] = [];
    const hang = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise<string>(() => undefined);
    };
    await expect(stripe.run(hang)).rejects.toThrow(BreakerTimeoutError);
    await expect(stripe.run(hang)).rejects.toMatchObject({ code: 'TENANTRY_BREAKER_TIMEOUT', integration: 'stripe' });
    expect(signals.map(({ aborted, reason }) => [aborted, (reason as Error).name])).toEqual([
      [true, 'BreakerTimeoutError'],
      [true, 'BreakerTimeoutError'],
    ]);
    expect(counters.get('breaker_timeout')).toBe(2);
    expect(stripe.state()).toBe('open');
  });

  it("passes the caller's signal on, gives up with it, and holds nothing against the integration", async () => {
    const { breakers } = breakerWorld();
    const stripe = breakers.breaker('stripe', { consecutiveFailures: 1 });
    const caller = new AbortController();
    let inner: AbortSignal | undefined;
    const run = stripe.run(
      (signal) => {
        inner = signal;
        return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
      { signal: caller.signal },
    );
    const reason = new Error('navigated away');
    caller.abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(inner?.reason).toBe(reason);
    expect(stripe.state()).toBe('closed');
    const call = vi.fn(ok);
    await expect(stripe.run(call, { signal: caller.signal })).rejects.toBe(reason);
    expect(call).not.toHaveBeenCalled();
  });

  it("leaves nothing on the caller's signal, which may live as long as the app", async () => {
    const { breakers } = breakerWorld();
    const { signal } = new AbortController();
    const stripe = breakers.breaker('stripe', { timeoutMs: 1_000 });
    for (let i = 0; i < 3; i++) {
      await stripe.run(ok, { signal });
      await stripe.run(fail, { signal }).catch(() => undefined);
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('answers with the fallback when open, failed or timed out, and not for errors of the caller', async () => {
    const { breakers } = breakerWorld();
    const stripe = breakers.breaker('stripe', { consecutiveFailures: 2, timeoutMs: 5 });
    const fallback = (error: unknown) => `cached: ${(error as Error).name}`;
    const mistake = Object.assign(new Error('no such card'), { status: 404 });
    await expect(stripe.run(() => Promise.reject(mistake), { fallback })).rejects.toBe(mistake);
    await expect(stripe.run(fail, { fallback })).resolves.toBe('cached: Error');
    const hang = () => new Promise<string>(() => undefined);
    await expect(stripe.run(hang, { fallback })).resolves.toBe('cached: BreakerTimeoutError');
    await expect(stripe.run(ok, { fallback })).resolves.toBe('cached: BreakerOpenError');
    const broken = () => {
      throw new RangeError('no cache');
    };
    await expect(stripe.run(ok, { fallback: broken })).rejects.toThrow(RangeError);
  });
});

describe('orders', () => {
  it('obeys flags: open refuses at once, closed calls however often it fails, auto judges itself', async () => {
    let order: BreakerOrder = 'open';
    const { breakers } = breakerWorld({ order: () => order });
    const stripe = breakers.breaker('stripe');
    await expect(stripe.run(ok)).rejects.toMatchObject({ integration: 'stripe', byFlag: true });
    expect(stripe.state()).toBe('open');
    order = 'closed';
    for (let i = 0; i < 20; i++) await expect(stripe.run(fail)).rejects.toThrow('502 from stripe');
    await expect(stripe.run(ok)).resolves.toBe('ok');
    order = 'auto';
    for (let i = 0; i < 5; i++) await stripe.run(fail).catch(() => undefined);
    await expect(stripe.run(ok)).rejects.toMatchObject({ byFlag: false });
  });
});

describe('a guest', () => {
  it('calls the app exactly once when the breaker itself is broken', async () => {
    const { breakers, counters } = breakerWorld({
      order: () => {
        throw new Error('broken inside');
      },
    });
    const call = vi.fn(ok);
    await expect(breakers.breaker('stripe').run(call)).resolves.toBe('ok');
    expect(call).toHaveBeenCalledTimes(1);
    expect(counters.get('breaker_failed')).toBe(1);
  });

  it('survives a predicate that throws: an error stays a failure, a result a result', async () => {
    const { breakers, counters } = breakerWorld();
    const broken = () => {
      throw new Error('broken predicate');
    };
    const stripe = breakers.breaker('stripe', { isFailure: broken, isFailedResult: broken });
    await expect(stripe.run(ok)).resolves.toBe('ok');
    for (let i = 0; i < 5; i++) await expect(stripe.run(fail)).rejects.toThrow('502');
    expect(stripe.state()).toBe('open');
    expect(counters.get('breaker_failed')).toBe(6);
  });

  it('takes nonsense in its options for the defaults', async () => {
    const world = breakerWorld();
    const nonsense = { consecutiveFailures: Number.NaN, halfOpenAfterMs: -1, probes: 0, jitter: 9, windowMs: 0 };
    await openFor(world, 'acme', nonsense);
    await expect(world.breakers.breaker('stripe', nonsense).run(ok)).rejects.toMatchObject({ retryAfterMs: 30_000 });
  });

  it('names the class of an error and never its text', () => {
    const secret = 'card 4242 of jane@example.com';
    const refused = Object.assign(new TypeError(secret), { cause: { code: 'ECONNREFUSED' } });
    expect(errorClassOf(refused)).toBe('ECONNREFUSED');
    expect(errorClassOf(Object.assign(new Error(secret), { status: 503 }))).toBe('http_503');
    expect(errorClassOf(Object.assign(new Error(secret), { name: secret }))).toBe('Error');
    expect(errorClassOf(Object.assign(new Error(secret), { code: secret, name: 'StripeError' }))).toBe('StripeError');
    expect(errorClassOf(secret)).toBe('thrown_string');
  });
});
