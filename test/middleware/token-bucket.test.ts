import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketState, decide } from '../../src/middleware/token-bucket.ts';

describe('decide', () => {
  it('lets the burst through at once, then one request per refilled token', () => {
    const limit = { requestsPerSecond: 2, burst: 3 };
    let state: BucketState | undefined;
    const ask = (now: number) => {
      const decision = decide(state, limit, now);
      state = decision.state;
      return decision.allowed;
    };
    expect([0, 0, 0, 0].map(ask)).toEqual([true, true, true, false]);
    expect([499, 500, 501, 1_000].map(ask)).toEqual([false, true, false, true]);
  });

  it('says after how many seconds the next request will be let through', () => {
    const limit = { requestsPerSecond: 0.25, burst: 1 };
    const first = decide(undefined, limit, 0);
    const second = decide(first.state, limit, 1_000);
    expect(second).toMatchObject({ allowed: false, retryAfterSeconds: 3 });
    expect(decide(second.state, limit, 3_999).allowed).toBe(false);
    expect(decide(second.state, limit, 4_000).allowed).toBe(true);
  });

  it('refuses everything at a rate of 0, the burst included', () => {
    const decision = decide(undefined, { requestsPerSecond: 0, burst: 5 }, 0);
    expect(decision).toMatchObject({ allowed: false, retryAfterSeconds: Number.POSITIVE_INFINITY });
    expect(decide(decision.state, { requestsPerSecond: 0, burst: 5 }, 1e9).allowed).toBe(false);
  });

  it('never allows more than burst + rate x time, and never less when asked often enough', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 500, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 300 }),
        (requestsPerSecond, burst, gaps) => {
          let now = 0;
          let allowed = 0;
          let state: BucketState | undefined;
          for (const gap of gaps) {
            now += gap;
            const decision = decide(state, { requestsPerSecond, burst }, now);
            state = decision.state;
            if (decision.allowed) allowed += 1;
          }
          const bound = burst + (requestsPerSecond * now) / 1_000;
          expect(allowed).toBeLessThanOrEqual(bound + 1e-6);
          expect(allowed).toBeGreaterThanOrEqual(Math.min(gaps.length, burst));
        },
      ),
    );
  });

  it('does not hand out tokens when the clock stands still or goes back', () => {
    const limit = { requestsPerSecond: 1_000, burst: 1 };
    const first = decide(undefined, limit, 10_000);
    expect(decide(first.state, limit, 5_000).allowed).toBe(false);
  });
});
