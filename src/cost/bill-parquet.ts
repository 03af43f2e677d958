import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { TenantryError } from '../domain/errors.ts';
import type { BillRow, BillTable } from './bill-csv.ts';

/** A file that can be read from anywhere in it: Parquet keeps its table of contents at the end. */
export type BillBuffer = AsyncBuffer;

const ROWS_AT_ONCE = 2_000;

interface Column {
  readonly name: string;
  /** Digits after the point of a DECIMAL column; null for any other. */
  readonly scale: number | null;
}

/**
 * Reads Parquet row by row, some thousand at a time, and gives every value as text, as a CSV file would have it.
 * Decimals come digit by digit: hyparquet turns them into floats, so it is not told that they are decimals.
 * @throws TenantryError BAD_REQUEST for a file that is not whole or not Parquet
 */
export async function openParquet(file: BillBuffer): Promise<BillTable> {
  // With the first file: no start waits for their fifty modules.
  const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  const columns: Column[] = parquetSchema(metadata).children.map(({ element }) => ({
    name: element.name,
    scale: element.converted_type === 'DECIMAL' ? (element.scale ?? 0) : null,
  }));
  return { header: columns.map(({ name }) => name), rows: parquetRows(file, withoutDecimals(metadata), columns) };
}

function withoutDecimals(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    if (element.converted_type !== 'DECIMAL') return element;
    const { converted_type: _converted, logical_type: _logical, ...plain } = element;
    return plain;
  });
  return { ...metadata, schema };
}

async function* parquetRows(
  file: BillBuffer,
  metadata: FileMetaData,
  columns: readonly Column[],
): AsyncGenerator<readonly BillRow[]> {
  const { parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const total = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < total; rowStart += ROWS_AT_ONCE) {
    const rowEnd = Math.min(rowStart + ROWS_AT_ONCE, total);
    const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, utf8: false }).catch(
      (cause: unknown) => {
        throw unreadable(cause);
      },
    );
    yield rows.map((row, index) => ({
      line: rowStart + index + 1,
      cells: columns.map(({ name, scale }) => cellText(row[name], scale)),
    }));
  }
}

function unreadable(cause: unknown): TenantryError {
  return new TenantryError('BAD_REQUEST', 'The file cannot be read as Parquet; it may be cut off.', {
    hint: 'Compare its size with the original, and import it again.',
    cause,
  });
}

const utf8 = new TextDecoder();

function cellText(value: unknown, scale: number | null): string {
  if (value === null || value === undefined) return '';
  if (scale !== null) return decimalText(integerOf(value), scale);
  if (typeof value === 'string') return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString();
  if (value instanceof Uint8Array) return utf8.decode(value);
  if (typeof value === 'object')
    return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
  return String(value);
}

/** Two's complement, most significant byte first, where it is bytes. */
function integerOf(value: unknown): bigint {
  if (value instanceof Uint8Array) {
    const magnitude = value.reduce((all, byte) => all * 256n + BigInt(byte), 0n);
    return BigInt.asIntN(value.length * 8, magnitude);
  }
  return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n;
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
