/** What is no whole backup is never taken for one, and nothing is left of what could not be finished. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupFaults, findBackups, readManifest, resolveBackup } from '../../src/app/backup-folder.ts';
import { packFolder, unpackFolder } from '../../src/app/backup-pack.ts';
import { restoreBackup } from '../../src/app/backup-restore.ts';
import { cutSpool } from '../../src/app/backup-spool.ts';
import { type BackupSources, takeBackup } from '../../src/app/backup-take.ts';
import { type BackupManifest, isOverdue, partialName } from '../../src/domain/backup.ts';
import type { CopyOut } from '../../src/store/postgres/backup-copy.ts';
import { backupFolder, removeFolder } from '../support/backup-world.ts';
import { silentLog } from '../support/postgres.ts';

const SEGMENT = '1790000000000-00112233445566ff.otlp';
let folder: string;
let to: string;
let clock: number;

beforeEach(() => {
  folder = backupFolder();
  to = join(folder, 'backups');
  clock = Date.UTC(2026, 5, 15);
  mkdirSync(join(folder, 'data', 'spool', 'sealed'), { recursive: true });
  writeFileSync(join(folder, 'data', 'spool', 'sealed', SEGMENT), 'telemetry');
});
afterEach(() => removeFolder(folder));

function tick(): number {
  clock += 1_000;
  return clock;
}

/** Of stores that have next to nothing: what is tested is the folder. */
function sources(changes: Partial<BackupSources> = {}): BackupSources {
  const dataDir = join(folder, 'data');
  return {
    ...{ dataDir, version: '0.1.0', now: tick },
    cutPostgres: async () => ({
      ...{ serverVersion: '18.0', systemIdentifier: null, snapshot: '1:1:', at: clock, migrations: [], sequences: [] },
      tables: [{ name: 'plans', columns: ['name'] }],
      copyOut: () => Object.assign(Readable.from([Buffer.from('gold\n')]), { rows: 1 }) as unknown as CopyOut,
      close: async () => undefined,
    }),
    cutClickHouse: async () => ({
      kind: 'server',
      about: { kind: 'server', engine: '26.7.1', migration: 1, tables: [], disk: 'backups' },
    }),
    cutSpool: () => cutSpool(join(dataDir, 'spool'), join(dataDir, 'spool', 'backup-cut')),
    ...changes,
  };
}

const take = (changes: Partial<BackupSources> = {}, keep?: number, where = to) =>
  takeBackup(sources(changes), { to: where, withSecrets: false, keep, full: false });

/** The manifest with these changes, and the hash that fits it: as whoever made it would have written it. */
function rewrite(path: string, changes: Partial<BackupManifest>): void {
  const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as BackupManifest;
  const text = JSON.stringify({ ...manifest, ...changes });
  writeFileSync(join(path, 'manifest.json'), text);
  writeFileSync(join(path, 'manifest.sha256'), `${createHash('sha256').update(text).digest('hex')}  manifest.json\n`);
}

const restore = (from = to, dataDir = join(folder, 'new')) =>
  restoreBackup({ from, dataDir, databaseUrl: undefined, restoreServer: async () => undefined, log: silentLog });

describe('a backup that was changed', () => {
  it.each([
    ['a byte more', (path: string) => appendFileSync(join(path, 'spool', 'sealed', SEGMENT), '!'), 'changed'],
    ['another byte', (path: string) => writeFileSync(join(path, 'spool', 'sealed', SEGMENT), 'Telemetry'), 'changed'],
    ['a file less', (path: string) => rmSync(join(path, 'postgres', 'plans.copy.gz')), 'missing'],
    ['a file more', (path: string) => writeFileSync(join(path, 'spool', 'sealed', 'more.otlp'), ''), 'unknown'],
  ])('is refused: %s', async (_, change, fault) => {
    const { path, manifest } = await take();
    change(path);
    expect((await backupFaults(path, manifest)).map((each) => each.fault)).toEqual([fault]);
    await expect(restore()).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    expect(readdirSync(folder).toSorted()).toEqual(['backups', 'data']);
  });

  it('is refused when its manifest is not the one that was hashed', async () => {
    const { path } = await take();
    appendFileSync(join(path, 'manifest.json'), ' ');
    await expect(readManifest(path)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    rmSync(join(path, 'manifest.sha256'));
    await expect(restore()).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });

  it('passes the check of a program of the system, too', async () => {
    const { path } = await take();
    expect(execFileSync('sha256sum', ['-c', 'manifest.sha256'], { cwd: path, encoding: 'utf8' })).toContain('OK');
  });

  it('writes nothing outside the target', async () => {
    const { path, manifest } = await take();
    writeFileSync(join(folder, 'evil'), 'x');
    const evil = { path: '../../evil', bytes: 1, sha256: createHash('sha256').update('x').digest('hex') };
    rewrite(path, { files: [...manifest.files, evil] });
    await expect(restore()).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });
});

describe('a backup of a newer version', () => {
  it.each([
    ['of the format', { format: 2 }],
    [
      'of the control plane',
      {
        postgres: {
          ...({} as BackupManifest['postgres']),
          migrations: [{ number: 1, name: '0001_x.sql', sha256: '' }],
        },
      },
    ],
  ])('is refused: %s', async (_, changes) => {
    const { path } = await take();
    rewrite(path, changes as Partial<BackupManifest>);
    await expect(restore()).rejects.toMatchObject({ code: expect.stringMatching(/^SCHEMA_(?:TOO_NEW|MISMATCH)$/) });
  });

  it('is refused: of the analytics store', async () => {
    const { path, manifest } = await take();
    rewrite(path, { clickhouse: { ...manifest.clickhouse, migration: 9_999 } });
    await expect(restore()).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
  });
});

describe('a restore', () => {
  it('touches no folder in which there is something', async () => {
    await take();
    await expect(restore(to, join(folder, 'data'))).rejects.toMatchObject({ code: 'TARGET_NOT_EMPTY' });
    expect(readdirSync(join(folder, 'data'))).toEqual(['spool']);
  });

  it('says where there is no backup', async () => {
    await expect(resolveBackup(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('what was not finished', () => {
  it('is no backup, and is removed by the next one when its process is gone', async () => {
    mkdirSync(to);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const ended = partialName('tenantry-20260101T000000000Z', pid);
    const underWay = partialName('tenantry-20260101T000000001Z', process.ppid);
    for (const name of [ended, underWay]) mkdirSync(join(to, name));
    expect(await findBackups(to)).toEqual([]);
    const { manifest } = await take();
    expect(readdirSync(to).toSorted()).toEqual([underWay, manifest.name].toSorted());
  });

  it('leaves nothing when a store fails, and closes what was opened', async () => {
    let closed = 0;
    const { cutPostgres } = sources();
    const broken = take({
      cutPostgres: async () => ({
        ...(await cutPostgres()),
        close: async () => {
          closed += 1;
        },
      }),
      cutClickHouse: async () => {
        throw new Error('gone');
      },
    });
    await expect(broken).rejects.toThrow('gone');
    expect(closed).toBe(1);
    expect(readdirSync(to)).toEqual([]);
  });

  it('leaves nothing on a disk that is full, and says so', async (ctx) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      ctx.skip(`a small disk cannot be made here: ${String(error)}`);
    }
    try {
      writeFileSync(join(folder, 'data', 'spool', 'sealed', SEGMENT), Buffer.alloc(200_000));
      await expect(take({}, undefined, disk)).rejects.toMatchObject({ code: 'NO_SPACE' });
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
    expect(readdirSync(join(folder, 'data', 'spool'))).toEqual(['sealed']);
  });
});

describe('a folder of backups', () => {
  it('keeps as many as it is told to, the newest', async () => {
    const names: string[] = [];
    for (const keep of [undefined, undefined, 2]) names.push((await take({}, keep)).manifest.name);
    expect((await findBackups(to)).map(({ name }) => name)).toEqual([names[2], names[1]]);
    const { name } = await resolveBackup(to);
    expect(name).toBe(names[2]);
  });

  it('takes the segments of an open spool as far as they go', async () => {
    const open = join(folder, 'data', 'spool', 'open');
    mkdirSync(open);
    const growing = '1790000000001-00112233445566ff.otlp';
    // In both, as while it is being moved: the one that is whole is taken.
    writeFileSync(join(open, SEGMENT), 'tele');
    writeFileSync(join(open, growing), 'so far');
    const cut = await cutSpool(join(folder, 'data', 'spool'), join(folder, 'links'));
    appendFileSync(join(open, growing), ' and later');
    const { manifest, path } = await take({ cutSpool: async () => cut });
    expect(manifest.spool).toMatchObject({ openSegments: 1, sealedSegments: 1 });
    expect(readFileSync(join(path, 'spool', 'open', growing), 'utf8')).toBe('so far');
    expect(readFileSync(join(path, 'spool', 'sealed', SEGMENT), 'utf8')).toBe('telemetry');
  });
});

describe('a pack', () => {
  it('is the folder again, and notices that it was cut off', async () => {
    const from = join(folder, 'part');
    mkdirSync(join(from, 'inner'), { recursive: true });
    writeFileSync(join(from, 'a.bin'), Buffer.alloc(3_000_000, 7));
    writeFileSync(join(from, 'inner', 'empty'), '');
    const pack = join(folder, 'pack');
    const chunks: Buffer[] = [];
    for await (const chunk of packFolder(from)) chunks.push(chunk);
    writeFileSync(pack, Buffer.concat(chunks));
    await unpackFolder(pack, join(folder, 'out'));
    expect(readFileSync(join(folder, 'out', 'a.bin')).equals(Buffer.alloc(3_000_000, 7))).toBe(true);
    expect(readdirSync(join(folder, 'out', 'inner'))).toEqual(['empty']);
    writeFileSync(pack, Buffer.concat(chunks).subarray(0, 2_000_000));
    await expect(unpackFolder(pack, join(folder, 'cut'))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });
});

describe('the age of the last backup', () => {
  const about = { isConfigured: false, maxAgeMs: 1_000, now: 10_000, lastCutAt: undefined };

  it.each([
    ['none is wanted and none was made', about, false],
    ['one is wanted and none was made', { ...about, isConfigured: true }, true],
    ['the last is young', { ...about, lastCutAt: 9_000 }, false],
    ['the last is old, wherever it went', { ...about, lastCutAt: 8_999 }, true],
  ])('%s', (_, given, overdue) => {
    expect(isOverdue(given)).toBe(overdue);
  });
});
