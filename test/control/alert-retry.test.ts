import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextStep, RETRY } from '../../src/control/alert-retry.ts';

const RETRY_OUTCOME = { kind: 'retry', reason: 'answer', detail: 'the receiver answered 500' } as const;
const step = (attempts: number, { retryAfterMs = 0, chance = 0, age = 0 } = {}) =>
  nextStep({ ...RETRY_OUTCOME, retryAfterMs }, { attempts, firstDueAt: 0 }, { now: age, chance });

test('waits double up to ten minutes, then it is given up', () => {
  expect([1, 2, 3, 9, 10, 17].map((attempts) => step(attempts))).toEqual(
    [2_000, 4_000, 8_000, 512_000, 600_000, 600_000].map((dueAt) => ({ kind: 'again', dueAt })),
  );
  expect(step(RETRY.maxAttempts)).toEqual({ kind: 'dead' });
});

test('what is refused is not tried again, what is sent is done', () => {
  const first = [
    { attempts: 1, firstDueAt: 0 },
    { now: 0, chance: 0 },
  ] as const;
  expect(nextStep({ kind: 'refused', reason: 'answer', detail: '404' }, ...first)).toEqual({ kind: 'dead' });
  expect(nextStep({ kind: 'sent' }, ...first)).toEqual({ kind: 'sent' });
});

test('the receiver may ask for more time, but not for ever', () => {
  expect(step(1, { retryAfterMs: 60_000 })).toEqual({ kind: 'again', dueAt: 60_000 });
  expect(step(1, { retryAfterMs: 3_600_000, age: RETRY.oldestMs - 1 })).toEqual({ kind: 'dead' });
});

test('whatever the chance, the wait is between three quarters and the whole', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 17 }), (chance, attempts) => {
      const whole = step(attempts);
      const drawn = step(attempts, { chance });
      if (whole.kind !== 'again' || drawn.kind !== 'again') throw new Error('given up too early');
      expect(drawn.dueAt).toBeLessThanOrEqual(whole.dueAt);
      expect(drawn.dueAt).toBeGreaterThanOrEqual(whole.dueAt * 0.75 - 1);
    }),
  );
});
