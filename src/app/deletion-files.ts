/** What of a tenant lies in files of the data directory, outside both stores. */
import { open, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { namesTenant } from '../domain/deletion-mentions.ts';
import { SEGMENT_NAME_PATTERN, SPOOL_FOLDERS } from '../domain/spool-format.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';

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

export interface FileSearch {
  /** Relative to the folder. */
  readonly found: readonly string[];
  readonly searched: number;
  /** Not readable, or not reached in time. */
  readonly skipped: number;
}

/**
 * Files under `folder` that have the id as a word of its own among their bytes. What is compressed (tables of the
 * analytics store) hides it: of those files this proves that no name, path or note has it, and the proofs by question
 * tell of the rest.
 * @param until Unix ms after which no further file is opened
 */
export async function searchFiles(folder: string, tenantId: TenantId, until: number): Promise<FileSearch> {
  const found: string[] = [];
  let [searched, skipped] = [0, 0];
  for (const path of await filesUnder(folder)) {
    if (Date.now() > until) {
      skipped += 1;
      continue;
    }
    const has = await fileNames(path, tenantId).catch(() => undefined);
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
async function fileNames(path: string, tenantId: TenantId): Promise<boolean> {
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
      if (piece.includes(tenantId) && namesTenant(piece.toString('latin1'), tenantId)) return true;
      at += bytesRead;
      const from = Math.max(0, piece.length - overlap);
      kept = piece.copy(bytes, 0, from);
    }
  } finally {
    await file.close();
  }
}
