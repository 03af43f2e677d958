import { afterEach, describe, expect, it } from 'vitest';
import { S3Collector } from '../../../src/aggregate/collectors/s3-collector.ts';
import type { S3Target } from '../../../src/domain/storage-target.ts';
import { MemoryCheckpoint } from '../../support/storage-checkpoint.ts';
import {
  S3_BUCKET,
  S3_KEYS,
  S3_REGION,
  type S3Server,
  type StoredObject,
  startS3Server,
} from '../../support/storage-s3-server.ts';

let server: S3Server;
const waits: number[] = [];

afterEach(async () => {
  waits.length = 0;
  await server.stop();
});

function collector(changes: Partial<S3Target> = {}, keys = S3_KEYS): S3Collector {
  const target: S3Target = {
    kind: 's3',
    ...{ endpoint: server.url, region: S3_REGION, bucket: S3_BUCKET, pathStyle: true, pattern: 'tenants/{tenant_id}/' },
    ...{ accessKeyRef: 'env:A', secretKeyRef: 'env:S', versions: false, uploads: false },
    ...changes,
  };
  const sleep = async (ms: number) => {
    waits.push(ms);
  };
  return new S3Collector({ target, ...keys, http: { sleep, random: () => 0 } });
}

const collect = (one: S3Collector, checkpoint = new MemoryCheckpoint(), signal = new AbortController().signal) =>
  one.collect(checkpoint, signal);

/** Sizes as `tenant part` -> [bytes, objects]. */
function table(sizes: Awaited<ReturnType<typeof collect>>['sizes']) {
  return Object.fromEntries(
    sizes.map(({ tenantId, part, bytes, objects }) => [`${tenantId} ${part}`, [bytes, objects]]),
  );
}

const manyObjects = (count: number): StoredObject[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `tenants/t-${index % 7}/files/${String(index).padStart(6, '0')} ü&<+>.bin`,
    size: index,
    storageClass: index % 3 === 0 ? 'GLACIER' : 'STANDARD',
  }));

describe('a bucket', () => {
  it('of 100,000 keys is listed page by page, by tenant and storage class, to the byte', async () => {
    const objects = [...manyObjects(100_000), { key: 'tenants/no-slash', size: 5 }, { key: 'other/x', size: 7 }];
    server = await startS3Server(objects);
    const { sizes, progress } = await collect(collector());
    const expected: Record<string, [bigint, bigint]> = {};
    for (const { key, size, storageClass = 'STANDARD' } of objects) {
      if (!key.startsWith('tenants/')) continue;
      const tenant = /^tenants\/(t-\d)\//.exec(key)?.[1] ?? '(unattributed)';
      const [bytes, count] = expected[`${tenant} ${storageClass}`] ?? [0n, 0n];
      expected[`${tenant} ${storageClass}`] = [bytes + BigInt(size), count + 1n];
    }
    expect(table(sizes)).toEqual(expected);
    expect(server.answered).toHaveLength(101);
    expect(progress).toMatchObject({ read: 100_001, unit: 'keys' });
  }, 60_000);

  it('that asks for patience gets it, and is not asked for ever', async () => {
    server = await startS3Server(manyObjects(10));
    server.fail(503, 3);
    expect((await collect(collector())).sizes).not.toEqual([]);
    expect(waits).toEqual([200, 400, 800]);
    server.fail(503, 100);
    await expect(collect(collector())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('is gone on with where a killed run was', async () => {
    server = await startS3Server(manyObjects(25_000));
    const undisturbed = await collect(collector());
    server.answered.length = 0;
    const checkpoint = new MemoryCheckpoint();
    const killed = new AbortController();
    checkpoint.onSave = () => killed.abort();
    await expect(collect(collector(), checkpoint, killed.signal)).rejects.toThrow();
    const before = server.answered.length;
    checkpoint.onSave = () => undefined;
    expect(table((await collect(collector(), checkpoint)).sizes)).toEqual(table(undisturbed.sizes));
    expect(before).toBe(10);
    expect(server.answered).toHaveLength(25);
  });

  it('shows versions and uploads that nobody sees, apart', async () => {
    server = await startS3Server(
      [
        { key: 'tenants/acme/a', size: 10, older: [4, 3] },
        { key: 'tenants/acme/b', size: 1, storageClass: 'DEEP_ARCHIVE' },
      ],
      [
        { key: 'tenants/acme/big video', parts: [100, 100, 50] },
        { key: 'tenants/globex/x', parts: [] },
      ],
    );
    const { sizes } = await collect(collector({ versions: true, uploads: true }));
    expect(table(sizes)).toEqual({
      'acme STANDARD': [10n, 1n],
      'acme DEEP_ARCHIVE': [1n, 1n],
      'acme noncurrent': [7n, 2n],
      'acme incomplete-uploads': [250n, 1n],
      'globex incomplete-uploads': [0n, 1n],
    });
  });

  it('that refuses the key says so without the key', async () => {
    server = await startS3Server([]);
    const wrong = { ...S3_KEYS, secretAccessKey: 'not the right one' };
    const error = await collect(collector({}, wrong)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/not the right one|AKID/);
    expect(waits).toEqual([]);
  });
});
