/** Statements that bring a tenant's rows out of ClickHouse into files, and back. */
import { open } from 'node:fs/promises';
import { RESTORE_COMMENT } from '../../domain/tenant-archive.ts';
import { type ClickHouse, DATABASE, type FileInsert, type FileSelect } from './clickhouse.ts';
import { onceOnlySettings } from './otlp-schema.ts';
import { quoted } from './sql-text.ts';

/** An export reads beside everything else: it may be slow, and may not take the memory of those who wait for a page. */
export const ARCHIVE_MEMORY_BYTES = 1024 ** 3;
/** As the engine ends the answer of a statement that failed after it had begun to answer. */
const FAILED_MARK = '__exception__';

/** Statements for a session that exports. Not readonly, as the engine itself writes the file. */
export function archiveSession(): readonly string[] {
  return [`USE ${DATABASE}`, `SET max_memory_usage = ${ARCHIVE_MEMORY_BYTES}`, 'SET max_threads = 1'];
}

/** The embedded engine writes the file itself. */
export function fileSelectSql({ sql, format, path, settings }: FileSelect): string {
  const given = settings === undefined ? '' : `, ${settings}`;
  return `INSERT INTO FUNCTION file(${quoted(path)}, '${format}') ${sql} SETTINGS engine_file_truncate_on_insert = 1${given}`;
}

/**
 * An insert of archived rows from `source`. Under the comment that the rollups' views pass over; a block may have rows
 * of many days, and the engine's limit of partitions would refuse it.
 */
export function restoreSql({ table, columns, replacing = {}, token }: FileInsert, source: string): string {
  const names = columns.map(identifier).join(', ');
  const values = columns.map((name) => replacing[name] ?? identifier(name)).join(', ');
  const settings = `${onceOnlySettings(token)}, log_comment = ${quoted(RESTORE_COMMENT)}, max_partitions_per_insert_block = 0`;
  return `INSERT INTO ${DATABASE}.${identifier(table)} (${names}) SELECT ${values} FROM ${source} SETTINGS ${settings}`;
}

export interface StoredColumn {
  readonly table: string;
  readonly name: string;
  readonly type: string;
}

/** What our tables store; columns that are worked out when they are read are not among it. */
export async function storedColumns(clickhouse: Pick<ClickHouse, 'inspect'>): Promise<readonly StoredColumn[]> {
  return clickhouse.inspect<StoredColumn>(
    `SELECT table, name, type FROM system.columns
     WHERE database = '${DATABASE}' AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY table, position`,
  );
}

/** Names and types as the engine's formats want them told. */
export async function structureOf(clickhouse: Pick<ClickHouse, 'inspect'>, table: string): Promise<string> {
  const columns = (await storedColumns(clickhouse)).filter((column) => column.table === table);
  return columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
}

export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** @throws Error when the engine's answer ends with the news of its failure */
export async function assertWhole(path: string): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, 32_768));
    await file.read(tail, 0, tail.length, size - tail.length);
    const at = tail.lastIndexOf(FAILED_MARK);
    if (at >= 0 && tail.includes('DB::Exception', Math.max(0, at - 16_384))) {
      throw new Error(`the answer broke off: ${tail.subarray(at).toString('utf8').slice(0, 500)}`);
    }
  } finally {
    await file.close();
  }
}
