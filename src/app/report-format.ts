/** Tables as files. Numbers keep every digit: no value passes through a float that was a whole number before. */
import { stringify } from 'csv-stringify/sync';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { guarded } from '../cost/focus-guard.ts';
import { TenantryError } from '../domain/errors.ts';
import type { ReportColumn, ReportFormat, ReportTable, ReportValue } from '../domain/report.ts';

export interface ReportFile {
  readonly contentType: string;
  readonly extension: ReportFormat;
  readonly content: Buffer;
}

/** About 200 MB as CSV of usage; more belongs into several files. */
const MAX_ROWS = 500_000;
const MAX_INT64 = 2n ** 63n - 1n;

/** @throws TenantryError QUERY_TOO_HEAVY when the table has more rows than one file should */
export function reportFile(table: ReportTable, format: ReportFormat): ReportFile {
  if (table.rows.length > MAX_ROWS) {
    throw new TenantryError('QUERY_TOO_HEAVY', `The report has ${table.rows.length} rows, at most ${MAX_ROWS}.`, {
      hint: 'Ask for a shorter time, a coarser step, or one tenant.',
    });
  }
  switch (format) {
    case 'csv':
      return { contentType: 'text/csv; charset=utf-8', extension: 'csv', content: Buffer.from(csvOf(table)) };
    case 'json':
      return { contentType: 'application/json; charset=utf-8', extension: 'json', content: Buffer.from(jsonOf(table)) };
    case 'parquet':
      return { contentType: 'application/vnd.apache.parquet', extension: 'parquet', content: parquetOf(table) };
  }
}

/** RFC 4180 with a header. Unknown is an empty cell; text that a spreadsheet would run begins with an apostrophe. */
function csvOf({ columns, rows }: ReportTable): string {
  return stringify(
    [columns.map(({ name }) => name), ...rows.map((row) => row.map((value, index) => csvCell(value, columns[index])))],
    { record_delimiter: '\r\n' },
  );
}

function csvCell(value: ReportValue, column: ReportColumn | undefined): string {
  if (value === null) return '';
  if (column?.type === 'time') return new Date(Number(value)).toISOString();
  return typeof value === 'string' ? guarded(value) : String(value);
}

/** An array of objects. Whole numbers that no JSON reader holds exactly are texts of digits. */
function jsonOf({ columns, rows }: ReportTable): string {
  const objects = rows.map((row) =>
    JSON.stringify(
      Object.fromEntries(columns.map(({ name, type }, index) => [name, jsonValue(row[index] ?? null, type)])),
    ),
  );
  return `[${objects.join(',\n')}]\n`;
}

function jsonValue(value: ReportValue, type: ReportColumn['type']): string | number | null {
  if (value === null) return null;
  if (type === 'time') return new Date(Number(value)).toISOString();
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function parquetOf({ columns, rows }: ReportTable): Buffer {
  const columnData = columns.map((column, index) => {
    const values = rows.map((row) => row[index] ?? null);
    return { name: column.name, nullable: true, ...parquetColumn(column, values) };
  });
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

function parquetColumn({ type }: ReportColumn, values: ReportValue[]) {
  switch (type) {
    case 'text':
      return { type: 'STRING' as const, data: values };
    case 'ratio':
      return { type: 'DOUBLE' as const, data: values };
    case 'time':
      return {
        type: 'TIMESTAMP' as const,
        data: values.map((value) => (value === null ? null : new Date(Number(value)))),
      };
    case 'integer': {
      // A sum that no 64 bits hold: the column becomes text rather than wrong.
      const isWide = values.some((value) => typeof value === 'bigint' && (value > MAX_INT64 || value < -MAX_INT64));
      if (!isWide) return { type: 'INT64' as const, data: values };
      return { type: 'STRING' as const, data: values.map((value) => (value === null ? null : String(value))) };
    }
  }
}
