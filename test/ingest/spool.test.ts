import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SEGMENT_NAME_PATTERN, signalOfSegment } from '../../src/domain/spool-format.ts';
import { type DiskCall, observedDisk } from '../support/ingest-disk.ts';
import { appendNamed, SpoolBench } from '../support/ingest-spool.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { sampleRequest, sampleSpan } from '../support/otlp-samples.ts';
import { namesIn, recordsOf, sealedRecords } from '../support/otlp-segment.ts';

const ORIGIN = { receivedAt: 1, keyId: 'k', keyTenant: undefined };

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.end());

/** Resolves when `condition` holds after one of the disk's calls. */
function diskSignal() {
  const waiting: { condition: () => boolean; resolve: () => void }[] = [];
  return {
    check: () => {
      for (const entry of waiting) if (entry.condition()) entry.resolve();
    },
    until: (condition: () => boolean) =>
      condition() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ condition, resolve })),
  };
}

describe('a record', () => {
  it('is the client bytes unchanged with a trailer whose CRC covers everything before it', async () => {
    const spool = await bench.open();
    const message = encodeTraceRequest(sampleRequest([sampleSpan('GET /')]));
    await spool.append('traces', message, { receivedAt: 1_700_000_000_123, keyId: 'key-1', keyTenant: 'acme' });
    await appendNamed(spool, 'second');
    await spool.close();

    const [first, second] = sealedRecords(bench.dir.spool);
    expect(first?.message.subarray(0, message.length).equals(message)).toBe(true);
    expect(first).toMatchObject({
      receivedAtNs: '1700000000123000000',
      keyId: 'key-1',
      keyTenant: 'acme',
      crcMatches: true,
    });
    expect(second).toMatchObject({ keyTenant: undefined, crcMatches: true });
  });
});

describe('group commit', () => {
  it('resolves only after the fdatasync that covers the request, and the folder entry is synced before it', async () => {
    const order: string[] = [];
    const disk = observedDisk(
      () => {},
      (call, path) => order.push(`${call} ${basename(path).replace(SEGMENT_NAME_PATTERN, 'segment')}`),
    );
    const spool = await bench.open({ disk });
    order.length = 0;
    await appendNamed(spool, 'one').then(() => order.push('resolved'));
    expect(order).toEqual(['create segment', 'syncFolder open', 'write segment', 'datasync segment', 'resolved']);
  });

  it('does not resolve while the fdatasync is stuck', async () => {
    let letGo = () => {};
    const stuck = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const signal = diskSignal();
    let syncing = false;
    const disk = observedDisk((call) => {
      if (call !== 'datasync') return;
      syncing = true;
      signal.check();
      return stuck;
    });
    const spool = await bench.open({ disk });
    const resolved = vi.fn();
    const done = appendNamed(spool, 'one').then(resolved);
    await signal.until(() => syncing);
    await new Promise((turn) => setImmediate(turn));
    expect(resolved).not.toHaveBeenCalled();
    letGo();
    await done;
  });

  it('writes the requests that arrive while an fdatasync runs with one write and one fdatasync', async () => {
    const calls: DiskCall[] = [];
    const commits: number[] = [];
    const spool = await bench.open({
      disk: observedDisk((call) => void calls.push(call)),
      onCommit: (_seconds, requests) => commits.push(requests),
    });
    calls.length = 0;
    await Promise.all(Array.from({ length: 100 }, (_, index) => appendNamed(spool, `span ${index}`)));
    expect(commits).toEqual([1, 99]);
    expect(calls.filter((call) => call === 'write' || call === 'datasync')).toEqual([
      'write',
      'datasync',
      'write',
      'datasync',
    ]);
    await spool.close();
    expect(bench.sealedNames()).toEqual(Array.from({ length: 100 }, (_, index) => `span ${index}`));
  });

  it('writes more parts than one writev takes', async () => {
    const spool = await bench.open({ segmentBytes: 64 * 1024 * 1024 });
    await Promise.all(Array.from({ length: 1_500 }, (_, index) => appendNamed(spool, `${index}`)));
    await spool.close();
    expect(bench.sealedNames()).toEqual(Array.from({ length: 1_500 }, (_, index) => `${index}`));
  });
});

describe('lanes', () => {
  it('keep requests of different signals in different segments, told apart by their names', async () => {
    const spool = await bench.open();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        appendNamed(spool, `request ${index}`, index % 2 === 0 ? 'traces' : 'metrics'),
      ),
    );
    expect(spool.figures()).toMatchObject({ sealedSegments: 0, openSince: expect.any(Number) });
    const { openBytes } = spool.figures();
    await spool.close();
    const names = namesIn(bench.dir.spool, 'sealed');
    expect(names.map(signalOfSegment).toSorted()).toEqual(['metrics', 'traces']);
    expect(names.every((name) => SEGMENT_NAME_PATTERN.test(name))).toBe(true);
    const evenOrOdd = (rest: number) => Array.from({ length: 10 }, (_, index) => `request ${2 * index + rest}`);
    expect(bench.sealedNames('traces')).toEqual(evenOrOdd(0));
    expect(bench.sealedNames('metrics')).toEqual(evenOrOdd(1));
    expect(spool.figures()).toMatchObject({ openBytes: 0, sealedBytes: openBytes, sealedSegments: 2 });
  });

  it('share the room, and a lane that cannot write does not stop the other', async () => {
    let broken = false;
    const disk = observedDisk((call, path) => {
      if (broken && call === 'write' && path.endsWith('.metrics.otlp')) throw new Error('input/output error');
    });
    const spool = await bench.open({ disk, maxBytes: 3_000 });
    broken = true;
    await expect(appendNamed(spool, 'metric', 'metrics')).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    await appendNamed(spool, 'span');
    broken = false;
    await appendNamed(spool, 'metric', 'metrics');
    while (spool.figures().refusal === undefined && spool.figures().openBytes < 2_600) await appendNamed(spool, 'more');
    const large = expect(spool.append('metrics', new Uint8Array(1_000), ORIGIN)).rejects;
    await large.toMatchObject({ code: 'SPOOL_UNAVAILABLE', message: expect.stringContaining('the spool is full') });
    await spool.close();
    expect(bench.sealedNames('metrics')).toEqual(['metric']);
    expect(bench.sealedNames('traces')[0]).toBe('span');
  });

  it('seal metrics later: they come seldom, and each insert has its price', async () => {
    const spool = await bench.open({ segmentAgeMs: 20 });
    await appendNamed(spool, 'metric', 'metrics');
    const since = Date.now();
    await vi.waitFor(() => expect(namesIn(bench.dir.spool, 'sealed')).toHaveLength(1), { interval: 2 });
    expect(Date.now() - since).toBeGreaterThanOrEqual(80);
  });
});

describe('sealing', () => {
  it('seals by size: no segment exceeds the limit but one that holds a single larger request', async () => {
    const spool = await bench.open({ segmentBytes: 4_096 });
    const large = encodeTraceRequest(sampleRequest([sampleSpan('x'.repeat(10_000))]));
    await Promise.all([
      ...Array.from({ length: 50 }, (_, index) => appendNamed(spool, `${index}`)),
      spool.append('traces', large, ORIGIN),
      ...Array.from({ length: 50 }, (_, index) => appendNamed(spool, `${index + 50}`)),
    ]);
    await spool.close();
    const segments = namesIn(bench.dir.spool, 'sealed').map((name) =>
      readFileSync(join(bench.dir.spool, 'sealed', name)),
    );
    expect(segments.length).toBeGreaterThan(5);
    for (const segment of segments) if (segment.length > 4_096) expect(recordsOf(segment)).toHaveLength(1);
    expect(sealedRecords(bench.dir.spool)).toHaveLength(101);
  });

  it('names segments by the contract, with the time at which they were opened', async () => {
    const spool = await bench.open({ now: () => 1_700_000_000_000 });
    await appendNamed(spool, 'one');
    await spool.close();
    const [name] = namesIn(bench.dir.spool, 'sealed');
    expect(name).toMatch(SEGMENT_NAME_PATTERN);
    expect(name).toMatch(/^1700000000000-/);
    expect(statSync(join(bench.dir.spool, 'sealed', name ?? '')).mode & 0o777).toBe(0o600);
  });

  it('seals by age, durably: contents, rename, both folders', async () => {
    const order: string[] = [];
    const signal = diskSignal();
    const disk = observedDisk(
      () => {},
      (call, path) => {
        order.push(`${call} ${basename(path).replace(SEGMENT_NAME_PATTERN, 'segment')}`);
        signal.check();
      },
    );
    const spool = await bench.open({ disk, segmentAgeMs: 30 });
    await appendNamed(spool, 'one');
    const before = order.length;
    await signal.until(() => order.slice(before).includes('syncFolder open'));
    expect(order.slice(before)).toEqual([
      'datasync segment',
      'close segment',
      'rename segment',
      'syncFolder sealed',
      'syncFolder open',
    ]);
    expect(bench.sealedNames()).toEqual(['one']);
    await appendNamed(spool, 'two');
    await spool.close();
    expect(bench.sealedNames()).toEqual(['one', 'two']);
  });

  it('leaves nothing behind when nothing was written', async () => {
    await (await bench.open()).close();
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([]);
    expect(namesIn(bench.dir.spool, 'open')).toEqual([]);
  });
});

describe('closing', () => {
  it('stores what waits, refuses what comes later', async () => {
    const spool = await bench.open();
    const waiting = Promise.all(Array.from({ length: 20 }, (_, index) => appendNamed(spool, `${index}`)));
    const closed = spool.close();
    await expect(appendNamed(spool, 'late')).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    await waiting;
    await closed;
    expect(bench.sealedNames()).toHaveLength(20);
  });
});
