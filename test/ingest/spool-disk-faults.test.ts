import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DiskCall, observedDisk } from '../support/ingest-disk.ts';
import { deliver, requestNamed, SpoolBench } from '../support/ingest-spool.ts';
import { namesIn } from '../support/otlp-segment.ts';

const WINDOW = { retryWindowMs: 600_000 };
const REFUSED = { code: 'SPOOL_UNAVAILABLE', status: 503 };

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.end());

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: the disk fails`), { code });
}

const CHANGING: readonly DiskCall[] = ['create', 'write', 'datasync', 'truncate', 'rename', 'syncFolder'];

const PLACES: readonly (readonly [place: string, failing: readonly DiskCall[]])[] = [
  ...CHANGING.map((call) => [call, [call]] as const),
  ['every change', CHANGING],
];

describe.each(['ENOSPC', 'EROFS', 'EIO'])('%s', (code) => {
  it.each(PLACES)(
    'at %s: refused with 503, nothing half stored, taken again without a restart',
    async (place, failing) => {
      let broken = false;
      const disk = observedDisk((call) => {
        if (broken && failing.includes(call)) throw failure(code);
      });
      const spool = await bench.open({ ...WINDOW, disk, segmentBytes: 1_500 });
      const messages = Array.from({ length: 6 }, (_, index) => requestNamed(`${index}`, 'traces'));
      const deliverAll = () => Promise.allSettled(messages.map((message) => deliver(spool, message)));
      await deliver(spool, messages[0] ?? new Uint8Array());
      broken = true;
      const refused = (await deliverAll()).filter((result) => result.status === 'rejected');
      for (const { reason } of refused) expect(reason).toMatchObject(REFUSED);
      // What is renamed or cut has been acknowledged before.
      if (place !== 'rename' && place !== 'truncate') expect(refused.length).toBeGreaterThan(0);
      const sealedMeanwhile = bench.sealedNames();
      broken = false;
      await expect.poll(async () => (await deliverAll()).every(({ status }) => status === 'fulfilled')).toBe(true);
      await spool.close();
      expect(bench.sealedNames().slice(0, sealedMeanwhile.length)).toEqual(sealedMeanwhile);
      expect(bench.sealedNames().toSorted()).toEqual(['0', '1', '2', '3', '4', '5']);
      expect(namesIn(bench.dir.spool, 'open')).toEqual([]);
    },
  );
});

it('acknowledges nothing that is written into a file behind a failed fsync', async () => {
  const doubtful = new Set<string>();
  const writtenAfter: string[] = [];
  let fails = 0;
  const disk = observedDisk((call, path) => {
    if (call === 'write' && doubtful.has(path)) writtenAfter.push(path);
    // The fsync of a segment fails now and then; once the segment is being cut, it works.
    if (call === 'datasync' && path.endsWith('.otlp') && !doubtful.has(path) && fails++ % 3 === 2) {
      doubtful.add(path);
      throw failure('EIO');
    }
  });
  const spool = await bench.open({ ...WINDOW, disk });
  const acknowledged: string[] = [];
  for (let index = 0; index < 20; index++) {
    const [result] = await Promise.allSettled([deliver(spool, requestNamed(`${index}`, 'traces'))]);
    if (result?.status === 'fulfilled') acknowledged.push(`${index}`);
  }
  await spool.close();
  expect(doubtful.size).toBeGreaterThan(3);
  expect(writtenAfter).toEqual([]);
  expect(bench.sealedNames()).toEqual(acknowledged);
});

it('refuses while one fsync takes seconds, holds nobody in memory for it, and goes on by itself', async () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let slow = false;
  let began: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const disk = observedDisk(async (call) => {
    if (!slow || call !== 'datasync') return;
    began();
    await released;
  });
  const spool = await bench.open({ ...WINDOW, disk });
  slow = true;
  const written = requestNamed('being written', 'traces');
  const first = deliver(spool, written);
  await begun;
  // The exporter gives up and sends it again: it waits for the first and is not stored beside it.
  const again = deliver(spool, written);
  const waiting = Array.from({ length: 50 }, (_, index) => deliver(spool, requestNamed(`waiting ${index}`, 'traces')));
  const turns = setInterval(() => {
    ticks++;
  }, 10);
  let ticks = 0;
  const outcomes = await Promise.allSettled(waiting);
  clearInterval(turns);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: REFUSED });
  expect(ticks).toBeGreaterThan(50);
  expect(spool.figures().refusal).toBe('the disk of the spool takes too long');
  await expect(deliver(spool, requestNamed('too late', 'traces'))).rejects.toMatchObject(REFUSED);
  slow = false;
  release();
  expect([await first, await again]).toEqual([false, true]);
  expect(await deliver(spool, requestNamed('after', 'traces'))).toBe(false);
  await spool.close();
  expect(bench.sealedNames()).toEqual(['being written', 'after']);
});
