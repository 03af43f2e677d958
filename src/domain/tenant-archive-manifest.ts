/** `manifest.json` of an export: what is in which file, and how one can tell that it is all there. */
import { TenantryError } from './errors.ts';
import { EXPORT_FORMATS, type ExportAudience, type ExportFormat, type ExportSection } from './tenant-archive.ts';
import { parseTenantId, type TenantId } from './tenant-id.ts';

export const MANIFEST_NAME = 'manifest.json';
export const MANIFEST_KIND = 'tenantry-tenant-export';
/** Of the layout. A version that does not know it refuses it. */
export const MANIFEST_VERSION = 1;

export type ArchivedStore = 'clickhouse' | 'postgres';

export interface ArchivedFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly store: ArchivedStore;
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface ArchivedTable {
  readonly store: ArchivedStore;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** In its files. */
  readonly rows: number;
  /** Of ClickHouse's tables in an archive: rows as they are counted, and the sum of their hashes. */
  readonly fingerprint?: { readonly rows: number; readonly hash: string };
}

export interface Omission {
  readonly table: string;
  /** Absent: the table as a whole. */
  readonly columns?: readonly string[];
  readonly reason: string;
}

export interface Manifest {
  readonly kind: typeof MANIFEST_KIND;
  readonly version: number;
  /** Of Tenantry. */
  readonly tenantry: string;
  /** Numbers of the newest migrations. */
  readonly schemas: { readonly postgres: number; readonly clickhouse: number };
  readonly tenant_id: TenantId;
  readonly format: ExportFormat;
  readonly audience: ExportAudience;
  readonly sections: readonly ExportSection[];
  /** RFC 3339: what was stored by then is in it. */
  readonly taken_at: string;
  /** Of telemetry and usage; null: no bound. */
  readonly from: string | null;
  readonly to: string | null;
  /** False: the tables were read one after the other, and what arrived meanwhile may be in some of them only. */
  readonly one_moment: boolean;
  readonly files: readonly ArchivedFile[];
  readonly tables: readonly ArchivedTable[];
  readonly left_out: readonly Omission[];
}

const PATH = /^(?:[a-z0-9_]+\/)*[a-z0-9_]+(?:\.[a-z0-9]+)+$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** A path that stays in its folder: nothing of it begins with a dot or a slash. */
export function isArchivePath(path: unknown): path is string {
  return typeof path === 'string' && path.length <= 100 && PATH.test(path);
}

function refused(detail: string): TenantryError {
  return new TenantryError('BAD_REQUEST', `This is no archive that can be restored: ${detail}`, {
    hint: 'Make one with `tenantry export-tenant <tenant> --format archive`, and keep it as it came.',
  });
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isName = (value: unknown): value is string => typeof value === 'string' && NAME.test(value);
const isStore = (value: unknown) => value === 'clickhouse' || value === 'postgres';

function isFile(file: unknown): boolean {
  if (!isFields(file)) return false;
  const { path, store, table, rows, bytes, sha256 } = file;
  const isHash = typeof sha256 === 'string' && SHA256.test(sha256);
  return isArchivePath(path) && isStore(store) && isName(table) && isCount(rows) && isCount(bytes) && isHash;
}

function isTable(one: unknown): boolean {
  if (!isFields(one)) return false;
  const { store, table, columns, rows, fingerprint } = one;
  const isColumn = (column: unknown) =>
    isFields(column) && isName(column['name']) && typeof column['type'] === 'string';
  const isPrint =
    fingerprint === undefined ||
    (isFields(fingerprint) && isCount(fingerprint['rows']) && /^\d{1,20}$/.test(String(fingerprint['hash'])));
  return (
    isStore(store) && isName(table) && Array.isArray(columns) && columns.every(isColumn) && isCount(rows) && isPrint
  );
}

/**
 * The manifest in a text that may come from anywhere: every name in it is one that can stand in a path or a statement.
 * @throws TenantryError BAD_REQUEST when it is not one, or of a layout that this version does not know
 */
export function parseManifest(text: string): Manifest {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw refused(`${MANIFEST_NAME} is not JSON.`);
  }
  if (!isFields(found) || found['kind'] !== MANIFEST_KIND) throw refused(`${MANIFEST_NAME} is of something else.`);
  if (found['version'] !== MANIFEST_VERSION) {
    throw refused(
      `it has version ${String(found['version']).slice(0, 20)} of the layout, this Tenantry knows ${MANIFEST_VERSION}.`,
    );
  }
  const { files, tables, schemas } = found;
  if (!Array.isArray(files) || !files.every(isFile)) throw refused('its list of files is damaged.');
  if (!Array.isArray(tables) || !tables.every(isTable)) throw refused('its list of tables is damaged.');
  if (!isFields(schemas) || !isCount(schemas['postgres']) || !isCount(schemas['clickhouse'])) {
    throw refused('it does not say which schemas it was made of.');
  }
  const isFormat = EXPORT_FORMATS.some((format) => format === found['format']);
  const isTimed = typeof found['taken_at'] === 'string' && Number.isFinite(Date.parse(found['taken_at']));
  if (parseTenantId(found['tenant_id']) === undefined || !isFormat || !isTimed) {
    throw refused('it does not say of whom it is, and of when.');
  }
  const manifest = found as unknown as Manifest;
  const paths = new Set(manifest.files.map(({ path }) => path));
  if (paths.size !== manifest.files.length) throw refused('a file is listed twice.');
  return manifest;
}

/**
 * What can be restored is lossless, and of no newer schema than there is here.
 * @throws TenantryError BAD_REQUEST for files for people, SCHEMA_TOO_NEW
 */
export function assertRestorable(manifest: Manifest, here: Manifest['schemas']): void {
  if (manifest.format !== 'archive') {
    throw refused(
      `it was made as ${manifest.format}, for people to read, and has sums in place of what they were made of.`,
    );
  }
  const { postgres, clickhouse } = manifest.schemas;
  if (postgres > here.postgres || clickhouse > here.clickhouse) {
    throw new TenantryError(
      'SCHEMA_TOO_NEW',
      `The archive was made by a newer Tenantry (${manifest.tenantry.slice(0, 40)}).`,
      {
        hint: 'Restore it into that version or a newer one.',
      },
    );
  }
}
