/**
 * Brings one tenant back out of an archive, beside everybody else. In an order in which it can be killed anywhere and
 * go on: check everything; empty the place, if that was asked for; PostgreSQL in one transaction, which also keeps that
 * it is done; then file by file into ClickHouse, each under a token of this restore, so that the one that was under way
 * when the server died is known and not taken twice. Then what is there is compared with what the archive says.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { JobProgress, RestoredTable, RestoreReport, TenantRestore } from '../domain/tenant-archive.ts';
import {
  type ArchivedFile,
  type ArchivedTable,
  assertRestorable,
  type Manifest,
} from '../domain/tenant-archive-manifest.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { type ClickHouse, DATABASE } from '../store/clickhouse/clickhouse.ts';
import { quoted } from '../store/clickhouse/sql-text.ts';
import {
  type ArchiveTable,
  archiveTables,
  clickhouseSchemaVersion,
  TenantRows,
} from '../store/clickhouse/tenant-archive.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { nextRevision } from '../store/postgres/revisions.ts';
import { postgresSchemaVersion, RowRestore } from '../store/postgres/tenant-archive-restore.ts';
import { steppedIn } from '../store/postgres/tenant-archive-restores.ts';
import { type PostgresTenantTable, tenantDataTables } from '../store/postgres/tenant-data.ts';
import { assertColumns, assertFiles, readManifest } from './tenant-archive-check.ts';
import { termsOf } from './tenant-archive-values.ts';

export interface RestoreSources {
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  /** Deletes what a table of ClickHouse has of the tenant, and waits for it. */
  readonly erase: (tenantId: TenantId, table: string) => Promise<void>;
  readonly wasDeleted: (tenantId: TenantId) => Promise<boolean>;
}

export interface RestoreTask {
  readonly job: TenantRestore & { readonly steps: readonly string[] };
  /** Of the unpacked archive. */
  readonly folder: string;
  /** Keeps that a step is done; false: it is not to go on. */
  readonly onStep: (step: string, progress: JobProgress) => Promise<boolean>;
}

const RESTORER: StaffActor = { kind: 'system', subject: 'tenant-restores' };
const ROWS_AT_ONCE = 500;

/** Somebody ended it. */
export class RestoreEnded extends Error {}

/**
 * @throws TenantryError BAD_REQUEST for what is no whole archive, SCHEMA_TOO_NEW, CONFLICT when there is something of the
 * tenant or it was deleted and the question does not allow that
 */
export async function runRestore(sources: RestoreSources, task: RestoreTask): Promise<RestoreReport> {
  const manifest = await readManifest(task.folder);
  const schemas = {
    postgres: await sources.postgres.inStaffTransaction(RESTORER, postgresSchemaVersion),
    clickhouse: await clickhouseSchemaVersion(sources.clickhouse),
  };
  assertRestorable(manifest, schemas);
  await assertFiles(task.folder, manifest);
  const tables = await archiveTables(sources.clickhouse);
  const rowTables = await sources.postgres.inStaffTransaction(RESTORER, tenantDataTables);
  assertColumns(manifest, tables, rowTables);
  return new TenantReturn(sources, task, manifest, tables, rowTables).run();
}

class TenantReturn {
  readonly #sources: RestoreSources;
  readonly #task: RestoreTask;
  readonly #manifest: Manifest;
  readonly #tables: readonly ArchiveTable[];
  readonly #rowTables: readonly PostgresTenantTable[];
  readonly #tenant: TenantId;
  readonly #isCopy: boolean;
  readonly #rows: TenantRows;
  readonly #notes: string[] = [];
  readonly #startedAt = Date.now();

  constructor(
    sources: RestoreSources,
    task: RestoreTask,
    manifest: Manifest,
    tables: readonly ArchiveTable[],
    rowTables: readonly PostgresTenantTable[],
  ) {
    this.#sources = sources;
    this.#task = task;
    this.#manifest = manifest;
    this.#tables = tables;
    // Only what a restore may write; what an archive cannot hold is not emptied either.
    this.#rowTables = rowTables.filter(({ table }) => {
      const terms = termsOf('postgres', table);
      return terms !== undefined && terms.notArchived === undefined;
    });
    this.#tenant = task.job.tenantId;
    this.#isCopy = this.#tenant !== manifest.tenant_id;
    this.#rows = new TenantRows(sources.clickhouse, DATABASE, this.#tenant, task.folder);
  }

  async run(): Promise<RestoreReport> {
    const { job } = this.#task;
    if (!this.#has('cleared')) {
      await this.#assertMayReturn();
      if (!job.question.dryRun) await this.#clear();
    }
    if (job.question.dryRun) return this.#report(this.#manifest.tables.map((table) => this.#asArchived(table)));
    if (!this.#has('rows')) await this.#restoreRows();
    await this.#restoreFiles();
    return this.#report(await this.#compare());
  }

  #has(step: string): boolean {
    return this.#task.job.steps.includes(step);
  }

  async #step(step: string, done: number, rows: number, table: string | null): Promise<void> {
    if (!(await this.#task.onStep(step, this.#progress(done, rows, table)))) throw new RestoreEnded();
  }

  #progress(done: number, rows: number, table: string | null): JobProgress {
    const { files } = this.#manifest;
    return { tablesDone: done, tables: files.length, rows, bytes: 0, table };
  }

  async #assertMayReturn(): Promise<void> {
    const { replace, deletedToo } = this.#task.job.question;
    if (!deletedToo && (await this.#sources.wasDeleted(this.#tenant))) {
      throw new TenantryError('CONFLICT', 'This tenant was deleted, and its deletion certified.', {
        hint: 'Bring it back only if that is lawful: ask again with --deleted-too.',
      });
    }
    const occupied = await this.#occupied();
    if (occupied.length === 0 || replace) return;
    throw new TenantryError(
      'CONFLICT',
      `There is something of this tenant already: ${occupied.slice(0, 5).join(', ')}.`,
      {
        hint: 'Restore it under another id (--as), or in place of what is there (--replace), which is deleted then.',
      },
    );
  }

  async #occupied(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const table of this.#tables) if (!(await this.#rows.isEmpty(table))) found.push(table.table);
    const rows = await this.#sources.postgres.inStaffTransaction(RESTORER, async (transaction) =>
      (await RowRestore.into(transaction, this.#target)).occupied(this.#rowTables),
    );
    return [...found, ...rows];
  }

  get #target() {
    return { tenant: this.#tenant, isCopy: this.#isCopy };
  }

  async #clear(): Promise<void> {
    for (const table of this.#tables) {
      if (!(await this.#rows.isEmpty(table))) await this.#sources.erase(this.#tenant, table.table);
    }
    await this.#step('cleared', 0, 0, null);
  }

  async #restoreRows(): Promise<void> {
    const { job, folder } = this.#task;
    const progress = this.#progress(0, 0, 'postgres');
    await this.#sources.postgres.inStaffTransaction(RESTORER, async (transaction) => {
      // Caches of prices, flags and keys are told first: their rows' locks are taken in the same order everywhere.
      for (const stream of ['flags', 'keys', 'prices'] as const) await nextRevision(transaction, stream);
      const restore = await RowRestore.into(transaction, this.#target);
      if (job.question.replace) await restore.clear(this.#rowTables);
      for (const table of this.#rowTables) {
        const archived = this.#archived('postgres', table.table);
        if (archived === undefined || this.#isOnlyOnce(table)) continue;
        const columns = archived.columns.map(({ name }) => name);
        for (const file of this.#filesOf(archived)) {
          for await (const lines of linesOf(join(folder, file.path))) await restore.insert(table, columns, lines);
        }
      }
      if (!(await steppedIn(transaction, job.id, 'rows', progress))) throw new RestoreEnded();
      await transaction.audit({
        ...{ action: 'tenant-restore.rows', resource: `tenant-restore/${job.id}`, tenantId: this.#tenant },
        after: { archived_tenant: this.#manifest.tenant_id, archived_at: this.#manifest.taken_at },
      });
    });
  }

  /** Ids of other systems, which stand for one tenant and cannot be made up anew: a copy does without. */
  #isOnlyOnce({ primaryKey, columns }: PostgresTenantTable): boolean {
    const isFree =
      primaryKey.includes('tenant_id') ||
      primaryKey.every((name) => columns.find((one) => one.name === name)?.type === 'uuid');
    return this.#isCopy && !isFree;
  }

  async #restoreFiles(): Promise<void> {
    const { job, folder } = this.#task;
    const files = this.#manifest.files.filter(({ store }) => store === 'clickhouse');
    let rows = 0;
    for (const [index, { path, table, rows: inFile }] of files.entries()) {
      const step = `file ${index + 1}`;
      rows += inFile;
      if (this.#has(step)) continue;
      const columns = (this.#archived('clickhouse', table)?.columns ?? []).map(({ name }) => name);
      await this.#sources.clickhouse.restoreFile({
        ...{ table, columns, path: join(folder, path), token: `restore-${job.id}-${index + 1}` },
        ...(this.#isCopy ? { replacing: { TenantId: quoted(this.#tenant) } } : {}),
      });
      await this.#step(step, index + 1, rows, table);
    }
  }

  async #compare(): Promise<readonly RestoredTable[]> {
    const compared: RestoredTable[] = [];
    for (const table of this.#tables) {
      const archived = this.#archived('clickhouse', table.table);
      if (archived === undefined) continue;
      const found = await this.#rows.fingerprint(table);
      const was = archived.fingerprint;
      const matches = was !== undefined && was.rows === found.rows && was.hash === found.hash;
      compared.push({
        ...{ table: table.table, archived: was?.rows ?? archived.rows, restored: found.rows },
        leftOut: 0,
        matches,
      });
    }
    await this.#sources.postgres.inStaffTransaction(RESTORER, async (transaction) => {
      const restore = await RowRestore.into(transaction, this.#target);
      for (const table of this.#rowTables) {
        const archived = this.#archived('postgres', table.table);
        if (archived === undefined) continue;
        const restored = await restore.count(table);
        const leftOut = Math.max(0, archived.rows - restored);
        compared.push({
          table: table.table,
          archived: archived.rows,
          restored,
          leftOut,
          matches: restored === archived.rows,
        });
        if (leftOut > 0) this.#notes.push(this.#whyLeftOut(table, leftOut));
      }
    });
    const differing = compared.filter(({ matches, leftOut }) => matches === false && leftOut === 0);
    if (differing.length > 0) this.#notes.push(...(await this.#whyDifferent(differing)));
    return compared;
  }

  #whyLeftOut(table: PostgresTenantTable, rows: number): string {
    if (this.#isOnlyOnce(table)) return `${table.table}: ${rows} rows belong to the original and are not in a copy.`;
    return `${table.table}: ${rows} rows refer to ${table.references.otherTables.join(', ')} of another system and are left out.`;
  }

  /** Telemetry does not stand still for a restore: what has come since is no fault of it. */
  async #whyDifferent(differing: readonly RestoredTable[]): Promise<readonly string[]> {
    const names = differing.map(({ table }) => table).join(', ');
    const spans = this.#tables.find(({ table }) => table === 'spans');
    const hasNews = spans !== undefined && (await this.#rows.receivedSince(spans, this.#startedAt));
    if (hasNews) return [`Telemetry of this tenant arrived meanwhile, so ${names} have more than the archive.`];
    return [`${names} are not what the archive says. Retention may have taken what is older than it keeps.`];
  }

  #archived(store: ArchivedTable['store'], table: string): ArchivedTable | undefined {
    return this.#manifest.tables.find((one) => one.store === store && one.table === table);
  }

  #filesOf({ store, table }: ArchivedTable): readonly ArchivedFile[] {
    return this.#manifest.files.filter((file) => file.store === store && file.table === table);
  }

  #asArchived({ table, rows, fingerprint }: ArchivedTable): RestoredTable {
    return { table, archived: fingerprint?.rows ?? rows, restored: 0, leftOut: 0, matches: null };
  }

  #report(tables: readonly RestoredTable[]): RestoreReport {
    const { taken_at: takenAt, left_out: leftOut } = this.#manifest;
    const without = leftOut
      .filter(({ columns }) => columns === undefined)
      .map(({ table, reason }) => `${table}: ${reason}`);
    return { tenantId: this.#tenant, archivedAt: Date.parse(takenAt), tables, notes: [...this.#notes, ...without] };
  }
}

/** Some lines at a time, however large the file. */
async function* linesOf(path: string): AsyncGenerator<string[]> {
  let lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    lines.push(line);
    if (lines.length === ROWS_AT_ONCE) {
      yield lines;
      lines = [];
    }
  }
  if (lines.length > 0) yield lines;
}
