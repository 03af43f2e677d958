/**
 * SQL for what a row takes, from what the catalogue says of its columns. `pg_column_size(row)` would fetch every value
 * that is kept outside the row; the sizes of single columns come from the row itself. What is left is to do as
 * PostgreSQL does when it forms a tuple (heap_compute_data_size): pad each value to its type's alignment.
 */

export interface StoredColumn {
  readonly name: string;
  /** typlen: above 0 fixed, -1 of variable length, -2 ends with a NUL. */
  readonly length: number;
  readonly align: 'c' | 's' | 'i' | 'd';
  /** attstorage: `p` is never shortened, compressed or moved out. */
  readonly storage: 'p' | 'e' | 'm' | 'x';
}

export interface TupleLayout {
  /** Identifiers are quoted here. */
  readonly columns: readonly StoredColumn[];
  /** Columns as the tuple counts them, dropped ones included. */
  readonly attributes: number;
  /** Dropped and virtual columns are stored as nulls. */
  readonly hasUnstored: boolean;
  readonly hasToast: boolean;
  /** pg_column_toast_chunk_id came with 17. */
  readonly tellsChunks: boolean;
}

const ALIGNMENT = { c: 1, s: 2, i: 4, d: 8 } as const;
const TUPLE_HEADER = 23;
const LINE_POINTER = 4;
const TOAST_POINTER = 18;
/** Up to here a value has a header of one byte, and no alignment. */
const LONGEST_SHORT = 127;
/** Values in tuples longer than this are moved out until the tuple is not; the server's default for every table. */
const TOAST_TARGET = 2_032;

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function sizeOf(column: StoredColumn): string {
  return `coalesce(pg_column_size(${quoteIdentifier(column.name)}), 0)`;
}

function mayBeOutside({ length, storage }: StoredColumn, { hasToast }: TupleLayout): boolean {
  return hasToast && length === -1 && storage !== 'p';
}

function isOutside(column: StoredColumn, { tellsChunks }: TupleLayout): string {
  return tellsChunks
    ? `pg_column_toast_chunk_id(${quoteIdentifier(column.name)}) is not null`
    : `${sizeOf(column)} > ${TOAST_TARGET}`;
}

/** How much of the value is on the page. */
function sizeOnPage(column: StoredColumn, layout: TupleLayout): string {
  if (!mayBeOutside(column, layout)) return sizeOf(column);
  return `(case when ${isOutside(column, layout)} then ${TOAST_POINTER} else ${sizeOf(column)} end)`;
}

/** The bits that the offset of the value must not have. */
function alignmentMask(column: StoredColumn, layout: TupleLayout): string {
  const mask = ALIGNMENT[column.align] - 1;
  if (mask === 0 || column.length === -2) return '0';
  const name = quoteIdentifier(column.name);
  if (column.length > 0 || column.storage === 'p') {
    return `(case when ${name} is not distinct from null then 0 else ${mask} end)`;
  }
  const outside = mayBeOutside(column, layout) ? `${isOutside(column, layout)} or ` : '';
  return `(case when ${outside}${sizeOf(column)} <= ${LONGEST_SHORT} then 0 else ${mask} end)`;
}

/** Bytes of the tuple on its page, with its line pointer. */
export function heapBytesSql(layout: TupleLayout): string {
  const { columns, attributes, hasUnstored } = layout;
  // Each offset stands once in the next one, so the expression grows with the number of columns and not faster.
  const data = columns.reduce((offset, column) => {
    const mask = alignmentMask(column, layout);
    const aligned = mask === '0' ? offset : `((${offset} + ${mask}) & ~${mask})`;
    return `${aligned} + ${sizeOnPage(column, layout)}`;
  }, '0');
  const withNulls = alignUp(TUPLE_HEADER + Math.ceil(attributes / 8));
  const without = alignUp(TUPLE_HEADER);
  const anyNull = columns.map(({ name }) => `${quoteIdentifier(name)} is not distinct from null`).join(' or ');
  const header =
    hasUnstored || anyNull === '' ? withNulls : `(case when ${anyNull} then ${withNulls} else ${without} end)`;
  return `(((${header} + ${data} + 7) & ~7) + ${LINE_POINTER})`;
}

/** Bytes of the row that are kept in the TOAST table. */
export function outsideBytesSql(layout: TupleLayout): string {
  const sizes = layout.columns
    .filter((column) => mayBeOutside(column, layout))
    .map((column) => `(case when ${isOutside(column, layout)} then ${sizeOf(column)} else 0 end)`);
  return sizes.length === 0 ? '0' : `(${sizes.join(' + ')})`;
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
