import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/store/postgres/embedded.ts';
import { silentLog } from '../../support/postgres.ts';
import { killHard, runSql, serverProcesses, startHolder, userOf } from '../../support/postgres-child.ts';

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

let folder: string;
let dataDir: string;
const running: EmbeddedPostgres[] = [];

/** As a first start leaves it: making a cluster takes ten times as long as starting one. */
let startedOnce: string;

beforeAll(async () => {
  startedOnce = await mkdtemp(join(tmpdir(), 'tenantry-embedded-'));
  await chmod(startedOnce, 0o755);
  await (await startEmbeddedPostgres({ dataDir: join(startedOnce, 'postgres'), log: silentLog })).stop();
});
afterAll(() => rm(startedOnce, { recursive: true, force: true }));

async function start() {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  running.push(server);
  return server;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-embedded-'));
  await chmod(folder, 0o755);
  dataDir = join(folder, 'postgres');
  // cp keeps owners, which the server insists on; node's own copy does not.
  execFileSync('cp', ['-a', join(startedOnce, 'postgres'), dataDir]);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe('startEmbeddedPostgres', () => {
  it('starts PostgreSQL 18 and keeps its data over a restart', async () => {
    await rm(dataDir, { recursive: true });
    const first = await start();
    const [version] = await runSql(
      first.ownerUrl,
      'create table kept (n int)',
      'insert into kept values (7)',
      'show server_version',
    );
    expect(version?.['server_version']).toMatch(/^18\./);
    await first.stop();
    expect(serverProcesses(dataDir)).toEqual([]);

    const second = await start();
    expect(await runSql(second.ownerUrl, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('runs as an unprivileged user when started by root, with data and passwords closed to others', async (context) => {
    if (!isRoot) context.skip('only root has to change the user');
    await rm(dataDir, { recursive: true });
    const server = await start();
    const data = await stat(join(dataDir, 'cluster/data'));
    expect(data.mode & 0o777).toBe(0o700);
    expect(data.uid).not.toBe(0);
    const processes = serverProcesses(dataDir);
    expect(processes.length).toBeGreaterThan(1);
    expect(new Set(processes.map(userOf))).toEqual(new Set([data.uid]));

    const passwords = await stat(join(dataDir, 'cluster/passwords.json'));
    expect([passwords.mode & 0o777, passwords.uid]).toEqual([0o600, 0]);
    await server.stop();
  });

  it('gives none of our environment to the server, whose user others may share', async (context) => {
    if (!isLinux) context.skip('reads /proc');
    process.env['TENANTRY_ADMIN_TOKEN'] = 'not-for-the-server';
    try {
      await start();
    } finally {
      delete process.env['TENANTRY_ADMIN_TOKEN'];
    }
    const environments = serverProcesses(dataDir).map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    expect(environments.length).toBeGreaterThan(0);
    expect(environments.join()).not.toContain('TENANTRY_ADMIN_TOKEN');
  });

  it('listens on 127.0.0.1 only, without a socket file, and wants the password', async () => {
    const { ownerUrl } = await start();
    const [settings] = await runSql(
      ownerUrl,
      `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
              (select bool_and(auth_method = 'scram-sha-256') from pg_hba_file_rules) as scram`,
    );
    expect(settings).toEqual({ addresses: '127.0.0.1', sockets: '', scram: true });
    const wrong = new URL(ownerUrl);
    wrong.password = 'wrong';
    await expect(runSql(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('gives the service a login that can do nothing by itself', async () => {
    const { appUrl } = await start();
    const [role] = await runSql(
      appUrl,
      `select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit,
              has_database_privilege(current_database(), 'TEMP') as temp,
              has_database_privilege(current_database(), 'CREATE') as create
       from pg_roles where rolname = current_user`,
    );
    expect(new Set(Object.values(role ?? {}))).toEqual(new Set([false]));
  });

  it('comes back by itself on the same port when the server dies, and stops for good when told to', async (context) => {
    if (!isLinux) context.skip('finds the server in /proc');
    const server = await start();
    const port = Number(new URL(server.ownerUrl).port);
    await runSql(server.ownerUrl, 'create table kept (n int)', 'insert into kept values (7)');
    const postmaster = Number((await readFile(join(dataDir, 'cluster/data/postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(postmaster, 'SIGKILL');
    await expect.poll(() => canConnect(port), { timeout: 5_000 }).toBe(false);
    await expect
      .poll(() => runSql(server.ownerUrl, 'select n from kept').catch(() => 'away'), { timeout: 20_000 })
      .toEqual([{ n: 7 }]);
    await server.stop();
    expect(serverProcesses(dataDir)).toEqual([]);
  });

  it('stops more than once without harm, and leaves no process', async () => {
    const server = await start();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(serverProcesses(dataDir)).toEqual([]);
  });
});

describe('a node process that is killed', () => {
  it('leaves no orphan, and the next start recovers what was committed', async (context) => {
    if (!isLinux) context.skip('the kernel ends the server with its parent on Linux only');
    const { child, words } = await startHolder(dataDir);
    await runSql(words.ownerUrl ?? '', 'create table kept (n int)', 'insert into kept values (7)');
    expect(serverProcesses(dataDir).length).toBeGreaterThan(0);
    await killHard(child);
    // Started at once, while the old server may still be going down.
    const server = await start();
    expect(await runSql(server.ownerUrl, 'select n from kept')).toEqual([{ n: 7 }]);
    await server.stop();
    expect(serverProcesses(dataDir)).toEqual([]);
  });

  it('leaves no orphan even if nobody starts again', async (context) => {
    if (!isLinux) context.skip('the kernel ends the server with its parent on Linux only');
    const { child } = await startHolder(dataDir);
    await killHard(child);
    await expect.poll(() => serverProcesses(dataDir), { timeout: 10_000 }).toEqual([]);
  });

  it('in the middle of the first start leaves no half cluster behind', async () => {
    await rm(dataDir, { recursive: true });
    await mkdir(join(dataDir, 'cluster.new-999999999-abcd', 'data'), { recursive: true });
    await writeFile(join(dataDir, 'cluster.new-999999999-abcd', 'data', 'PG_VERSION'), '18\n');
    const server = await start();
    expect(await runSql(server.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readdir(dataDir)).toEqual(['cluster']);
  });

  it('is told from a living one: a lock file whose process id another program has now does not block', async (context) => {
    if (!isLinux) context.skip('tells programs apart by /proc');
    await (await start()).stop();
    const data = join(dataDir, 'cluster/data');
    const owner = await stat(data);
    const stranger = spawn('sleep', ['60'], { uid: owner.uid, gid: owner.gid, stdio: 'ignore' });
    try {
      await writeFile(join(data, 'postmaster.pid'), `${stranger.pid}\n${data}\n1\n1\n\n\n0 0\nready\n`);
      await chown(join(data, 'postmaster.pid'), owner.uid, owner.gid);
      const server = await start();
      expect(await runSql(server.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect(stranger.exitCode).toBeNull();
      expect(stranger.signalCode).toBeNull();
    } finally {
      stranger.kill();
    }
  });

  it('is told from a living one while nobody has asked for its end, as in containers', async (context) => {
    if (!isLinux) context.skip('makes a zombie and looks at /proc');
    await (await start()).stop();
    const data = join(dataDir, 'cluster/data');
    const { uid, gid } = await stat(data);
    // `exec` leaves the child to a parent that never asks.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      uid,
      gid,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const zombie = Number(line.toString());
      // Before its exec the shell would still ask for the end of its child.
      while ((await readFile(`/proc/${parent.pid}/comm`, 'utf8')).trim() !== 'sleep');
      process.kill(zombie, 'SIGKILL');
      const fields = async () => (await readFile(`/proc/${zombie}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      while ((await fields())[0] !== 'Z');
      await writeFile(join(data, 'postmaster.pid'), `${zombie}\n${data}\n1\n1\n\n\n0 0\nready\n`);
      await chown(join(data, 'postmaster.pid'), uid, gid);
      await writeFile(
        join(data, 'postmaster.opts'),
        `postgres "-c" "tenantry.owner=${zombie}-${(await fields())[19]}"\n`,
      );
      const server = await start();
      expect(await runSql(server.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});

describe('a second process on the same data directory', () => {
  it('gets DATA_DIR_IN_USE at once, and the first goes on', async () => {
    const server = await start();
    const startedAt = performance.now();
    const { words } = await startHolder(dataDir);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(words.code).toBe('DATA_DIR_IN_USE');
    expect(words.message).toContain(`process ${process.pid}`);
    expect(words.hint).toContain('TENANTRY_DATA_DIR');
    expect(await runSql(server.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('within the same process, too, and when both start at once', async () => {
    await rm(dataDir, { recursive: true });
    const results = await Promise.allSettled([start(), start()]);
    const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason.code);
    expect(failures).toEqual(['DATA_DIR_IN_USE']);
  });
});

describe('a start that fails', () => {
  it("says so with the server's last words and without its passwords", async () => {
    const first = await start();
    await first.stop();
    const passwords = Object.values(JSON.parse(await readFile(join(dataDir, 'cluster/passwords.json'), 'utf8')));
    await writeFile(join(dataDir, 'cluster/data/postgresql.conf'), 'no_such_setting = on\n');
    const failure = await start().then(
      () => undefined,
      (error: { code: string; message: string; hint: string }) => error,
    );
    expect(failure).toMatchObject({ code: 'STORE_START_FAILED', hint: expect.stringContaining('DATABASE_URL') });
    expect(failure?.message).toContain('no_such_setting');
    for (const password of passwords) expect(`${failure?.message} ${failure?.hint}`).not.toContain(password);
  });

  it('refuses data of another PostgreSQL version, and data without its passwords', async () => {
    await (await start()).stop();
    const version = join(dataDir, 'cluster/data/PG_VERSION');
    await writeFile(version, '17\n');
    await expect(start()).rejects.toMatchObject({
      code: 'STORE_START_FAILED',
      message: expect.stringContaining('PostgreSQL 17'),
    });
    await writeFile(version, '18\n');
    await rm(join(dataDir, 'cluster/passwords.json'));
    await expect(start()).rejects.toMatchObject({
      code: 'STORE_START_FAILED',
      message: expect.stringContaining('passwords'),
    });
  });
});

async function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
