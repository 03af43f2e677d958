import { randomBytes } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeEntries,
  encodeEntry,
  type JournalEntry,
  MAX_REASON_BYTES,
  SLOT_BYTES,
} from '../../ingest/retry-entry.ts';
import { RetryJournal } from '../../ingest/retry-journal.ts';
import { type KnownRequest, RetryMemory } from '../../ingest/retry-memory.ts';
import { nodeDisk, type SpoolDisk } from '../../ingest/spool-disk.ts';
import { observedDisk } from '../support/ingest-disk.ts';
import { temporaryDataDir } from '../support/otlp-segment.ts';

const WINDOW_MS = 80_000;
const SEGMENT = '1700000000000-0123456789abcdef.otlp';

let dir: ReturnType<typeof temporaryDataDir>;
let now: number;

beforeEach(() => {
  dir = temporaryDataDir();
  now = 1_700_000_000_000;
});

afterEach(() => dir.remove());

function request(more: Partial<KnownRequest> = {}): KnownRequest {
  return { key: randomBytes(16), items: 3, rejected: 0, reason: undefined, ...more };
}

async function opened(disk: SpoolDisk = nodeDisk) {
  const memory = new RetryMemory();
  const entries: JournalEntry[] = [];
  const options = { folder: dir.path, disk, windowMs: WINDOW_MS, now: () => now, log: pino({ level: 'silent' }) };
  const journal = await RetryJournal.open(options, memory, (entry) => entries.push(entry));
  return { journal, memory, entries };
}

function files(): string[] {
  return readdirSync(dir.path).sort();
}

function decoded(bytes: Buffer): JournalEntry[] {
  const entries: JournalEntry[] = [];
  decodeEntries(bytes, (entry) => entries.push(entry));
  return entries;
}

const someRequest = fc.record({
  key: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  items: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  rejected: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  reason: fc.option(fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }), { nil: undefined }),
});

describe('entries', () => {
  it('are read as they were written, and a damaged slot costs its own entry only', () => {
    fc.assert(
      fc.property(fc.array(someRequest, { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (requests, which, bit) => {
        const encoded = requests.map((each) => encodeEntry(each, '0123456789abcdef'));
        const written = requests.map((each) => ({ request: each, segmentId: '0123456789abcdef' }));
        expect(decoded(Buffer.concat(encoded))).toEqual(written);
        const hit = which % requests.length;
        const damaged = encoded.map((bytes) => Buffer.from(bytes));
        const entry = damaged[hit] ?? Buffer.alloc(1);
        const at = bit % (entry.length * 8);
        entry[at >> 3] = (entry[at >> 3] ?? 0) ^ (1 << (at & 7));
        const left = decoded(Buffer.concat(damaged)).filter(({ request: found }) =>
          requests.some(({ key }) => key.equals(found.key)),
        );
        // A damaged reason is forgotten, the request is not.
        const expected = written
          .map((each, index) => (index === hit ? { ...each, request: { ...each.request, reason: undefined } } : each))
          .filter((_, index) => index !== hit || at >> 3 >= SLOT_BYTES);
        expect(left).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('cut a reason that is too long between two characters', () => {
    const [entry] = decoded(encodeEntry(request({ reason: 'ä'.repeat(MAX_REASON_BYTES) }), '0123456789abcdef'));
    expect(entry?.request.reason).toBe('ä'.repeat(MAX_REASON_BYTES / 2));
    const [odd] = decoded(encodeEntry(request({ reason: `x${'ä'.repeat(MAX_REASON_BYTES)}` }), '0123456789abcdef'));
    expect(odd?.request.reason).toBe(`x${'ä'.repeat(MAX_REASON_BYTES / 2 - 1)}`);
  });
});

describe('the journal', () => {
  it('tells the next process what was stored, with the answers', async () => {
    const [one, two] = [request({ rejected: 2, reason: 'two were too long' }), request()];
    const first = await opened();
    await first.journal.append(SEGMENT, [one, two]);
    const { memory, entries } = await opened();
    expect(memory.find(one.key)).toEqual({ items: 3, rejected: 2, reason: 'two were too long' });
    expect(memory.find(two.key)).toEqual({ items: 3, rejected: 0, reason: undefined });
    expect(entries.map(({ segmentId }) => segmentId)).toEqual(['0123456789abcdef', '0123456789abcdef']);
  });

  it('goes on behind the last whole slot after a kill at every byte of a write', async () => {
    const [kept, torn, later] = [request(), request(), request()];
    await (await opened()).journal.append(SEGMENT, [kept]);
    const [file = ''] = files();
    for (let bytes = 0; bytes < SLOT_BYTES; bytes++) {
      truncateSync(join(dir.path, file), SLOT_BYTES);
      appendFileSync(join(dir.path, file), encodeEntry(torn, '0123456789abcdef').subarray(0, bytes));
      const { journal } = await opened();
      await journal.append(SEGMENT, [later]);
      await journal.close();
      const { memory } = await opened();
      expect([kept, torn, later].map(({ key }) => memory.find(key) !== undefined)).toEqual([true, false, true]);
      expect(readFileSync(join(dir.path, file)).length).toBe(2 * SLOT_BYTES);
    }
    expect(files()).toEqual([file]);
  });

  it.each(['create', 'write', 'datasync', 'syncFolder'] as const)(
    'counts nothing as written when %s fails, and takes it the next time, in another file',
    async (failing) => {
      let broken = false;
      const disk = observedDisk((call) => {
        if (broken && call === failing) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
      });
      const [one, two, three] = [request(), request(), request()];
      const { journal } = await opened(disk);
      if (failing === 'write' || failing === 'datasync') await journal.append(SEGMENT, [one]);
      broken = true;
      await expect(journal.append(SEGMENT, [two])).rejects.toThrow('i/o error');
      broken = false;
      await journal.append(SEGMENT, [two]);
      await journal.append(SEGMENT, [three]);
      const { memory } = await opened();
      expect([two, three].every(({ key }) => memory.find(key) !== undefined)).toBe(true);
      if (failing === 'datasync') expect(files()).toHaveLength(2);
    },
  );

  it('syncs before it says that a request is written', async () => {
    const calls: string[] = [];
    const { journal } = await opened(
      observedDisk(
        () => undefined,
        (call) => void calls.push(call),
      ),
    );
    calls.length = 0;
    await journal.append(SEGMENT, [request()]);
    expect(calls).toEqual(['create', 'syncFolder', 'write', 'datasync']);
  });

  it('forgets files when nothing in them is within the window, in memory and on the disk', async () => {
    const old = request();
    const { journal } = await opened();
    await journal.append(SEGMENT, [old]);
    for (let part = 0; part < 8; part++) {
      now += WINDOW_MS / 8;
      await journal.rotate();
      expect((await opened()).memory.find(old.key)).toBeDefined();
    }
    now += (3 * WINDOW_MS) / 8;
    await journal.rotate();
    expect(files()).toEqual([]);
    expect((await opened()).memory.find(old.key)).toBeUndefined();
  });

  it('keeps its hands off files that it did not write', async () => {
    writeFileSync(join(dir.path, 'notes.txt'), 'mine');
    now += 10 * WINDOW_MS;
    await (await opened()).journal.rotate();
    expect(files()).toEqual(['notes.txt']);
  });

  it('knows everything of the window after many starts, whatever file it went into', async () => {
    const requests: KnownRequest[] = [];
    for (let start = 0; start < 30; start++) {
      const { journal } = await opened();
      const next = request();
      await journal.append(SEGMENT, [next]);
      requests.push(next);
      now += Math.floor(WINDOW_MS / 31);
    }
    const { memory } = await opened();
    expect(requests.filter(({ key }) => memory.find(key) === undefined)).toEqual([]);
    expect(files().length).toBeLessThanOrEqual(9);
  });
});
