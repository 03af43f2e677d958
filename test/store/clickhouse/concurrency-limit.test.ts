import { describe, expect, it } from 'vitest';
import { ConcurrencyLimit } from '../../../src/store/clickhouse/concurrency-limit.ts';

/** Work that ends when it is told to; `begun` says in which order it was let in. */
function controlledWork() {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      begun.push(name);
      ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
    });
  return { begun, work, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

/** Until everything that can happen by itself has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a concurrency limit', () => {
  it('lets in so many at a time, and the others in the order in which they came', async () => {
    const limit = new ConcurrencyLimit(2, 10);
    const { begun, work, end } = controlledWork();
    const results = ['a', 'b', 'c', 'd', 'e'].map((name) => limit.run(work(name)));
    await settled();
    expect(begun).toEqual(['a', 'b']);
    end('b');
    await settled();
    expect(begun).toEqual(['a', 'b', 'c']);
    end('a');
    end('c');
    await settled();
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
    end('d');
    end('e');
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('lets nobody overtake the line when a place becomes free at the moment of their coming', async () => {
    const limit = new ConcurrencyLimit(1, 10);
    const { begun, work, end } = controlledWork();
    const first = limit.run(work('first'));
    const second = limit.run(work('second'));
    await settled();
    end('first');
    const third = first.then(() => limit.run(work('third')));
    await settled();
    expect(begun).toEqual(['first', 'second']);
    end('second');
    await settled();
    end('third');
    await Promise.all([second, third]);
  });

  it('refuses at once whoever finds the line full, and nobody once it is shorter', async () => {
    const limit = new ConcurrencyLimit(1, 1);
    const { begun, work, end } = controlledWork();
    const running = limit.run(work('running'));
    const waiting = limit.run(work('waiting'));
    await expect(limit.run(work('refused'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    end('running');
    await running;
    const late = limit.run(work('late'));
    await settled();
    end('waiting');
    await settled();
    end('late');
    expect(await Promise.all([waiting, late])).toEqual(['waiting', 'late']);
    expect(begun).toEqual(['running', 'waiting', 'late']);
  });

  it('gives the place of work that failed to the next, whether it throws or rejects', async () => {
    const limit = new ConcurrencyLimit(1, 10);
    const thrown = limit.run(() => {
      throw new Error('at once');
    });
    const rejected = limit.run(async () => Promise.reject(new Error('later')));
    const good = limit.run(async () => 'good');
    await expect(thrown).rejects.toThrow('at once');
    await expect(rejected).rejects.toThrow('later');
    expect(await good).toBe('good');
    const { begun, work, end } = controlledWork();
    const [one, two] = [limit.run(work('one')), limit.run(work('two'))];
    await settled();
    // The failures have neither lost the place nor made a second one.
    expect(begun).toEqual(['one']);
    end('one');
    await settled();
    end('two');
    await Promise.all([one, two]);
  });
});
