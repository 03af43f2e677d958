import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALLOWANCES, AlertBudget } from '../../src/control/alert-budget.ts';

const ROUTE = { id: 'r', channel: 'email' } as const;
const { burst, perMinute } = ALLOWANCES.email;

test('a route that was told nothing lately has its burst', () => {
  const budget = new AlertBudget();
  expect(budget.left(0)).toEqual({});
  budget.spend(ROUTE, burst, 0);
  expect(budget.left(0)).toEqual({ r: 0 });
  expect(budget.left(60_000 / perMinute)).toEqual({ r: 1 });
  expect(budget.left(60_000 * (burst / perMinute))).toEqual({});
});

test('what was told beyond is made up for first, and a clock that goes back gives nothing', () => {
  const budget = new AlertBudget();
  budget.spend(ROUTE, burst + 3, 100_000);
  expect(budget.left(0)).toEqual({ r: -3 });
  expect(budget.left(100_000 + (60_000 / perMinute) * 3)).toEqual({ r: 0 });
});

test('whatever the times, no more is told in a span than the burst and what the span allows', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 }), (waits) => {
      const budget = new AlertBudget();
      let now = 0;
      let told = 0;
      for (const wait of waits) {
        now += wait;
        if ((budget.left(now)['r'] ?? burst) < 1) continue;
        budget.spend(ROUTE, 1, now);
        told += 1;
      }
      expect(told).toBeLessThanOrEqual(burst + (now / 60_000) * perMinute + 1e-6);
    }),
  );
});
