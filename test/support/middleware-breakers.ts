import { expect } from 'vitest';
import { type BreakerOrder, Breakers } from '../../src/middleware/breaker.ts';
import type { BreakerChange } from '../../src/middleware/breaker-change.ts';
import type { BreakerOptions } from '../../src/middleware/breaker-rules.ts';
import { type CounterName, Counters } from '../../src/middleware/counters.ts';

/** Breakers on a clock and for a tenant that the test sets, with everything they tell. */
export function breakerWorld(fields: { order?: () => BreakerOrder; maxBreakers?: number } = {}) {
  const counters = new Counters();
  const state = { tenant: 'acme', now: 1_000 };
  const changes: BreakerChange[] = [];
  const forgotten: string[] = [];
  const breakers = new Breakers({
    count: (name: CounterName) => counters.add(name),
    tenant: () => state.tenant,
    order: fields.order ?? (() => undefined),
    now: () => state.now,
    random: () => 0,
    watcher: { changed: (change) => changes.push(change), forgotten: (key) => forgotten.push(key) },
    ...(fields.maxBreakers === undefined ? {} : { maxBreakers: fields.maxBreakers }),
  });
  return { breakers, counters, state, changes, forgotten };
}

export const fail = () => Promise.reject(new Error('502 from stripe'));
export const ok = async () => 'ok';

export function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export type BreakerWorld = ReturnType<typeof breakerWorld>;

export async function openFor(
  { breakers, state }: BreakerWorld,
  tenant: string,
  options: BreakerOptions = {},
): Promise<void> {
  state.tenant = tenant;
  const stripe = breakers.breaker('stripe', options);
  for (let i = 0; i < 5; i++) await stripe.run(fail).catch(() => undefined);
  expect(stripe.state()).toBe('open');
}
