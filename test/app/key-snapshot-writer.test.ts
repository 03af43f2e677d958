import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keySnapshotWriter } from '../../src/app/key-snapshot-writer.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('writes one after the other when asked many times at once; the newest keys are there in the end', async () => {
  let revision = 0;
  const publish = keySnapshotWriter(join(folder, 'spool'), () => ({ revision, keys: [] }));
  const writes = Array.from({ length: 50 }, () => {
    revision += 1;
    return publish();
  });
  await Promise.all(writes);
  const file = join(folder, 'spool', 'keys.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ revision: 50, keys: [] });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, 'spool'))).toEqual(['keys.json']);
});

it('tells of a write that failed, and makes the next one all the same', async () => {
  const spool = join(folder, 'spool');
  writeFileSync(spool, 'in the way');
  const publish = keySnapshotWriter(spool, () => ({ revision: 1, keys: [] }));
  await expect(publish()).rejects.toThrow('EEXIST');
  rmSync(spool);
  await publish();
  expect(readdirSync(spool)).toEqual(['keys.json']);
});
