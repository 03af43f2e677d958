import type { BillFormat, BillLine, BillProblem, CostMeasure } from '../domain/bill.ts';
import { billColumns } from './bill-columns.ts';
import { type BillTable, openCsv } from './bill-csv.ts';
import { type BillEncoding, decoded } from './bill-encoding.ts';
import { billLine, type LineDefaults } from './bill-line.ts';
import { type BillBuffer, openParquet } from './bill-parquet.ts';

export interface BillReadOptions {
  readonly measure: CostMeasure;
  readonly encoding: BillEncoding;
  readonly defaults: LineDefaults;
}

export interface BillContents {
  readonly format: BillFormat;
  readonly focusVersion: string | null;
  readonly header: readonly string[];
  /** Lines and what is wrong with others, in the file's order and in pieces of some hundred. */
  readonly lines: AsyncIterable<readonly (BillLine | BillProblem)[]>;
}

/** What came of a row: a problem has a text. */
export function isProblem(item: BillLine | BillProblem): item is BillProblem {
  return 'problem' in item;
}

/**
 * A bill in CSV, unpacked. Nothing is kept of what was read.
 * @throws TenantryError BAD_REQUEST for a file that is no bill; `lines` too, where it stops being one
 */
export async function readCsvBill(bytes: AsyncIterable<Uint8Array>, options: BillReadOptions): Promise<BillContents> {
  return contentsOf(await openCsv(decoded(bytes, options.encoding)), options);
}

/** A bill in Parquet. @throws like `readCsvBill` */
export async function readParquetBill(file: BillBuffer, options: BillReadOptions): Promise<BillContents> {
  return contentsOf(await openParquet(file), options);
}

function contentsOf({ header, rows }: BillTable, { measure, defaults }: BillReadOptions): BillContents {
  const columns = billColumns(header, measure);
  async function* lines() {
    for await (const piece of rows) {
      yield piece.map((row) => ('problem' in row ? row : billLine(row, columns, defaults)));
    }
  }
  return { format: columns.format, focusVersion: columns.focusVersion, header, lines: lines() };
}
