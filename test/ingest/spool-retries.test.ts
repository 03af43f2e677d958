import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Spool } from '../../ingest/spool.ts';
import { type DiskCall, observedDisk } from '../support/ingest-disk.ts';
import { deliver, requestNamed, SpoolBench } from '../support/ingest-spool.ts';
import { namesIn } from '../support/otlp-segment.ts';

const WINDOW = { retryWindowMs: 600_000 };

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.end());

/** The spool of a process that is killed: from `kill` on no call of it changes anything. */
function mortal(extra: (call: DiskCall, path: string) => void = () => undefined) {
  let killed = false;
  const disk = observedDisk((call, path) => {
    if (killed && call !== 'close') throw new Error('killed');
    extra(call, path);
  });
  const kill = async (spool: Spool) => {
    killed = true;
    await spool.close();
  };
  return { disk, kill };
}

/** What the loader does while no ingest runs. */
function loadAll(): string[] {
  const names = bench.sealedNames().map(String);
  for (const name of namesIn(bench.dir.spool, 'sealed')) rmSync(join(bench.dir.spool, 'sealed', name));
  return names;
}

describe('a request that comes again', () => {
  it('is known after a kill that left it in an open segment', async () => {
    const message = requestNamed('one', 'traces');
    const { disk, kill } = mortal();
    const first = await bench.open({ ...WINDOW, disk });
    expect(await deliver(first, message)).toBe(false);
    await kill(first);
    const second = await bench.open(WINDOW);
    expect(await deliver(second, message)).toBe(true);
    await second.close();
    expect(bench.sealedNames()).toEqual(['one']);
  });

  it.each(['rename', 'syncFolder'] as const)('is known after a kill at the %s of its sealing', async (call) => {
    const message = requestNamed('one', 'traces');
    let sealing = false;
    const { disk, kill } = mortal((seen, path) => {
      if (sealing && seen === call && path.includes('sealed')) throw new Error('killed here');
    });
    const first = await bench.open({ ...WINDOW, disk, segmentBytes: 1 });
    sealing = true;
    await deliver(first, message);
    await kill(first);
    const loaded = loadAll();
    const second = await bench.open(WINDOW);
    expect(await deliver(second, message)).toBe(true);
    await second.close();
    expect([...loaded, ...bench.sealedNames()]).toEqual(['one']);
  });

  it('is known though its segment was loaded and deleted while no ingest ran', async () => {
    const messages = ['one', 'two', 'three'].map((name) => requestNamed(name, 'traces'));
    const { disk, kill } = mortal();
    const first = await bench.open({ ...WINDOW, disk, segmentBytes: 1 });
    for (const message of messages) await deliver(first, message);
    await expect.poll(() => namesIn(bench.dir.spool, 'sealed')).toHaveLength(3);
    await kill(first);
    expect(loadAll()).toHaveLength(3);
    const second = await bench.open(WINDOW);
    for (const message of messages) expect(await deliver(second, message)).toBe(true);
    await second.close();
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([]);
  });

  it('is stored once though a refused try of it is found whole after a kill', async () => {
    // The first try is written, its fsync fails, and what it wrote cannot be cut off before the kill.
    let failing = false;
    let doubtful = '';
    const { disk, kill } = mortal((call, path) => {
      if (failing && call === 'datasync') doubtful = path;
      if (path === doubtful && (call === 'datasync' || call === 'truncate')) {
        throw Object.assign(new Error('input/output error'), { code: 'EIO' });
      }
    });
    const first = await bench.open({ ...WINDOW, disk });
    const before = requestNamed('before', 'traces');
    const message = requestNamed('refused at first', 'traces');
    await deliver(first, before);
    failing = true;
    await expect(deliver(first, message)).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    failing = false;
    expect(await deliver(first, message)).toBe(false);
    await kill(first);
    expect(readdirSync(join(bench.dir.spool, 'open'))).toHaveLength(2);
    const second = await bench.open(WINDOW);
    expect([await deliver(second, message), await deliver(second, before)]).toEqual([true, true]);
    await second.close();
    expect(bench.sealedNames().toSorted()).toEqual(['before', 'refused at first']);
  });

  it('is stored once though the second try was sealed and loaded before the kill', async () => {
    let failing = false;
    let doubtful = '';
    const { disk, kill } = mortal((call, path) => {
      if (failing && call === 'datasync') doubtful = path;
      if (path === doubtful && (call === 'datasync' || call === 'truncate')) throw new Error('input/output error');
    });
    const first = await bench.open({ ...WINDOW, disk, segmentBytes: 10_000 });
    const message = requestNamed('refused at first', 'traces');
    failing = true;
    await expect(deliver(first, message)).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    failing = false;
    await deliver(first, message);
    for (let more = 0; namesIn(bench.dir.spool, 'sealed').length === 0; more++) {
      await deliver(first, requestNamed(`more ${more}`, 'traces'));
    }
    await kill(first);
    const loaded = loadAll();
    expect(loaded).toContain('refused at first');
    const second = await bench.open(WINDOW);
    expect(await deliver(second, message)).toBe(true);
    await second.close();
    const all = [...loaded, ...bench.sealedNames()];
    expect(new Set(all).size).toBe(all.length);
  });

  it('is stored again where retries are not recognised', async () => {
    const spool = await bench.open();
    expect(spool.retries).toBeUndefined();
    await spool.close();
    expect(readdirSync(bench.dir.spool)).not.toContain('retries');
  });

  it('does not open a segment for anybody while the journal cannot be written, and loses nothing', async () => {
    let broken = true;
    const { disk, kill } = mortal((call, path) => {
      if (broken && call === 'create' && path.endsWith('.retries')) {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      }
    });
    const spool = await bench.open({ ...WINDOW, disk, segmentBytes: 1 });
    await deliver(spool, requestNamed('one', 'traces'));
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([]);
    broken = false;
    await expect.poll(() => namesIn(bench.dir.spool, 'sealed')).toHaveLength(1);
    await kill(spool);
    expect(bench.sealedNames()).toEqual(['one']);
  });
});

it('keeps a segment whose records were written before retries were recognised', async () => {
  const { disk, kill } = mortal();
  const first = await bench.open({ disk });
  const origin = { receivedAt: 1, keyId: 'key-1', keyTenant: undefined };
  await first.append('traces', requestNamed('old', 'traces'), origin);
  await kill(first);
  await (await bench.open(WINDOW)).close();
  expect(bench.sealedNames()).toEqual(['old']);
});

it('starts though a journal is garbage, and knows what is left of it', async () => {
  const message = requestNamed('one', 'traces');
  const first = await bench.open(WINDOW);
  await deliver(first, message);
  await first.close();
  const folder = join(bench.dir.spool, 'retries');
  const [file = ''] = readdirSync(folder);
  const bytes = readFileSync(join(folder, file));
  writeFileSync(join(folder, 'x'), Buffer.concat([Buffer.alloc(40, 7), bytes, Buffer.alloc(17, 9)]));
  renameSync(join(folder, 'x'), join(folder, file));
  const second = await bench.open(WINDOW);
  expect(await deliver(second, message)).toBe(true);
});
