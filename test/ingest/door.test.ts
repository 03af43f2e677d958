import { expect, it } from 'vitest';
import { Counters } from '../../ingest/counters.ts';
import { Door } from '../../ingest/door.ts';
import { RetryMemory } from '../../ingest/retry-memory.ts';
import { requestNamed } from '../support/ingest-spool.ts';

const HOLDER = { keyId: 'key-1', tenantId: undefined };

it('charges nobody for what the disk did not take, remembers nothing of it, and takes it when it comes again', async () => {
  const charged = { admitted: 0, givenBack: 0, forgiven: 0 };
  const stored: string[] = [];
  let fails = true;
  const door = new Door({
    spool: {
      append: async (signal) => {
        if (fails) throw new Error('no room');
        stored.push(signal);
      },
    },
    counters: new Counters(),
    retries: new RetryMemory(),
    admission: {
      admit: (_signal, body) => {
        charged.admitted += 1;
        const giveBack = () => {
          charged.givenBack += 1;
        };
        return { body, items: 1, rejected: 0, reason: undefined, giveBack };
      },
      forgive: () => {
        charged.forgiven += 1;
      },
    },
    now: Date.now,
  });
  const body = requestNamed('once', 'traces');
  await expect(door.take('traces', body, HOLDER)).rejects.toThrow('no room');
  expect(charged).toEqual({ admitted: 1, givenBack: 1, forgiven: 0 });
  fails = false;
  const again = [await door.take('traces', body, HOLDER), await door.take('traces', body, HOLDER)];
  expect(again).toEqual([again[0], again[0]]);
  expect(stored).toEqual(['traces']);
  expect(charged).toEqual({ admitted: 2, givenBack: 1, forgiven: 1 });
});
