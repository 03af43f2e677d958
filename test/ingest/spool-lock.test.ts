import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockSpool } from '../../ingest/spool-lock.ts';
import { temporaryDataDir } from '../support/otlp-segment.ts';

let dir: ReturnType<typeof temporaryDataDir>;
let holder: ChildProcess | undefined;

beforeEach(() => {
  dir = temporaryDataDir();
  mkdirSync(dir.spool);
});

afterEach(() => {
  holder?.kill('SIGKILL');
  holder = undefined;
  dir.remove();
});

async function lockInAnotherProcess(folder: string): Promise<ChildProcess> {
  const program = new URL('../../dist/test/support/children/hold-spool-lock.js', import.meta.url).pathname;
  holder = fork(program, [folder]);
  await once(holder, 'message');
  return holder;
}

describe('lockSpool', () => {
  it('refuses while another process holds it, naming the folder and what to do', async () => {
    await lockInAnotherProcess(dir.spool);
    await expect(lockSpool(dir.spool)).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      message: expect.stringContaining(dir.spool),
      hint: expect.stringContaining('TENANTRY_DATA_DIR'),
    });
    await expect(lockSpool(dir.spool)).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
  });

  it('refuses within one process, too, and is free after release', async () => {
    const lock = await lockSpool(dir.spool);
    await expect(lockSpool(dir.spool)).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
    await lock.release();
    expect(readdirSync(dir.spool)).toEqual([]);
    await (await lockSpool(dir.spool)).release();
  });

  it('is free again once its holder was killed', async () => {
    const child = await lockInAnotherProcess(dir.spool);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(join(dir.spool, 'ingest.lock'))).toBe(true);
    await (await lockSpool(dir.spool)).release();
    expect(readdirSync(dir.spool)).toEqual([]);
  });

  it('goes to one of many that find a dead holder', async () => {
    const child = await lockInAnotherProcess(dir.spool);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockSpool(dir.spool)));
    const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(locks).toHaveLength(1);
    await Promise.all(locks.map((lock) => lock.release()));
  });

  it('works in folders whose path is longer than a socket address', async () => {
    const deep = join(dir.spool, 'x'.repeat(100), 'y'.repeat(100));
    mkdirSync(deep, { recursive: true });
    await lockInAnotherProcess(deep);
    await expect(lockSpool(deep)).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
    holder?.kill('SIGKILL');
    if (holder !== undefined) await once(holder, 'exit');
    const lock = await lockSpool(deep);
    expect(existsSync(join(deep, 'ingest.lock'))).toBe(true);
    await lock.release();
    expect(readdirSync(deep)).toEqual([]);
  });
});
