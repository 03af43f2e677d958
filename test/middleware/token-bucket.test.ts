import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/middleware/token-bucket.ts';

/** Asks for one token and takes it if it is there; seconds to wait otherwise. */
function asking(rate: number, burst: number) {
  const bucket = new TokenBucket();
  return (now: number) => {
    const wait = bucket.wait(1, rate, burst, now);
    if (wait === 0) bucket.take(1);
    return wait;
  };
}

describe('a token bucket', () => {
  it('lets the burst through at once, then one request per refilled token', () => {
    const ask = asking(2, 3);
    expect([0, 0, 0, 0].map((now) => ask(now) === 0)).toEqual([true, true, true, false]);
    expect([499, 500, 501, 1_000].map((now) => ask(now) === 0)).toEqual([false, true, false, true]);
  });

  it('says after how many seconds the next request will be let through', () => {
    const ask = asking(0.25, 1);
    expect(ask(0)).toBe(0);
    expect(ask(1_000)).toBe(3);
    expect(ask(3_999)).toBeGreaterThan(0);
    expect(ask(4_000)).toBe(0);
  });

  it('refuses everything at a rate of 0, the burst included', () => {
    const ask = asking(0, 5);
    expect([ask(0), ask(1e9)]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it('never allows more than burst + rate x time, and never less when asked often enough', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 500, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 300 }),
        (rate, burst, gaps) => {
          let now = 0;
          const ask = asking(rate, burst);
          const allowed = gaps.filter((gap) => {
            now += gap;
            return ask(now) === 0;
          }).length;
          expect(allowed).toBeLessThanOrEqual(burst + (rate * now) / 1_000 + 1e-6);
          expect(allowed).toBeGreaterThanOrEqual(Math.min(gaps.length, burst));
        },
      ),
    );
  });

  it('does not hand out tokens when the clock stands still or goes back', () => {
    const ask = asking(1_000, 1);
    expect(ask(10_000)).toBe(0);
    expect(ask(5_000)).toBeGreaterThan(0);
    expect(ask(10_000)).toBeGreaterThan(0);
  });

  it('keeps at most the burst it is asked with, so that a smaller share takes tokens away at once', () => {
    const bucket = new TokenBucket();
    expect(bucket.fill(1, 100, 0)).toBe(100);
    expect(bucket.fill(1, 10, 0)).toBe(10);
    expect(bucket.fill(1, 100, 1_000)).toBe(11);
  });
});
