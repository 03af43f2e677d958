/**
 * A backup as a data directory that Tenantry can be started on:
 *
 *   checked (hashes, versions, empty target) -> made beside the target -> opened -> renamed
 *
 * The target appears when all of it is there, so a restore that was killed leaves nothing that could be started. Stores
 * of the operator's (DATABASE_URL, CLICKHOUSE_URL) are filled instead of embedded ones, and must be empty.
 */
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { Logger } from 'pino';
import { type BackupManifest, isEngineAtLeast } from '../domain/backup.ts';
import { TenantryError } from '../domain/errors.ts';
import { DATABASE } from '../store/clickhouse/clickhouse.ts';
import { EmbeddedClickHouse } from '../store/clickhouse/embedded-clickhouse.ts';
import { newestMigration } from '../store/clickhouse/migrate.ts';
import { assertEmpty, assertMigrationsKnown, restorePostgres } from '../store/postgres/backup-restore.ts';
import { startEmbeddedPostgres } from '../store/postgres/embedded.ts';
import { assertWhole, readManifest, resolveBackup } from './backup-folder.ts';
import { insideOf, unpackFolder } from './backup-pack.ts';

export interface RestoreOrder {
  /** A backup, or a folder of them: the newest is taken. */
  readonly from: string;
  readonly dataDir: string;
  /** Of a server of the operator's; undefined: the embedded one. */
  readonly databaseUrl: string | undefined;
  /** Fills a server of the operator's with what it backed up itself; undefined: the embedded engine. */
  readonly restoreServer: ((manifest: BackupManifest) => Promise<void>) | undefined;
  readonly log: Logger;
  readonly onProgress?: (text: string) => void;
}

export interface Restored {
  readonly manifest: BackupManifest;
  readonly path: string;
  readonly tookMs: number;
}

/**
 * @throws TenantryError BACKUP_DAMAGED, SCHEMA_TOO_NEW, SCHEMA_MISMATCH, TARGET_NOT_EMPTY, NOT_SUPPORTED_HERE, NO_SPACE;
 *   the target is as it was then
 */
export async function restoreBackup(order: RestoreOrder): Promise<Restored> {
  const begunAt = performance.now();
  const { path } = await resolveBackup(order.from);
  const target = resolve(order.dataDir);
  const manifest = await readManifest(path);
  await assertTargetEmpty(target);
  await assertVersions(manifest, order);
  order.onProgress?.(`Checking ${manifest.files.length} files of ${manifest.name}`);
  await assertWhole(path, manifest);
  if (order.databaseUrl !== undefined) await assertEmpty(order.databaseUrl);
  const staging = join(dirname(target), `.restoring-${basename(target)}-${process.pid}`);
  try {
    await rm(staging, { recursive: true, force: true });
    // PostgreSQL may run as another user, who has to get through.
    await mkdir(staging, { recursive: true, mode: 0o711 });
    await chmod(staging, 0o711);
    await placeFiles(path, manifest, staging, order);
    await fillPostgres(path, manifest, staging, order);
    if (manifest.clickhouse.kind === 'server') await order.restoreServer?.(manifest);
    else {
      order.onProgress?.(`Opening ${manifest.clickhouse.tables.length} tables of ClickHouse`);
      await assertReadable(manifest, join(staging, 'clickhouse'));
    }
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw restoreError(error, target);
  }
  return { manifest, path, tookMs: Math.round(performance.now() - begunAt) };
}

async function assertTargetEmpty(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new TenantryError('TARGET_NOT_EMPTY', `${target} is not empty.`, {
    hint: 'Give a data directory that does not exist yet with --data-dir. Nothing was changed.',
  });
}

async function assertVersions({ clickhouse, postgres }: BackupManifest, order: RestoreOrder): Promise<void> {
  await assertMigrationsKnown(postgres.migrations);
  if (clickhouse.migration > newestMigration()) {
    throw new TenantryError('SCHEMA_TOO_NEW', `The backup's ClickHouse is at migration ${clickhouse.migration}.`, {
      hint: 'Restore it with the version of Tenantry that made it, or a newer one.',
    });
  }
  if ((clickhouse.kind === 'server') === (order.restoreServer !== undefined)) return;
  throw new TenantryError(
    'NOT_SUPPORTED_HERE',
    clickhouse.kind === 'server'
      ? "The backup's ClickHouse is a server's, and CLICKHOUSE_URL is unset."
      : "The backup's ClickHouse is the embedded one, and CLICKHOUSE_URL names a server.",
    { hint: 'Restore it into the same kind of store: set or unset CLICKHOUSE_URL.' },
  );
}

async function placeFiles(
  path: string,
  { files }: BackupManifest,
  staging: string,
  { onProgress }: RestoreOrder,
): Promise<void> {
  onProgress?.('Placing the files of ClickHouse and the spool');
  for (const file of files) {
    const [kind = '', ...rest] = file.path.split('/');
    const name = rest.join('/');
    const from = join(path, file.path);
    if (kind === 'clickhouse' && name.endsWith('.part')) {
      await unpackFolder(from, insideOf(staging, `clickhouse/${name.slice(0, -'.part'.length)}`, path));
    } else if (kind === 'clickhouse' || kind === 'spool') {
      await place(from, insideOf(staging, file.path, path));
    } else if (kind === 'state' || kind === 'secrets') {
      await place(from, insideOf(staging, name, path));
    }
  }
  await linkDatabase(join(staging, 'clickhouse'));
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, 0o600);
}

/** The engine finds the texts of a database's tables through a link. */
async function linkDatabase(root: string): Promise<void> {
  const store = join(root, 'store');
  for (const prefix of await readdir(store).catch(() => [])) {
    for (const uuid of await readdir(join(store, prefix))) {
      const names = await readdir(join(store, prefix, uuid));
      if (!names.some((name) => name.endsWith('.sql'))) continue;
      await symlink(join('..', 'store', prefix, uuid), join(root, 'metadata', DATABASE));
    }
  }
}

async function fillPostgres(
  path: string,
  { postgres: backup }: BackupManifest,
  staging: string,
  { databaseUrl, log, onProgress }: RestoreOrder,
): Promise<void> {
  onProgress?.(`Filling ${backup.tables.length} tables of PostgreSQL`);
  const embedded =
    databaseUrl === undefined ? await startEmbeddedPostgres({ dataDir: join(staging, 'postgres'), log }) : undefined;
  try {
    const ownerUrl = embedded?.ownerUrl ?? databaseUrl ?? '';
    await restorePostgres({
      ...{ ownerUrl, appUrl: embedded?.appUrl ?? ownerUrl, backup },
      read: ({ file }) => {
        const text = createGunzip();
        const from = createReadStream(join(path, file));
        from.once('error', (error) => text.destroy(error));
        return from.pipe(text);
      },
    });
  } finally {
    await embedded?.stop();
  }
}

/** The engine sets parts aside that it cannot read, and starts without them: it is asked which. */
async function assertReadable({ clickhouse: { engine } }: BackupManifest, path: string): Promise<void> {
  const clickhouse = new EmbeddedClickHouse({ path });
  try {
    const [about] = await clickhouse.inspect<{ engine: string }>('SELECT version() AS engine');
    if (!isEngineAtLeast(about?.engine ?? '', engine)) {
      throw new TenantryError(
        'SCHEMA_TOO_NEW',
        `ClickHouse ${engine} wrote the backup, and this is ${about?.engine}.`,
        {
          hint: 'Restore it with the version of Tenantry that made it, or a newer one.',
        },
      );
    }
    const [unreadable] = await clickhouse.inspect<{ part: string }>(
      `SELECT concat(table, ' ', name) AS part FROM system.detached_parts WHERE database = '${DATABASE}' LIMIT 1`,
    );
    if (unreadable === undefined) return;
    throw new TenantryError('BACKUP_DAMAGED', `ClickHouse cannot read ${unreadable.part} of the backup.`, {
      hint: 'Take another backup. Nothing was restored.',
    });
  } finally {
    await clickhouse.close();
  }
}

function restoreError(error: unknown, target: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return error;
  return new TenantryError('NO_SPACE', `There is no room for ${target}; what was restored is removed again.`, {
    hint: 'Make room, or give a data directory on another disk.',
    cause: error,
  });
}
