import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeDisk } from '../../ingest/spool-disk.ts';
import { observedDisk } from '../support/ingest-disk.ts';
import { appendNamed, SpoolBench } from '../support/ingest-spool.ts';
import { namesIn, sealedRecords } from '../support/otlp-segment.ts';

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.end());

describe('a failing disk', () => {
  const enospc = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

  it.each(['write', 'datasync', 'create', 'syncFolder'] as const)(
    'rejects every waiting request when %s fails, keeps what was acknowledged, and goes on',
    async (failing) => {
      let broken = false;
      const spool = await bench.open({
        segmentBytes: failing === 'write' || failing === 'datasync' ? 1024 * 1024 : 1,
        disk: observedDisk((call, path) => {
          if (broken && call === failing && !path.endsWith('sealed')) throw enospc();
        }),
      });
      await appendNamed(spool, 'good');
      broken = true;
      const results = await Promise.allSettled([
        appendNamed(spool, 'lost 1'),
        appendNamed(spool, 'lost 2'),
        appendNamed(spool, 'lost 3'),
      ]);
      for (const result of results) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'SPOOL_UNAVAILABLE' } });
      }
      broken = false;
      await appendNamed(spool, 'good again');
      await spool.close();
      expect(bench.sealedNames()).toEqual(['good', 'good again']);
      expect(namesIn(bench.dir.spool, 'open')).toEqual([]);
    },
  );

  it('cuts off what a failed write left in the file', async () => {
    let tear = false;
    const torn: typeof nodeDisk = {
      ...nodeDisk,
      async create(path) {
        const file = await nodeDisk.create(path);
        return {
          ...file,
          async write(parts) {
            if (!tear) return await file.write(parts);
            await file.write([Buffer.concat([...parts]).subarray(0, 100)]);
            throw enospc();
          },
        };
      },
    };
    const spool = await bench.open({ disk: torn });
    await appendNamed(spool, 'good');
    tear = true;
    await expect(appendNamed(spool, 'torn')).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    tear = false;
    await appendNamed(spool, 'good again');
    await spool.close();
    expect(sealedRecords(bench.dir.spool).every((record) => record.crcMatches)).toBe(true);
    expect(bench.sealedNames()).toEqual(['good', 'good again']);
  });

  it('never seals a segment that it could not cut, and seals it once it can', async () => {
    let broken = false;
    const disk = observedDisk((call, path) => {
      if (broken && path.endsWith('.otlp') && (call === 'datasync' || call === 'truncate')) throw enospc();
    });
    const spool = await bench.open({ disk });
    await appendNamed(spool, 'good');
    broken = true;
    await expect(appendNamed(spool, 'lost')).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([]);
    for (let i = 0; i < 10; i++) await expect(appendNamed(spool, 'lost')).rejects.toThrow();
    expect(namesIn(bench.dir.spool, 'open').length).toBeLessThanOrEqual(8);
    expect(spool.figures().refusal).toBe('the disk of the spool fails');
    broken = false;
    await vi.waitFor(() => expect(spool.figures().refusal).toBeUndefined(), { timeout: 5_000 });
    await appendNamed(spool, 'good again');
    await spool.close();
    expect(bench.sealedNames()).toEqual(['good', 'good again']);
    expect(namesIn(bench.dir.spool, 'open')).toEqual([]);
  });
});

describe('a seal that fails half way', () => {
  it('after the rename is finished later and counted once', async () => {
    let broken = true;
    const disk = observedDisk((call, path) => {
      if (broken && call === 'syncFolder' && path.endsWith('sealed')) throw new Error('input/output error');
    });
    const spool = await bench.open({ disk, segmentBytes: 1 });
    await appendNamed(spool, 'one');
    await vi.waitFor(() => expect(namesIn(bench.dir.spool, 'sealed')).toHaveLength(1));
    broken = false;
    await vi.waitFor(() => expect(spool.figures().openBytes).toBe(0), { timeout: 5_000 });
    const [name] = namesIn(bench.dir.spool, 'sealed');
    expect(spool.figures()).toMatchObject({
      sealedSegments: 1,
      sealedBytes: statSync(join(bench.dir.spool, 'sealed', name ?? '')).size,
    });
  });
});

describe('bounds', () => {
  it('refuses above the limit, counts exactly, and takes again once the loader has deleted segments', async () => {
    let looks = 0;
    const disk = observedDisk((call) => {
      if (call === 'space') looks++;
    });
    const spool = await bench.open({ disk, segmentBytes: 1_024, maxBytes: 8_192 });
    const acknowledged: string[] = [];
    for (let i = 0; i < 40; i++) {
      const result = await Promise.allSettled([appendNamed(spool, `${i}`)]);
      if (result[0].status === 'fulfilled') acknowledged.push(`${i}`);
      else expect(result[0].reason).toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    }
    expect(acknowledged.length).toBeGreaterThan(5);
    expect(acknowledged.length).toBeLessThan(40);
    const onDisk = (folder: 'open' | 'sealed') =>
      namesIn(bench.dir.spool, folder).reduce(
        (sum, name) => sum + statSync(join(bench.dir.spool, folder, name)).size,
        0,
      );
    // The last segment may be on its way between the folders: on the disk first, in the figures a moment later.
    await vi.waitFor(() => {
      const { openBytes, sealedBytes, sealedSegments } = spool.figures();
      expect([openBytes, sealedBytes]).toEqual([onDisk('open'), onDisk('sealed')]);
      expect(sealedSegments).toBe(namesIn(bench.dir.spool, 'sealed').length);
      expect(openBytes + sealedBytes).toBeLessThanOrEqual(8_192);
    });
    expect(bench.sealedNames()).toEqual(acknowledged.slice(0, bench.sealedNames().length));

    for (const name of namesIn(bench.dir.spool, 'sealed')) rmSync(join(bench.dir.spool, 'sealed', name));
    await vi.waitFor(() => appendNamed(spool, 'after'), { timeout: 5_000 });
    const looksBefore = looks;
    // Two looks more: what is gone must be subtracted once.
    await vi.waitFor(() => expect(looks).toBeGreaterThan(looksBefore + 2), { timeout: 5_000 });
    const after = spool.figures();
    expect([after.openBytes, after.sealedBytes]).toEqual([onDisk('open'), onDisk('sealed')]);
    expect(after.sealedSegments).toBe(namesIn(bench.dir.spool, 'sealed').length);
  });

  it('leaves a reserve on the disk, and takes again once there is space', async () => {
    let free = 5_000_000_000;
    const disk = { ...nodeDisk, space: async () => ({ free, total: 100_000_000_000 }) };
    const spool = await bench.open({ disk });
    await appendNamed(spool, 'one');
    free = 1024 ** 3;
    await vi.waitFor(() => expect(spool.figures().refusal).toBe('the disk of the spool is nearly full'), {
      timeout: 5_000,
    });
    await expect(appendNamed(spool, 'two')).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    free = 5_000_000_000;
    await vi.waitFor(() => appendNamed(spool, 'three'), { timeout: 5_000 });
    await spool.close();
    expect(bench.sealedNames()).toEqual(['one', 'three']);
  });

  it('counts segments that an earlier process sealed', async () => {
    await (await bench.open()).close();
    const name = '1700000000000-0123456789abcdef.otlp';
    writeFileSync(join(bench.dir.path, 'x'), Buffer.alloc(5_000));
    renameSync(join(bench.dir.path, 'x'), join(bench.dir.spool, 'sealed', name));
    const spool = await bench.open();
    expect(spool.figures()).toMatchObject({ sealedBytes: 5_000, sealedSegments: 1, oldestSealedAt: 1_700_000_000_000 });
  });
});
