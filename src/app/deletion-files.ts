/** What of a tenant lies in files of the data directory, outside both stores. */
import { open, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { namesTenant } from '../domain/deletion-mentions.ts';
import { SEGMENT_NAME_PATTERN, SPOOL_FOLDERS } from '../domain/spool-format.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';
import { ERASER } from '../store/postgres/deletion-jobs.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { ArchiveFolders } from './tenant-archive-folders.ts';

const CHUNK_BYTES = 1024 ** 2;
const MOST_QUARANTINED = 100_000;

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** Segments that were opened until then (Unix ms) and are not in the store yet: what was acknowledged is loaded first. */
export async function segmentsUntil(spoolFolder: string, until: number): Promise<number> {
  const folders = [SPOOL_FOLDERS.open, SPOOL_FOLDERS.sealed].map((name) => namesIn(join(spoolFolder, name)));
  const names = (await Promise.all(folders)).flat();
  return names.filter((name) => SEGMENT_NAME_PATTERN.test(name) && Number(name.slice(0, 13)) <= until).length;
}

/**
 * Drops what the store refused and that names the tenant. A request is dropped whole, as nothing can take it apart.
 * @returns how many
 */
export async function dropQuarantined(
  quarantine: QuarantineFolder,
  spoolFolder: string,
  tenantId: TenantId,
): Promise<number> {
  const { items } = await quarantine.list(MOST_QUARANTINED);
  const folder = join(spoolFolder, SPOOL_FOLDERS.quarantine);
  let dropped = 0;
  for (const { id, kind } of items) {
    const bytes = await readFile(join(folder, kind === 'corrupt' ? id : `${id}.otlp`)).catch(() => Buffer.alloc(0));
    if (namesTenant(bytes.toString('latin1'), tenantId) && (await quarantine.drop(id))) dropped += 1;
  }
  return dropped;
}

/** Removes the files of the tenant's exports and restores that lie on this server. @returns how many of them there were */
export async function dropExports(postgres: Postgres, folders: ArchiveFolders, tenantId: TenantId): Promise<number> {
  const made = await postgres.inStaffTransaction(ERASER, (transaction) =>
    transaction.query<{ id: string; isExport: boolean }>(
      `select export_id::text as id, true as "isExport" from tenantry.tenant_exports where tenant_id = $1
       union all select restore_id::text, false from tenantry.tenant_restores where tenant_id = $1`,
      [tenantId],
    ),
  );
  for (const { id, isExport } of made) await folders.remove(isExport ? folders.ofExport(id) : folders.ofRestore(id));
  return made.length;
}

/** Whether ids of other tenants contain this one. */
export async function isPartOfOthers(postgres: Postgres, tenantId: TenantId): Promise<boolean> {
  const found = await postgres.inStaffTransaction(ERASER, (transaction) =>
    transaction.query('select from tenantry.tenants where strpos(tenant_id, $1) > 0 and tenant_id <> $1 limit 1', [
      tenantId,
    ]),
  );
  return found.length > 0;
}

export interface FileSearch {
  /** Relative to the folder. */
  readonly found: readonly string[];
  readonly searched: number;
  /** Not readable, or not reached in time. */
  readonly skipped: number;
}

export interface FileSearchOptions {
  /** Unix ms after which no further file is opened. */
  readonly until: number;
  /**
   * Other tenants' ids contain this one, so that it counts only where it stands by itself. In a file that is no text that
   * may be missed: what stands beside it there may look like a letter.
   */
  readonly wholeWords: boolean;
}

/**
 * Files under `folder` that have the id among their bytes. What is compressed (tables of the analytics store) hides it: of
 * those files this proves that no name, path or note has it, and the proofs by question tell of the rest.
 */
export async function searchFiles(
  folder: string,
  tenantId: TenantId,
  { until, wholeWords }: FileSearchOptions,
): Promise<FileSearch> {
  const found: string[] = [];
  let [searched, skipped] = [0, 0];
  for (const path of await filesUnder(folder)) {
    if (Date.now() > until) {
      skipped += 1;
      continue;
    }
    const has = await fileNames(path, tenantId, wholeWords).catch(() => undefined);
    if (has === undefined) skipped += 1;
    else searched += 1;
    if (has === true || namesTenant(relative(folder, path), tenantId)) found.push(relative(folder, path));
  }
  return { found: found.toSorted(), searched, skipped };
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesUnder(path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

/** Pieces overlap by more than an id is long, so that one across their border is seen. */
async function fileNames(path: string, tenantId: TenantId, wholeWords: boolean): Promise<boolean> {
  const overlap = tenantId.length + 2;
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(CHUNK_BYTES + overlap);
    let kept = 0;
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(bytes, kept, CHUNK_BYTES, at);
      if (bytesRead === 0) return false;
      const piece = bytes.subarray(0, kept + bytesRead);
      // The quick look first: a search for bytes costs a tenth of making text of them.
      if (piece.includes(tenantId) && (!wholeWords || namesTenant(piece.toString('latin1'), tenantId))) return true;
      at += bytesRead;
      const from = Math.max(0, piece.length - overlap);
      kept = piece.copy(bytes, 0, from);
    }
  } finally {
    await file.close();
  }
}
