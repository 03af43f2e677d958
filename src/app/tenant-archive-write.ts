/** Writes what there is of one tenant into a folder, as of one moment of both stores. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TenantryError } from '../domain/errors.ts';
import { EXPORT_SECTIONS, type ExportQuestion, type JobProgress, NO_PROGRESS } from '../domain/tenant-archive.ts';
import { sectionOf } from '../domain/tenant-archive-columns.ts';
import {
  type ArchivedFile,
  type ArchivedStore,
  type ArchivedTable,
  MANIFEST_KIND,
  MANIFEST_NAME,
  MANIFEST_VERSION,
  type Manifest,
  type Omission,
} from '../domain/tenant-archive-manifest.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import {
  type ArchiveTable,
  clickhouseSchemaVersion,
  dropSnapshot,
  type Snapshot,
  TenantRows,
  takeSnapshot,
} from '../store/clickhouse/tenant-archive.ts';
import { PostgresSnapshot } from '../store/postgres/tenant-archive.ts';
import { writeLines, writeReadable } from './tenant-archive-rows.ts';
import { READABLE_EXTENSIONS, readableSelect, termsOf, visibleColumns } from './tenant-archive-values.ts';
import { VERSION } from './version.ts';

export interface ExportSources {
  readonly clickhouse: ClickHouse;
  readonly postgresUrl: string;
  /** Replicated tables, which cannot be held still. */
  readonly isCluster: boolean;
}

export interface ExportTask {
  /** Letters, digits and dashes. */
  readonly id: string;
  readonly question: ExportQuestion;
  /** Absolute; made anew. */
  readonly folder: string;
  /** Says how far it is; false: it is not to go on. */
  readonly onProgress: (progress: JobProgress) => Promise<boolean>;
  /** Unix ms. */
  readonly now: () => number;
}

/** A file of the archive is one insert at its restore, in memory as a whole: about 40 MB of spans. */
const ROWS_A_FILE = 100_000;
/** Share of the file system, at most so many bytes, that is left free: a full disk would stop the stores. */
const RESERVED_SHARE = 0.1;
const RESERVED_AT_MOST = 1024 ** 3;
/** What a value in a column takes as text, compared with what it takes in the store: measured 1.1 to 1.8. */
const TEXT_FACTOR = 2;

/** Whoever asked took it back. */
export class ExportCancelled extends Error {}

/** @throws ExportCancelled, TenantryError CONFLICT when there is not enough room, and what the stores throw */
export async function writeExport(sources: ExportSources, task: ExportTask): Promise<JobProgress> {
  await rm(task.folder, { recursive: true, force: true });
  await mkdir(task.folder, { recursive: true, mode: 0o700 });
  const postgres = await PostgresSnapshot.open(sources.postgresUrl);
  const { clickhouse, isCluster } = sources;
  const id = task.id.replaceAll('-', '');
  let snapshot: Snapshot | undefined;
  try {
    let takenAt = 0;
    snapshot = await takeSnapshot(clickhouse, {
      ...{ id, isCluster },
      meanwhile: async () => {
        await postgres.hold();
        takenAt = task.now();
      },
    });
    const rows = new TenantRows(clickhouse, snapshot.database, task.question.tenantId, task.folder);
    const work = new ExportFolder(task, rows, postgres);
    await work.write(snapshot);
    return await work.finish({
      takenAt,
      isOneMoment: snapshot.isConsistent,
      schemas: { postgres: await postgres.schemaVersion(), clickhouse: await clickhouseSchemaVersion(clickhouse) },
    });
  } finally {
    await postgres.close();
    if (snapshot !== undefined) await dropSnapshot(clickhouse, snapshot.database);
  }
}

class ExportFolder {
  readonly #task: ExportTask;
  readonly #rows: TenantRows;
  readonly #postgres: PostgresSnapshot;
  readonly #files: ArchivedFile[] = [];
  readonly #tables: ArchivedTable[] = [];
  readonly #leftOut: Omission[] = [];
  #progress: JobProgress = NO_PROGRESS;

  constructor(task: ExportTask, rows: TenantRows, postgres: PostgresSnapshot) {
    this.#task = task;
    this.#rows = rows;
    this.#postgres = postgres;
  }

  async write(snapshot: Snapshot): Promise<void> {
    const { sections } = this.#task.question;
    const ofClickHouse = snapshot.tables.filter(({ table }) => sections.includes(sectionOf(table)));
    const ofPostgres = sections.includes('account') ? this.#postgres.tables : [];
    this.#progress = { ...this.#progress, tables: ofClickHouse.length + ofPostgres.length };
    await this.#assertRoom(ofClickHouse);
    for (const table of ofClickHouse) {
      await this.#at(table.table);
      if (this.#task.question.format === 'archive') await this.#archiveTable(table);
      else await this.#readableTable(table);
      this.#done();
    }
    for (const table of ofPostgres) {
      await this.#at(table.table);
      await this.#accountTable(table);
      this.#done();
    }
  }

  /** The manifest comes last: a folder with one is whole. */
  async finish(made: {
    readonly takenAt: number;
    readonly isOneMoment: boolean;
    readonly schemas: Manifest['schemas'];
  }): Promise<JobProgress> {
    const { tenantId, format, audience, sections, window } = this.#task.question;
    const manifest: Manifest = {
      ...{ kind: MANIFEST_KIND, version: MANIFEST_VERSION, tenantry: VERSION, schemas: made.schemas },
      ...{ tenant_id: tenantId, format, audience, sections: EXPORT_SECTIONS.filter((one) => sections.includes(one)) },
      taken_at: new Date(made.takenAt).toISOString(),
      from: window === undefined ? null : new Date(window.from).toISOString(),
      to: window === undefined ? null : new Date(window.to).toISOString(),
      one_moment: made.isOneMoment,
      ...{ files: this.#files, tables: this.#tables, left_out: this.#leftOut },
    };
    const path = join(this.#task.folder, MANIFEST_NAME);
    await writeFile(`${path}.part`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(`${path}.part`, path);
    this.#progress = { ...this.#progress, table: null };
    return this.#progress;
  }

  /** Lossless, in pieces that come back one insert each. */
  async #archiveTable(table: ArchiveTable): Promise<void> {
    const chunks = await this.#rows.chunks(table, ROWS_A_FILE);
    let rows = 0;
    for (const [index, chunk] of chunks.entries()) {
      const name = `clickhouse/${table.table}/${String(index + 1).padStart(6, '0')}.native`;
      const path = await this.#pathOf(name);
      await this.#rows.write(this.#rows.archiveSelect(table, chunk, path));
      await this.#keep('clickhouse', table.table, name, chunk.rows);
      rows += chunk.rows;
      await this.#at(table.table);
    }
    const fingerprint = await this.#rows.fingerprint(table);
    this.#tables.push({ ...{ store: 'clickhouse', table: table.table, columns: table.columns }, rows, fingerprint });
  }

  async #readableTable(table: ArchiveTable): Promise<void> {
    const { format, audience, window } = this.#task.question;
    const columns = visibleColumns('clickhouse', table.table, table.columns, audience);
    this.#noteHidden('clickhouse', table.table, table.columns, columns);
    if (format === 'archive' || columns.length === 0) return;
    const rows = await this.#rows.count(table, window);
    this.#tables.push({ store: 'clickhouse', table: table.table, columns, rows });
    if (rows === 0) return;
    const name = `${sectionOf(table.table)}/${table.table}.${READABLE_EXTENSIONS[format]}`;
    const path = await this.#pathOf(name);
    await this.#rows.write(this.#rows.readableSelect(table, { ...readableSelect(columns, format), window, path }));
    await this.#keep('clickhouse', table.table, name, rows);
  }

  async #accountTable(table: PostgresSnapshot['tables'][number]): Promise<void> {
    const { format, audience, tenantId } = this.#task.question;
    const terms = termsOf('postgres', table.table);
    const isArchive = format === 'archive';
    const stored = table.columns.filter(({ generated }) => generated !== 'stored');
    const visible = visibleColumns('postgres', table.table, isArchive ? stored : table.columns, audience);
    const isKept = terms !== undefined && !(isArchive && terms.notArchived !== undefined);
    this.#noteHidden('postgres', table.table, table.columns, isKept ? visible : []);
    if (!isKept || visible.length === 0) return;
    const columns = visible.map(({ name, type }) => ({ name, type }));
    const batches = this.#postgres.rows(tenantId, {
      ...{ table, columns: columns.map(({ name }) => name), readable: !isArchive },
      condition: isArchive ? terms.archivedRows : undefined,
    });
    const folder = isArchive ? 'postgres' : 'account';
    const name = `${folder}/${table.table}.${isArchive ? 'jsonl' : READABLE_EXTENSIONS[format]}`;
    const path = await this.#pathOf(name);
    const rows = isArchive ? await writeLines(path, batches) : await writeReadable(path, format, columns, batches);
    this.#tables.push({ store: 'postgres', table: table.table, columns, rows });
    if (rows === 0) await rm(path);
    else await this.#keep('postgres', table.table, name, rows);
  }

  /** Says what is not in it, so that nobody takes the export for more than it is. */
  #noteHidden(
    store: ArchivedStore,
    table: string,
    all: readonly { readonly name: string }[],
    shown: readonly { readonly name: string }[],
  ): void {
    const { audience, format } = this.#task.question;
    const terms = termsOf(store, table);
    if (format === 'archive' && terms?.notArchived !== undefined) {
      this.#leftOut.push({ table, reason: `It ${terms.notArchived}.` });
      return;
    }
    const hidden = all.filter((column) => !shown.some(({ name }) => name === column.name)).map(({ name }) => name);
    const secret = new Set((terms?.secret ?? '').split(' '));
    const secrets = hidden.filter((name) => secret.has(name));
    if (secrets.length > 0)
      this.#leftOut.push({ table, columns: secrets, reason: 'Secrets leave the house in no export.' });
    // Names of columns that are the operator's are the operator's too.
    if (terms === undefined && audience === 'operator') {
      this.#leftOut.push({ table, reason: 'This version does not say whose it is.' });
    }
  }

  async #pathOf(name: string): Promise<string> {
    const path = join(this.#task.folder, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  }

  async #keep(store: ArchivedStore, table: string, name: string, rows: number): Promise<void> {
    const path = join(this.#task.folder, name);
    const { size: bytes } = await stat(path);
    this.#files.push({ ...{ path: name, store, table, rows, bytes }, sha256: await sha256Of(path) });
    this.#progress = { ...this.#progress, rows: this.#progress.rows + rows, bytes: this.#progress.bytes + bytes };
  }

  async #at(table: string): Promise<void> {
    this.#progress = { ...this.#progress, table };
    if (!(await this.#task.onProgress(this.#progress))) throw new ExportCancelled();
    await assertFree(this.#task.folder, 0);
  }

  #done(): void {
    this.#progress = { ...this.#progress, tablesDone: this.#progress.tablesDone + 1 };
  }

  /** Before anything is written: an export that fills the disk would stop telemetry. */
  async #assertRoom(tables: readonly ArchiveTable[]): Promise<void> {
    let bytes = 0;
    for (const table of tables) bytes += await this.#rows.bytes(table);
    const factor = this.#task.question.format === 'archive' ? 1 : TEXT_FACTOR;
    await assertFree(this.#task.folder, bytes * factor);
  }
}

/** @throws TenantryError CONFLICT */
async function assertFree(folder: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const reserved = Math.min(blocks * bsize * RESERVED_SHARE, RESERVED_AT_MOST);
  const free = bavail * bsize - reserved;
  if (free >= bytes && free > 0) return;
  const mb = (value: number) => `${Math.ceil(Math.max(0, value) / 1024 ** 2)} MB`;
  throw new TenantryError(
    'CONFLICT',
    `There is not enough room: about ${mb(bytes)} are needed, ${mb(free)} can be used.`,
    {
      hint: 'Free space in the data directory, or export a shorter time or fewer sections.',
    },
  );
}

/** Hex; piece by piece. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
