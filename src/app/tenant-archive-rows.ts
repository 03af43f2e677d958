/** Rows of PostgreSQL, which come as JSON texts, as files: lossless, or as people read them. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify/sync';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import { guarded } from '../cost/focus-guard.ts';
import type { ReadableFormat } from '../domain/tenant-archive.ts';

interface Column {
  readonly name: string;
  readonly type: string;
}

type Batches = AsyncIterable<readonly string[]>;
type Row = Readonly<Record<string, unknown>>;
type SchemaElement = NonNullable<Parameters<typeof parquetWriteRows>[0]['schema']>[number];

const ROW_GROUP = 10_000;

/** One JSON object a line, each as the database wrote it. @returns how many */
export async function writeLines(path: string, batches: Batches): Promise<number> {
  return writeText(path, batches, (rows) => `${rows.join('\n')}\n`);
}

/** @returns how many rows were written */
export async function writeReadable(
  path: string,
  format: ReadableFormat,
  columns: readonly Column[],
  batches: Batches,
): Promise<number> {
  switch (format) {
    case 'json': {
      let isFirst = true;
      const text = (rows: readonly string[]) => {
        const start = isFirst ? '[\n' : ',\n';
        isFirst = false;
        return start + rows.join(',\n');
      };
      return writeText(path, batches, text, { end: () => (isFirst ? '[]\n' : '\n]\n') });
    }
    case 'csv': {
      const names = columns.map(({ name }) => name);
      const lines = (rows: readonly string[]) =>
        stringify(
          rows.map((row) => names.map((name) => csvCell((JSON.parse(row) as Row)[name]))),
          {
            record_delimiter: '\r\n',
          },
        );
      return writeText(path, batches, lines, { begin: stringify([names], { record_delimiter: '\r\n' }) });
    }
    case 'parquet':
      return writeParquet(path, columns, batches);
  }
}

async function writeText(
  path: string,
  batches: Batches,
  text: (rows: readonly string[]) => string,
  frame: { readonly begin?: string; readonly end?: () => string } = {},
): Promise<number> {
  let written = 0;
  async function* pieces() {
    if (frame.begin !== undefined) yield frame.begin;
    for await (const rows of batches) {
      written += rows.length;
      yield text(rows);
    }
    if (frame.end !== undefined) yield frame.end();
  }
  await pipeline(Readable.from(pieces()), createWriteStream(path, { mode: 0o600 }));
  return written;
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'string' ? guarded(value) : String(value);
}

async function writeParquet(path: string, columns: readonly Column[], batches: Batches): Promise<number> {
  let written = 0;
  async function* rows() {
    for await (const batch of batches) {
      for (const text of batch) {
        const row = JSON.parse(text) as Row;
        written += 1;
        yield Object.fromEntries(columns.map((column) => [column.name, parquetValue(row[column.name], column)]));
      }
    }
  }
  await parquetWriteRows({
    ...{ writer: fileWriter(path), rows: rows(), rowGroupSize: ROW_GROUP },
    columns: columns.map(({ name }) => ({ name })),
    schema: [{ name: 'root', num_children: columns.length }, ...columns.map(schemaOf)],
  });
  return written;
}

const isWhole = (type: string) => type === 'bigint' || type === 'integer' || type === 'smallint';

function schemaOf({ name, type }: Column): SchemaElement {
  const repetition_type = 'OPTIONAL';
  if (isWhole(type)) return { name, type: 'INT64', repetition_type };
  if (type === 'boolean') return { name, type: 'BOOLEAN', repetition_type };
  if (type === 'double precision') return { name, type: 'DOUBLE', repetition_type };
  if (type === 'timestamp with time zone') {
    return { name, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type };
  }
  return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type };
}

/** What Parquet has no type for stays a text: days, decimals of any length, JSON. */
function parquetValue(value: unknown, { type }: Column): string | number | bigint | boolean | Date | null {
  if (value === null || value === undefined) return null;
  if (isWhole(type)) return BigInt(String(value));
  if (type === 'boolean') return value === true;
  if (type === 'double precision') return Number(value);
  if (type === 'timestamp with time zone') return new Date(String(value));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
