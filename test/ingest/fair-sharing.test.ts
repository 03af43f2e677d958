/** One sender's flood waits behind itself: turns for decompression, and memory for bodies. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairTurns } from '../../ingest/fair-turns.ts';
import { MemoryBudget } from '../../ingest/memory-budget.ts';

describe('turns', () => {
  /** Pieces of work that end when told to, and the order in which they began. */
  function workshop(atOnce: number) {
    const turns = new FairTurns(atOnce);
    const began: string[] = [];
    const ends: (() => void)[] = [];
    const bring = (owner: string, name: string) =>
      turns.run(owner, () => {
        began.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    const endOne = async () => {
      ends.shift()?.();
      // Past the await of the work, its end, and the one whose turn it is.
      for (let tick = 0; tick < 5; tick++) await Promise.resolve();
    };
    return { began, bring, endOne };
  }

  it('go round by their owners, in order within each', async () => {
    const { began, bring, endOne } = workshop(2);
    const all = ['f1', 'f2', 'f3', 'f4', 'f5'].map((name) => bring('flood', name));
    all.push(bring('a', 'a1'), bring('b', 'b1'), bring('a', 'a2'));
    expect(began).toEqual(['f1', 'f2']);
    for (let ended = 0; ended < 8; ended++) await endOne();
    await Promise.all(all);
    expect(began).toEqual(['f1', 'f2', 'f3', 'a1', 'b1', 'f4', 'a2', 'f5']);
  });

  it('are passed on by work that fails, and none is lost or given twice', async () => {
    const turns = new FairTurns(1);
    const failed = turns.run('a', () => Promise.reject(new Error('broken')));
    const next = turns.run('a', () => Promise.resolve('done'));
    await expect(failed).rejects.toThrow('broken');
    expect(await next).toBe('done');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (owners, atOnce) => {
          const shared = new FairTurns(atOnce);
          let running = 0;
          let most = 0;
          const done = owners.map((owner, index) =>
            shared.run(owner, async () => {
              most = Math.max(most, ++running);
              await Promise.resolve();
              running--;
              return index;
            }),
          );
          expect(await Promise.all(done)).toEqual(owners.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(atOnce);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('memory', () => {
  it('is never held beyond the budget, and all comes back', () => {
    const budget = new MemoryBudget(100);
    const [first, second] = [budget.lease('a'), budget.lease('b')];
    first.grow(40);
    second.grow(45);
    expect(() => second.grow(16)).toThrow('too many requests');
    expect(budget.used).toBe(85);
    first.release();
    first.release();
    second.release();
    expect(budget.used).toBe(0);
  });

  it('of one that floods ends where room for others begins', () => {
    const budget = new MemoryBudget(1_000);
    const flood = budget.lease('flood');
    let taken = 0;
    expect(() => {
      for (;;) {
        flood.grow(10);
        taken += 10;
      }
    }).toThrow('too many requests of this key are in work');
    expect(taken).toBe(750);
    // Twenty others, each with what a request needs, while the flood goes on trying.
    const others = Array.from({ length: 20 }, (_, index) => budget.lease(`other-${index}`));
    for (const other of others) {
      expect(() => flood.grow(10)).toThrow();
      other.grow(10);
    }
    for (const other of others) other.release();
    flood.release();
    flood.grow(700);
    expect(budget.used).toBe(700);
  });
});
