import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BreakerOpenError, type BreakerOrder, Breakers } from '../../src/middleware/breaker.ts';
import { type CounterName, Counters } from '../../src/middleware/counters.ts';

function setUp(fields: { order?: () => BreakerOrder; maxBreakers?: number } = {}) {
  const counters = new Counters();
  const now = { tenant: 'acme' };
  const breakers = new Breakers({
    count: (name: CounterName) => counters.add(name),
    tenant: () => now.tenant,
    order: fields.order ?? (() => undefined),
    ...(fields.maxBreakers === undefined ? {} : { maxBreakers: fields.maxBreakers }),
  });
  return { breakers, counters, now };
}

const fail = () => Promise.reject(new Error('502 from stripe'));

describe('breaker', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('opens for one tenant after five failures in a row, and for nobody else', async () => {
    const { breakers, counters, now } = setUp();
    const stripe = breakers.breaker('stripe');
    for (let i = 0; i < 5; i++) await expect(stripe.run(fail)).rejects.toThrow('502 from stripe');
    const calls = vi.fn(async () => 'paid');
    await expect(stripe.run(calls)).rejects.toThrow(BreakerOpenError);
    expect(calls).not.toHaveBeenCalled();
    expect(counters.get('breaker_refused')).toBe(1);
    now.tenant = 'beta';
    await expect(stripe.run(calls)).resolves.toBe('paid');
    now.tenant = 'acme';
    await expect(breakers.breaker('slack').run(calls)).resolves.toBe('paid');
  });

  it('opens at half of many calls failing, though never five in a row', async () => {
    const { breakers } = setUp();
    const stripe = breakers.breaker('stripe');
    let refused = false;
    for (let i = 0; i < 60 && !refused; i++) {
      vi.setSystemTime(Date.now() + 100);
      const error = await stripe.run(i % 3 === 0 ? async () => 'ok' : fail).catch((thrown: unknown) => thrown);
      refused = error instanceof BreakerOpenError;
    }
    expect(refused).toBe(true);
  });

  it('probes once after 30 s, refuses others meanwhile, and closes when the probe succeeds', async () => {
    const { breakers } = setUp();
    const stripe = breakers.breaker('stripe');
    for (let i = 0; i < 5; i++) await stripe.run(fail).catch(() => undefined);
    vi.setSystemTime(Date.now() + 29_999);
    await expect(stripe.run(async () => 'early')).rejects.toThrow(BreakerOpenError);
    vi.setSystemTime(Date.now() + 1);
    let finish: (value: string) => void = () => undefined;
    const probe = stripe.run(() => new Promise<string>((resolve) => (finish = resolve)));
    await expect(stripe.run(async () => 'other')).rejects.toThrow(BreakerOpenError);
    finish('well again');
    await expect(probe).resolves.toBe('well again');
    await expect(stripe.run(async () => 'next')).resolves.toBe('next');
  });

  it('obeys flags: open refuses at once, closed calls however often it fails', async () => {
    let order: BreakerOrder = 'open';
    const { breakers } = setUp({ order: () => order });
    const stripe = breakers.breaker('stripe');
    await expect(stripe.run(async () => 'ok')).rejects.toMatchObject({ integration: 'stripe', byFlag: true });
    order = 'closed';
    for (let i = 0; i < 20; i++) await expect(stripe.run(fail)).rejects.toThrow('502 from stripe');
    await expect(stripe.run(async () => 'ok')).resolves.toBe('ok');
  });

  it('counts only what the app calls a failure', async () => {
    const { breakers } = setUp();
    const stripe = breakers.breaker('stripe', { isFailure: (error) => !error.message.startsWith('404') });
    for (let i = 0; i < 20; i++) {
      await expect(stripe.run(() => Promise.reject(new Error('404 no such card')))).rejects.toThrow('404');
    }
  });

  it('calls the app exactly once when the breaker itself is broken', async () => {
    const { breakers, counters } = setUp({
      order: () => {
        throw new Error('broken inside');
      },
    });
    const call = vi.fn(async () => 'ok');
    await expect(breakers.breaker('stripe').run(call)).resolves.toBe('ok');
    expect(call).toHaveBeenCalledTimes(1);
    expect(counters.get('breaker_failed')).toBe(1);
  });

  it('forgets the breaker that was unused for longest when there are too many', async () => {
    const { breakers, counters, now } = setUp({ maxBreakers: 2 });
    const stripe = breakers.breaker('stripe');
    for (let i = 0; i < 5; i++) await stripe.run(fail).catch(() => undefined);
    now.tenant = 'beta';
    await stripe.run(async () => 'ok');
    now.tenant = 'gamma';
    await stripe.run(async () => 'ok');
    expect(counters.get('breaker_evicted')).toBe(1);
    now.tenant = 'acme';
    await expect(stripe.run(async () => 'ok')).resolves.toBe('ok');
  });

  it('hands a synchronous throw on as it is', async () => {
    const { breakers } = setUp();
    const thrown = new TypeError('sync');
    await expect(
      breakers.breaker('stripe').run(() => {
        throw thrown;
      }),
    ).rejects.toBe(thrown);
  });
});
