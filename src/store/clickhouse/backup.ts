/**
 * The embedded engine's files as of one moment. FREEZE hard-links the parts of a table, which never change once written
 * (measured: 1 to 10 ms a table; a copy of the rows would hold everything up for as long as it takes), and the little
 * that does change is read at once: the texts of the tables, and the logs of insert tokens. With those a restored engine
 * still knows which segments it has, so that whatever is inserted again after a restore counts once.
 *
 * BACKUP is no way here: the embedded engine has no configuration in which a target could be allowed.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { TenantryError } from '../../domain/errors.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { quoted } from './sql-text.ts';

/** Of folders in `shadow/`; those of a process that was killed are removed by the next backup. */
const SHADOW_PREFIX = 'tenantry_backup_';

export interface FrozenPart {
  readonly table: string;
  readonly name: string;
  /** Absolute folder of hard links. */
  readonly folder: string;
  readonly rows: number;
}

export interface FrozenStore {
  readonly engine: string;
  /** Number of the newest migration. */
  readonly migration: number;
  /** Tables with rows of their own. */
  readonly tables: readonly string[];
  /** Files that change, as they were: path below the engine's folder -> content. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly parts: readonly FrozenPart[];
  /** Where a part belongs, below the engine's folder. */
  pathOf(part: FrozenPart): string;
  /** Removes the links. */
  thaw(): Promise<void>;
}

interface TableRow {
  readonly name: string;
  readonly engine: string;
  readonly paths: readonly string[];
  readonly metadata: string;
}

/** @param root the engine's folder; nothing may be inserted meanwhile */
export async function freezeClickHouse(
  clickhouse: Pick<ClickHouse, 'inspect' | 'command'>,
  root: string,
  label: string,
): Promise<FrozenStore> {
  const shadow = join(root, 'shadow');
  await removeAbandoned(shadow);
  const name = `${SHADOW_PREFIX}${label.replace(/\W/g, '_')}`;
  const thaw = () => rm(join(shadow, name), { recursive: true, force: true });
  try {
    const tables = await clickhouse.inspect<TableRow>(
      `SELECT name, engine, data_paths AS paths, metadata_path AS metadata FROM system.tables
       WHERE database = '${DATABASE}' ORDER BY name`,
    );
    const kept = tables.filter(({ engine }) => engine.endsWith('MergeTree'));
    for (const table of kept) {
      await clickhouse.command(`ALTER TABLE ${DATABASE}.${table.name} FREEZE WITH NAME ${quoted(name)}`);
    }
    const files = new Map([...(await readTexts(root)), ...(await readTableFiles(root, kept))]);
    const parts = (await Promise.all(kept.map((table) => partsOf(root, join(shadow, name), table)))).flat();
    const [about] = await clickhouse.inspect<{ engine: string; migration: number }>(
      `SELECT version() AS engine, toUInt32(max(Number)) AS migration FROM ${DATABASE}.schema_log WHERE Kind = 'migration'`,
    );
    return {
      ...{ engine: about?.engine ?? '', migration: about?.migration ?? 0, tables: kept.map((table) => table.name) },
      ...{ files, parts, thaw },
      pathOf: (part) => relative(join(shadow, name), part.folder),
    };
  } catch (error) {
    await thaw();
    throw error;
  }
}

async function removeAbandoned(shadow: string): Promise<void> {
  for (const name of await namesIn(shadow)) {
    if (name.startsWith(SHADOW_PREFIX)) await rm(join(shadow, name), { recursive: true, force: true });
  }
}

/** What the database and its tables are. */
async function readTexts(root: string): Promise<Map<string, Buffer>> {
  const database = join('metadata', `${DATABASE}.sql`);
  const text = await readFile(join(root, database));
  const uuid = /UUID '([0-9a-f-]{36})'/.exec(text.toString('utf8'))?.[1];
  if (uuid === undefined) {
    throw new TenantryError('INTERNAL', 'The embedded ClickHouse does not say where it keeps its tables.');
  }
  const folder = join('store', uuid.slice(0, 3), uuid);
  const files = new Map([[database, text]]);
  for (const name of await namesIn(join(root, folder))) {
    if (name.endsWith('.sql')) files.set(join(folder, name), await readFile(join(root, folder, name)));
  }
  return files;
}

/** Of each table the files beside its parts: tokens of past inserts, unfinished mutations, the format. */
async function readTableFiles(root: string, tables: readonly TableRow[]): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const path of tables.flatMap(({ paths }) => paths)) {
    const folder = relative(root, path);
    const logs = (await namesIn(join(path, 'deduplication_logs'))).map((name) => join('deduplication_logs', name));
    const own = (await namesIn(path)).filter(
      (name) => name === 'format_version.txt' || /^mutation_\d+\.txt$/.test(name),
    );
    for (const name of [...own, ...logs]) files.set(join(folder, name), await readFile(join(path, name)));
  }
  return files;
}

async function partsOf(root: string, frozen: string, { name: table, paths }: TableRow): Promise<FrozenPart[]> {
  const parts: FrozenPart[] = [];
  for (const path of paths) {
    const folder = join(frozen, relative(root, path));
    for (const name of await namesIn(folder)) {
      const part = join(folder, name);
      if (!(await stat(part)).isDirectory()) continue;
      const rows = Number(await readFile(join(part, 'count.txt'), 'utf8'));
      parts.push({ table, name, folder: part, rows });
    }
  }
  return parts;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).toSorted();
}
