/** Whether an unpacked archive is whole, and has nothing but what can be restored here. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TenantryError } from '../domain/errors.ts';
import { MANIFEST_NAME, type Manifest, parseManifest } from '../domain/tenant-archive-manifest.ts';
import type { ArchiveTable } from '../store/clickhouse/tenant-archive.ts';
import type { PostgresTenantTable } from '../store/postgres/tenant-data.ts';
import { termsOf } from './tenant-archive-values.ts';
import { sha256Of } from './tenant-archive-write.ts';

/** The manifest of an unpacked archive. @throws TenantryError BAD_REQUEST */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, MANIFEST_NAME), 'utf8').catch((cause: unknown) => {
    throw new TenantryError('BAD_REQUEST', `There is no ${MANIFEST_NAME} in the archive.`, {
      hint: 'An export that was cut off has none: make it again.',
      cause,
    });
  });
  return parseManifest(text);
}

/** @throws TenantryError BAD_REQUEST when a file is missing, or is not what the manifest says */
export async function assertFiles(folder: string, { files, tables }: Manifest): Promise<void> {
  const refuse = (path: string, what: string) =>
    new TenantryError('BAD_REQUEST', `The archive is damaged: ${path} ${what}.`, {
      hint: 'Nothing was restored. Fetch the archive again, or make another one.',
    });
  for (const { path, bytes, sha256 } of files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (found === undefined) throw refuse(path, 'is missing');
    if (found.size !== bytes || (await sha256Of(join(folder, path))) !== sha256) {
      throw refuse(path, 'is not what the manifest says');
    }
  }
  for (const { store, table, rows } of tables) {
    const own = files.filter((file) => file.store === store && file.table === table);
    if (own.reduce((sum, file) => sum + file.rows, 0) !== rows)
      throw refuse(MANIFEST_NAME, `does not add up for ${table}`);
  }
}

/** A table or column that is not here would be lost without a word. @throws TenantryError SCHEMA_MISMATCH */
export function assertColumns(
  manifest: Manifest,
  clickhouse: readonly ArchiveTable[],
  postgres: readonly PostgresTenantTable[],
): void {
  for (const { store, table, columns } of manifest.tables) {
    const here = (store === 'clickhouse' ? clickhouse : postgres).find((one) => one.table === table);
    const missing = columns.find(({ name }) => !here?.columns.some((column) => column.name === name));
    const isForeign = termsOf(store, table)?.notArchived !== undefined;
    if (here === undefined || missing !== undefined || isForeign) {
      throw new TenantryError(
        'SCHEMA_MISMATCH',
        `The archive has ${table}${missing === undefined ? '' : `.${missing.name}`}, which is not restored here.`,
        {
          hint: 'Nothing was restored. Restore it into the version that made it.',
        },
      );
    }
  }
}
