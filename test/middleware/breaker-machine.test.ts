import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { admit, type BreakerCell, phaseOf, settle, type Ticket } from '../../src/middleware/breaker-machine.ts';
import { rulesOf } from '../../src/middleware/breaker-rules.ts';

/** What happens to one breaker, in any order. `end` picks one of the calls under way. */
type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'call' }
  | { readonly kind: 'end'; readonly which: number; readonly outcome: 'ok' | 'failed' | 'void' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 700 }) }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'call' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(20),
      outcome: fc.constantFrom('ok' as const, 'failed' as const, 'failed' as const, 'void' as const),
    }),
  },
);

const RULES = rulesOf({
  consecutiveFailures: 3,
  failureShare: false,
  halfOpenAfterMs: 500,
  longestOpenMs: 1_500,
  probes: 2,
  probeTimeoutMs: 1_000,
  jitter: 0,
});

/** The rules in the plainest words: every call has the number of the era it began in, and an era ends with each change. */
class Model {
  era = 0;
  phase: 'closed' | 'open' = 'closed';
  run = 0;
  wait = 0;
  until = 0;
  good = 0;
  probe: { readonly era: number; readonly at: number } | undefined;

  call(now: number): { readonly era: number } | undefined {
    if (this.phase === 'closed') return { era: this.era };
    if (this.probe !== undefined && now - this.probe.at >= 1_000) this.#fail(now);
    if (now < this.until || this.probe !== undefined) return undefined;
    this.era += 1;
    this.probe = { era: this.era, at: now };
    return { era: this.era };
  }

  end(call: { readonly era: number }, outcome: 'ok' | 'failed' | 'void', now: number): void {
    if (call.era !== this.era) return;
    if (this.phase === 'closed') {
      if (outcome === 'ok') this.run = 0;
      if (outcome !== 'failed') return;
      this.run += 1;
      if (this.run < 3) return;
      this.phase = 'open';
      this.#open(now, 500);
      return;
    }
    if (this.probe === undefined) return;
    this.probe = undefined;
    this.era += 1;
    if (outcome === 'failed') this.#fail(now);
    if (outcome !== 'ok') return;
    this.good += 1;
    if (this.good < 2) return;
    this.phase = 'closed';
    this.run = 0;
    this.good = 0;
  }

  #fail(now: number): void {
    this.#open(now, Math.min(1_500, this.wait * 2));
  }

  #open(now: number, wait: number): void {
    this.era += 1;
    this.probe = undefined;
    this.good = 0;
    this.wait = wait;
    this.until = now + wait;
  }
}

describe('the machine', () => {
  it('does what the plain rules say, whatever order calls begin and end in', () => {
    let opened = 0;
    let closedAgain = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 150, size: 'max' }), (steps) => {
        const model = new Model();
        let cell: BreakerCell | undefined;
        let now = 1;
        const underWay: { ticket: Ticket; era: { readonly era: number } }[] = [];
        for (const one of steps) {
          // Time passes between any two steps, so that "before" and "after" a change are never the same moment.
          now += 1 + (one.kind === 'wait' ? one.ms : 0);
          if (one.kind === 'call') {
            const ticket = admit(cell, RULES, now, 0);
            const era = model.call(now);
            expect(ticket === undefined).toBe(era === undefined);
            if (ticket !== undefined && era !== undefined) underWay.push({ ticket, era });
          } else if (one.kind === 'end' && underWay.length > 0) {
            const [call] = underWay.splice(one.which % underWay.length, 1);
            if (call === undefined) continue;
            const before = phaseOf(cell, now);
            cell = settle(cell, RULES, call.ticket, one.outcome, now, 0);
            model.end(call.era, one.outcome, now);
            if (before === 'closed' && phaseOf(cell, now) === 'open') opened += 1;
            if (before !== 'closed' && phaseOf(cell, now) === 'closed') closedAgain += 1;
          }
          expect(phaseOf(cell, now) === 'closed').toBe(model.phase === 'closed');
          if (cell?.phase === 'open')
            expect([cell.until, cell.probeAt >= 0]).toEqual([model.until, model.probe !== undefined]);
        }
      }),
      { numRuns: 500 },
    );
    // The walks must have gone through what they are about.
    expect(opened).toBeGreaterThan(500);
    expect(closedAgain).toBeGreaterThan(50);
  });

  it('counts the share of failures over the window as a plain list of calls would, within one window', () => {
    const rules = rulesOf({
      consecutiveFailures: false,
      failureShare: 0.5,
      minimumCalls: 10,
      windowMs: 1_000,
      jitter: 0,
    });
    const calls = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 40 }), failed: fc.boolean() }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(calls, (all) => {
        let cell: BreakerCell | undefined;
        let now = 1;
        const ended: { at: number; failed: boolean }[] = [];
        for (const { gap, failed } of all) {
          now += gap;
          ended.push({ at: now, failed });
          cell = settle(cell, rules, { probe: 0, admittedAt: now }, failed ? 'failed' : 'ok', now, 0);
          if (cell?.phase === 'open') {
            // Opened: then over one or two windows back at least nearly half had failed, and there were enough.
            const recent = ended.filter(({ at }) => now - at < 2_000);
            expect(failed).toBe(true);
            expect(recent.length).toBeGreaterThanOrEqual(10);
            expect(recent.filter((call) => call.failed).length / recent.length).toBeGreaterThan(0.25);
            return;
          }
          const lastWindow = ended.filter(({ at }) => now - at < 2_000);
          // Closed: then not everything of two whole windows can have failed.
          const isAllFailed = lastWindow.length >= 20 && lastWindow.every((call) => call.failed);
          expect(isAllFailed).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps no word of a breaker without failures, whatever succeeded', () => {
    let cell: BreakerCell | undefined;
    for (let now = 0; now < 100; now++) cell = settle(cell, RULES, { probe: 0, admittedAt: now }, 'ok', now, 0);
    expect(cell).toBeUndefined();
  });

  it('adds its jitter to the wait and never takes from it', () => {
    const rules = rulesOf({ consecutiveFailures: 1, halfOpenAfterMs: 1_000, jitter: 0.5 });
    const wait = (random: number) => {
      const cell = settle(undefined, rules, { probe: 0, admittedAt: 0 }, 'failed', 0, random);
      return cell?.phase === 'open' ? cell.until : undefined;
    };
    expect([wait(0), wait(0.5), wait(1)]).toEqual([1_000, 1_250, 1_500]);
  });
});

describe('beside cockatiel', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('opens, probes and closes at the same calls, one after the other', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const rules = rulesOf({
      consecutiveFailures: 3,
      failureShare: false,
      halfOpenAfterMs: 500,
      longestOpenMs: 500,
      jitter: 0,
    });
    const call = fc.record({ gap: fc.integer({ min: 0, max: 300 }), failed: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 60 }), async (calls) => {
        const policy = circuitBreaker(handleAll, { halfOpenAfter: 500, breaker: new ConsecutiveBreaker(3) });
        let cell: BreakerCell | undefined;
        for (const { gap, failed } of calls) {
          const now = Date.now() + gap + 1;
          vi.setSystemTime(now);
          let called = false;
          await policy
            .execute(() => {
              called = true;
              if (failed) throw new Error('502');
            })
            .catch(() => undefined);
          const ticket = admit(cell, rules, now, 0);
          expect(ticket !== undefined).toBe(called);
          if (ticket !== undefined) cell = settle(cell, rules, ticket, failed ? 'failed' : 'ok', now, 0);
          expect(phaseOf(cell, now) === 'closed').toBe(policy.state === CircuitState.Closed);
        }
      }),
      { numRuns: 200 },
    );
  });
});
