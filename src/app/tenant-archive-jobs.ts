/** Makes the exports and restores that people ask for, one of each at a time, and lets old files go. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { TenantryError, toError } from '../domain/errors.ts';
import type { JobProgress, RestoreQuestion } from '../domain/tenant-archive.ts';
import { HOUR_MS } from '../domain/window.ts';
import { dropOldSnapshots } from '../store/clickhouse/tenant-archive.ts';
import type { ExportStore } from '../store/postgres/tenant-archive-exports.ts';
import type { RestoreStore } from '../store/postgres/tenant-archive-restores.ts';
import type { ArchiveFolders } from './tenant-archive-folders.ts';
import { RestoreEnded, type RestoreSources, runRestore } from './tenant-archive-restore.ts';
import { ExportCancelled, type ExportSources, writeExport } from './tenant-archive-write.ts';

export interface ArchiveJobsOptions {
  readonly exports: ExportStore;
  readonly restores: RestoreStore;
  readonly folders: ArchiveFolders;
  readonly exportSources: ExportSources;
  readonly restoreSources: RestoreSources;
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
}

/** Archives that were laid down to be restored, and were not within this time. */
const FORGOTTEN_MS = 24 * HOUR_MS;

export class ArchiveJobs {
  readonly #options: ArchiveJobsOptions;
  #exporting: string | undefined;
  #isPrepared = false;
  #isStopped = false;

  constructor(options: ArchiveJobsOptions) {
    this.#options = options;
  }

  /** No further job is begun, and those under way end at their next table; the next start goes on with them. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Makes the next export to its end, if there is one. */
  async exportNext(): Promise<void> {
    const { exports, exportSources, folders, log, now } = this.#options;
    if (this.#isStopped) return;
    if (!this.#isPrepared) await dropOldSnapshots(exportSources.clickhouse);
    this.#isPrepared = true;
    const job = await exports.take();
    if (job === undefined) return;
    const { id, question } = job;
    const folder = folders.ofExport(id);
    this.#exporting = id;
    try {
      const onProgress = async (progress: JobProgress) => !this.#isStopped && (await exports.beat(id, progress));
      const progress = await writeExport(exportSources, { id, question, folder, onProgress, now });
      if (!(await exports.end(id, { progress }))) await folders.remove(folder);
    } catch (thrown) {
      await folders.remove(folder);
      // A server that stops says nothing: it begins anew when it is there again.
      if (thrown instanceof ExportCancelled) return;
      log.error({ err: toError(thrown), export: id }, 'an export of a tenant failed');
      await exports.end(id, { error: wordsFor(thrown) });
    } finally {
      this.#exporting = undefined;
    }
  }

  /** Runs the next restore to its end, if there is one. */
  async restoreNext(): Promise<void> {
    const { restores, restoreSources, log } = this.#options;
    if (this.#isStopped) return;
    const job = await restores.take();
    if (job === undefined) return;
    try {
      const onStep = async (step: string, progress: JobProgress) =>
        (await restores.stepped(job.id, step, progress)) && !this.#isStopped;
      const report = await runRestore(restoreSources, { job, folder: this.folderOf(job.question), onStep });
      await restores.end(job.id, { report });
    } catch (thrown) {
      if (thrown instanceof RestoreEnded) return;
      if (isPassing(thrown)) {
        log.warn({ err: toError(thrown), restore: job.id }, 'a restore of a tenant waits for a store');
        return;
      }
      log.error({ err: toError(thrown), restore: job.id }, 'a restore of a tenant failed');
      await restores.end(job.id, { error: wordsFor(thrown) });
    }
    const { source } = job.question;
    if ('folder' in source && !job.question.dryRun) await this.#options.folders.remove(this.folderOf(job.question));
  }

  folderOf({ source }: Pick<RestoreQuestion, 'source'>): string {
    const { folders } = this.#options;
    return 'folder' in source ? folders.ofRestore(source.folder) : folders.ofExport(source.exportId);
  }

  /** Files go with the record of their export: when it expires, is cancelled, or its tenant is deleted. */
  async sweep(): Promise<void> {
    const { exports, restores, folders, now } = this.#options;
    const kept = await exports.sweep();
    for (const id of await foldersIn(folders.exports)) {
      if (!kept.has(id) && id !== this.#exporting) await folders.remove(folders.ofExport(id));
    }
    const needed = await restores.foldersInUse();
    for (const id of await foldersIn(folders.restores)) {
      const { mtimeMs } = await stat(join(folders.restores, id));
      if (!needed.has(id) && mtimeMs < now() - FORGOTTEN_MS) await folders.remove(folders.ofRestore(id));
    }
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** For people: what Tenantry says itself; of anything else the log has the words. */
function wordsFor(thrown: unknown): string {
  if (!(thrown instanceof TenantryError) || thrown.code === 'INTERNAL') {
    return 'It could not be done; the log of the server says why.';
  }
  return thrown.hint === undefined ? thrown.message : `${thrown.message} ${thrown.hint}`;
}

/** A store that cannot be reached now is tried again; nothing is taken twice. */
function isPassing(thrown: unknown): boolean {
  return thrown instanceof TenantryError && thrown.code === 'STORE_UNAVAILABLE';
}
