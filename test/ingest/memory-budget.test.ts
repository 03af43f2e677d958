import { expect, it } from 'vitest';
import { MemoryBudget } from '../../ingest/memory-budget.ts';

it('is a budget for all together: many senders with a little each do not get beyond it', () => {
  const budget = new MemoryBudget(1_000);
  let refused = 0;
  for (let sender = 0; sender < 100; sender += 1) {
    try {
      budget.lease(`sender-${sender}`).grow(50);
    } catch {
      refused += 1;
    }
  }
  expect(budget.used).toBeLessThanOrEqual(1_000);
  expect(refused).toBe(80);
});
