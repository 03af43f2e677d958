/**
 * One backup of everything, of one moment, while Tenantry runs:
 *
 *   the writers of ClickHouse wait -> snapshot of PostgreSQL -> freeze ClickHouse -> link the spool -> they go on -> copy
 *
 * What was acknowledged before the cut is in the backup exactly once:
 * - A span is in a segment of the spool until the loader has inserted it and deleted the segment. Both happen behind the
 *   gate, so each segment is wholly in the frozen tables and gone, or wholly in the spool. Where an insert had failed
 *   half-way, in the table and not yet in its rollups, it is in both, and the tables' logs of tokens come along: the
 *   restored loader inserts it again under its name, and each table takes what it does not have.
 * - A usage event is in PostgreSQL until it is in ClickHouse, then deleted. The snapshot is taken first: an event may be
 *   in both, under one token, and never in neither.
 * - A span without a tenant waits in ClickHouse itself, under the id of its loader, which comes along.
 * They wait for some dozen hard links a table; ingest acknowledges into the spool meanwhile.
 */
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import {
  BACKUP_FORMAT,
  type BackupClickHouse,
  type BackupFile,
  type BackupManifest,
  type BackupPostgresTable,
  backupName,
} from '../domain/backup.ts';
import type { FrozenPart, FrozenStore } from '../store/clickhouse/backup.ts';
import type { PostgresCut } from '../store/postgres/backup.ts';
import { findBackups, readManifest } from './backup-folder.ts';
import { packedFile, packFolder } from './backup-pack.ts';
import type { SpoolCut } from './backup-spool.ts';
import { BackupWriter } from './backup-writer.ts';

/** In the data directory: what else a restored Tenantry goes on with. Absent ones are absent. */
const STATE_FILES = ['audit-head.json', 'detector-state.json', 'kill-switch'];
/** Whoever has these may read, seal and sign as this Tenantry. */
const SECRET_FILES = ['secrets.json', 'secrets-keys.json', 'issuer'];
const PROVES_EQUAL = 'checksums.txt';

export interface BackupProgress {
  readonly step: 'waiting' | 'postgres' | 'clickhouse' | 'spool' | 'finishing';
  /** Files written of those that the step has, where it is known. */
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
}

export interface BackupSources {
  readonly dataDir: string;
  readonly version: string;
  /** Runs work while nothing else writes to ClickHouse; absent: nothing does anyway. */
  readonly alone?: <T>(work: () => Promise<T>) => Promise<T>;
  readonly cutPostgres: () => Promise<PostgresCut>;
  /** `name`: of the backup. */
  readonly cutClickHouse: (name: string) => Promise<ClickHouseCut>;
  readonly cutSpool: () => Promise<SpoolCut>;
  readonly now?: () => number;
}

/** A frozen embedded engine, or what a server has backed up by itself. */
type ClickHouseCut =
  | { readonly kind: 'embedded'; readonly store: FrozenStore }
  | { readonly kind: 'server'; readonly about: BackupClickHouse };

export interface BackupOrder {
  /** Folder of backups. */
  readonly to: string;
  readonly withSecrets: boolean;
  /** How many are kept in the folder, this one among them; undefined: all. */
  readonly keep: number | undefined;
  /** Copies every file, also those that an older backup in the folder has. */
  readonly full: boolean;
  readonly onProgress?: (progress: BackupProgress) => void;
}

export interface BackupTaken {
  readonly manifest: BackupManifest;
  readonly path: string;
  /** Names of older ones that were removed. */
  readonly removed: readonly string[];
}

interface Cut {
  readonly postgres: PostgresCut;
  readonly clickhouse: ClickHouseCut;
  readonly spool: SpoolCut;
  readonly heldMs: number;
}

/** @throws TenantryError NO_SPACE, STORE_UNAVAILABLE, BAD_REQUEST; nothing is left of it then */
export async function takeBackup(sources: BackupSources, order: BackupOrder): Promise<BackupTaken> {
  const now = sources.now ?? Date.now;
  const begunAt = performance.now();
  const name = backupName(now());
  const writer = await BackupWriter.begin(order.to, name);
  const undo: (() => Promise<void>)[] = [];
  try {
    order.onProgress?.({ step: 'waiting', done: 0, total: 0, bytes: 0 });
    const cut = await cutAll(sources, name, undo);
    const { postgres, spool } = cut;
    const tables = await writePostgres(writer, postgres, order);
    const clickhouse = await writeClickHouse(writer, cut.clickhouse, order);
    await writeSpool(writer, spool, order);
    await writeStateFiles(writer, sources.dataDir, order.withSecrets);
    order.onProgress?.({ step: 'finishing', done: 0, total: 0, bytes: writer.bytes });
    const finished = await writer.finish({
      ...{ format: BACKUP_FORMAT, name, version: sources.version, withSecrets: order.withSecrets },
      ...{ cutAt: new Date(postgres.at).toISOString(), finishedAt: new Date(now()).toISOString() },
      ...{ heldMs: Math.round(cut.heldMs), tookMs: Math.round(performance.now() - begunAt) },
      postgres: {
        ...{ serverVersion: postgres.serverVersion, systemIdentifier: postgres.systemIdentifier },
        ...{ snapshot: postgres.snapshot, migrations: postgres.migrations, tables, sequences: postgres.sequences },
      },
      ...{ clickhouse, spool: spool.counts },
    });
    return { ...finished, removed: order.keep === undefined ? [] : await removeOld(order.to, order.keep) };
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    for (const step of undo.toReversed()) await step();
  }
}

async function cutAll(sources: BackupSources, name: string, undo: (() => Promise<void>)[]): Promise<Cut> {
  const cut = async (): Promise<Cut> => {
    const heldAt = performance.now();
    const postgres = await sources.cutPostgres();
    undo.push(() => postgres.close());
    const clickhouse = await sources.cutClickHouse(name);
    if (clickhouse.kind === 'embedded') undo.push(() => clickhouse.store.thaw());
    const spool = await sources.cutSpool();
    undo.push(() => spool.drop());
    return { postgres, clickhouse, spool, heldMs: performance.now() - heldAt };
  };
  return sources.alone === undefined ? cut() : sources.alone(cut);
}

async function writePostgres(
  writer: BackupWriter,
  cut: PostgresCut,
  { onProgress }: BackupOrder,
): Promise<BackupPostgresTable[]> {
  const written: BackupPostgresTable[] = [];
  for (const table of cut.tables) {
    const file = `postgres/${table.name}.copy.gz`;
    const rows = cut.copyOut(table);
    const gzip = createGzip({ level: 1 });
    rows.once('error', (error) => gzip.destroy(error));
    try {
      await writer.add(file, rows.pipe(gzip));
    } catch (error) {
      rows.destroy();
      throw error;
    }
    written.push({ name: table.name, columns: table.columns, rows: rows.rows, file });
    onProgress?.({ step: 'postgres', done: written.length, total: cut.tables.length, bytes: writer.bytes });
  }
  return written;
}

async function writeClickHouse(
  writer: BackupWriter,
  cut: ClickHouseCut,
  order: BackupOrder,
): Promise<BackupClickHouse> {
  if (cut.kind === 'server') return cut.about;
  const { store } = cut;
  for (const [path, content] of store.files) await writer.add(inBackup(path), [content]);
  const older = order.full ? undefined : await newestFiles(order.to);
  let done = 0;
  for (const part of store.parts) {
    const path = `${inBackup(store.pathOf(part))}.part`;
    if (!(await shared(writer, older, part, path))) await writer.add(path, packFolder(part.folder));
    done += 1;
    order.onProgress?.({ step: 'clickhouse', done, total: store.parts.length, bytes: writer.bytes });
  }
  const tables = store.tables.map((name) => {
    const parts = store.parts.filter(({ table }) => table === name);
    return { name, parts: parts.length, rows: parts.reduce((sum, { rows }) => sum + rows, 0) };
  });
  return { kind: 'embedded', engine: store.engine, migration: store.migration, tables, disk: null };
}

function inBackup(path: string): string {
  return `clickhouse/${path.split(sep).join('/')}`;
}

interface OlderBackup {
  readonly path: string;
  readonly files: ReadonlyMap<string, BackupFile>;
}

async function newestFiles(folder: string): Promise<OlderBackup | undefined> {
  const [newest] = await findBackups(folder);
  if (newest === undefined) return undefined;
  const manifest = await readManifest(newest.path).catch(() => undefined);
  return manifest && { path: newest.path, files: new Map(manifest.files.map((file) => [file.path, file])) };
}

/**
 * A part never changes, but its name alone does not tell it from one of another history of the same table, as after a
 * restore: the engine's checksums over all of its files do.
 */
async function shared(
  writer: BackupWriter,
  older: OlderBackup | undefined,
  part: FrozenPart,
  path: string,
): Promise<boolean> {
  const file = older?.files.get(path);
  if (older === undefined || file === undefined) return false;
  const from = join(older.path, path);
  const [known, own] = await Promise.all([
    packedFile(from, PROVES_EQUAL).catch(() => undefined),
    readFile(join(part.folder, PROVES_EQUAL)),
  ]);
  return known?.equals(own) === true && (await writer.share(file, from));
}

async function writeSpool(writer: BackupWriter, { files }: SpoolCut, { onProgress }: BackupOrder): Promise<void> {
  let done = 0;
  for (const { path, from, bytes } of files) {
    const content = bytes === 0 ? Readable.from([]) : createReadStream(from, { end: bytes - 1 });
    await writer.add(`spool/${path}`, content);
    done += 1;
    onProgress?.({ step: 'spool', done, total: files.length, bytes: writer.bytes });
  }
}

async function writeStateFiles(writer: BackupWriter, dataDir: string, withSecrets: boolean): Promise<void> {
  const copy = async (name: string, to: string) => {
    const from = join(dataDir, name);
    if (!existsSync(from)) return;
    const inside = await readdir(from).catch(() => undefined);
    if (inside === undefined) await writer.add(`${to}/${name}`, createReadStream(from));
    else for (const file of inside) await writer.add(`${to}/${name}/${file}`, createReadStream(join(from, file)));
  };
  for (const name of STATE_FILES) await copy(name, 'state');
  if (withSecrets) for (const name of SECRET_FILES) await copy(name, 'secrets');
}

/** The oldest beyond the number to be kept. Files that a younger one shares stay with it. */
async function removeOld(folder: string, keep: number): Promise<readonly string[]> {
  const old = (await findBackups(folder)).slice(Math.max(1, keep));
  for (const { path } of old) await rm(path, { recursive: true, force: true });
  return old.map(({ name }) => name);
}
