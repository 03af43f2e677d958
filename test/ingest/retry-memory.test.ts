import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryMemory, requestKey, type StoredAnswer, WINDOW_PARTS } from '../../ingest/retry-memory.ts';
import { RetryTable } from '../../ingest/retry-table.ts';

const STORED: StoredAnswer = { items: 3, rejected: 0, reason: undefined };

/** A promise and what settles it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

describe('RetryTable', () => {
  it('knows what a Map knows, whatever is put into it and however often it grows', () => {
    // Keys of few values in their first word collide and stand in one run of slots.
    const key = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2_000 })).map(([first, rest]) => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(first, 0);
      bytes.writeUInt32LE(rest, 12);
      return bytes;
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.integer({ min: 1, max: 2 ** 32 - 1 })), { maxLength: 3_000, size: 'max' }),
        fc.array(key, { maxLength: 100 }),
        (entries, asked) => {
          const table = new RetryTable();
          const model = new Map<string, number>();
          for (const [entry, items] of entries) {
            table.set(entry, items);
            model.set(entry.toString('hex'), items);
          }
          expect(table.size).toBe(model.size);
          const all = [...entries.map(([entry]) => entry), ...asked];
          const wrong = all.filter((entry) => table.get(entry) !== (model.get(entry.toString('hex')) ?? 0));
          expect(wrong).toEqual([]);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('takes 25 to 50 bytes a key', () => {
    const table = new RetryTable();
    let most = 0;
    for (let count = 1; count <= 200_000; count++) {
      table.set(randomBytes(16), 1);
      if (count > 1_000) most = Math.max(most, table.bytes / count);
    }
    expect(most).toBeLessThanOrEqual(50.1);
    expect(new RetryTable(200_000).bytes).toBe(table.bytes);
  });
});

describe('requestKey', () => {
  const body = Buffer.from('the bytes of a request');

  it('tells apart who sent it, as what, and every bit of its bytes', () => {
    const keys = [
      requestKey('key-1', 'traces', body),
      requestKey('key-2', 'traces', body),
      requestKey('key-1', 'metrics', body),
      requestKey('key-1\ntraces', 'traces', body),
      requestKey('key-1', 'traces', Buffer.concat([body, Buffer.alloc(1)])),
    ];
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      keys.push(requestKey('key-1', 'traces', changed));
    }
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(keys.length);
    expect(keys.every((key) => key.length === 16)).toBe(true);
    expect(requestKey('key-1', 'traces', Buffer.from(body))).toEqual(keys[0]);
  });
});

describe('RetryMemory', () => {
  const key = requestKey('k', 'traces', Buffer.from('one'));

  it('answers a retry as the first time, with what was rejected and why', async () => {
    const memory = new RetryMemory();
    const first = { items: 5, rejected: 2, reason: 'two spans had no name' };
    expect(await memory.once(key, async () => first)).toEqual({ answer: first, isRetry: false });
    const again = await memory.once(key, () => Promise.reject(new Error('stored twice')));
    expect(again).toEqual({ answer: first, isRetry: true });
    expect(memory.size).toBe(1);
  });

  it('lets those wait that come while the first is being stored, and stores once', async () => {
    const memory = new RetryMemory();
    const first = deferred<StoredAnswer>();
    let stored = 0;
    const store = () => {
      stored++;
      return first.promise;
    };
    const all = Promise.all([1, 2, 3].map(() => memory.once(key, store)));
    first.resolve(STORED);
    expect((await all).map(({ isRetry }) => isRetry)).toEqual([false, true, true]);
    expect(stored).toBe(1);
  });

  it('gives the next its turn when the first fails, one after the other', async () => {
    const memory = new RetryMemory();
    const turns = [deferred<StoredAnswer>(), deferred<StoredAnswer>()];
    let begun = 0;
    const store = () => (turns[begun++] ?? deferred<StoredAnswer>()).promise;
    const requests = [1, 2, 3].map(() => memory.once(key, store));
    const settled = Promise.allSettled(requests);
    turns[0]?.reject(new Error('disk full'));
    await expect(requests[0]).rejects.toThrow('disk full');
    await expect.poll(() => begun).toBe(2);
    turns[1]?.resolve(STORED);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(begun).toBe(2);
    expect(memory.find(key)).toEqual(STORED);
  });

  it('does not remember a request that had nothing to store', async () => {
    const memory = new RetryMemory();
    const nothing = { items: 0, rejected: 4, reason: 'over the limit' };
    await memory.once(key, async () => nothing);
    expect(await memory.once(key, async () => STORED)).toEqual({ answer: STORED, isRetry: false });
  });

  it('forgets after the window, and not before', () => {
    const memory = new RetryMemory();
    memory.add({ key, ...STORED });
    for (let part = 0; part < WINDOW_PARTS; part++) memory.rotate();
    expect(memory.find(key)).toEqual(STORED);
    memory.rotate();
    expect(memory.find(key)).toBeUndefined();
    expect(memory.size).toBe(0);
  });

  it('gives up its oldest part rather than take more than it may', () => {
    const memory = new RetryMemory(500_000);
    memory.add({ key, ...STORED });
    memory.rotate();
    for (let count = 0; count < 18_000; count++) memory.add({ key: randomBytes(16), ...STORED });
    expect(memory.bytes).toBeLessThanOrEqual(700_000);
    expect(memory.find(key)).toBeUndefined();
    const last = randomBytes(16);
    memory.add({ key: last, ...STORED });
    expect(memory.find(last)).toEqual(STORED);
  });
});
