import { type CsvError, type Info, parse } from 'csv-parse';
import type { BillProblem } from '../domain/bill.ts';
import { TenantryError } from '../domain/errors.ts';

/** A row of any file: its cells as text in the order of the header. */
export interface BillRow {
  readonly line: number;
  readonly cells: readonly string[];
}

type RowOrProblem = BillRow | BillProblem;

export interface BillTable {
  readonly header: readonly string[];
  /** In pieces of some hundred. */
  readonly rows: AsyncIterable<readonly RowOrProblem[]>;
}

/** A row with 200 columns of long tags is some 20 KB. */
const LONGEST_ROW = 1 << 20;
const SEPARATORS = [',', ';', '\t', '|'];

/**
 * Reads CSV as a stream: memory does not grow with its length. Comma, semicolon, tab or bar, whichever the header has
 * most of; quotes as in RFC 4180. Rows with too few or too many cells, or broken quotes, come as problems.
 * @throws TenantryError BAD_REQUEST for an empty file, or a row without end
 */
export async function openCsv(text: AsyncIterable<string>): Promise<BillTable> {
  const pieces = text[Symbol.asyncIterator]();
  let start = '';
  for (;;) {
    const piece = await pieces.next();
    if (piece.done === true) break;
    start += piece.value;
    if (/[\r\n]/.test(start.trimStart())) break;
    if (start.length > LONGEST_ROW) throw endless(1);
  }
  if (start.trim() === '') {
    throw new TenantryError('BAD_REQUEST', 'The file is empty.', { hint: 'Export the bill again, with its header.' });
  }
  const rows = parsedRows(start, pieces);
  const first = await rows.next();
  const [head, ...others] = first.done === true ? [] : first.value;
  if (head === undefined || !('cells' in head)) {
    throw new TenantryError('BAD_REQUEST', `The header cannot be read: ${head?.problem ?? 'there is none'}`);
  }
  async function* withoutHeader() {
    yield others;
    yield* rows;
  }
  return { header: head.cells.map((name) => name.trim()), rows: withoutHeader() };
}

function endless(line: number): TenantryError {
  return new TenantryError('BAD_REQUEST', `Line ${line} is longer than ${LONGEST_ROW} characters.`, {
    hint: 'A quote that is opened and never closed makes one row of all that follow.',
  });
}

function separatorOf(start: string): string {
  const header = (/^[^\r\n]*/.exec(start.trimStart())?.[0] ?? '').replaceAll(/"[^"]*"/g, '');
  const counts = SEPARATORS.map((separator) => ({ separator, count: header.split(separator).length }));
  return counts.toSorted((a, b) => b.count - a.count)[0]?.separator ?? ',';
}

async function* parsedRows(start: string, pieces: AsyncIterator<string>): AsyncGenerator<readonly RowOrProblem[]> {
  const problems: BillProblem[] = [];
  const parser = parse({
    ...{ delimiter: separatorOf(start), bom: true, info: true, max_record_size: LONGEST_ROW },
    ...{ skip_empty_lines: true, skip_records_with_error: true },
    on_skip: (error: CsvError | undefined) => {
      if (error !== undefined) problems.push({ line: lineOf(error), problem: csvProblem(error) });
      return undefined;
    },
  });
  let failure: unknown;
  parser.on('error', (error) => {
    failure = error;
  });
  const drain = (): RowOrProblem[] => {
    const found: RowOrProblem[] = [];
    for (let next: unknown = parser.read(); next !== null; next = parser.read()) {
      const { record, info } = next as { record: string[]; info: Info };
      // The parser tells where a row ends; a row with line breaks inside quotes begins further up.
      found.push({ line: info.lines - breaksIn(record), cells: record });
    }
    found.push(...problems.splice(0));
    return found;
  };
  for (
    let piece: IteratorResult<string> = { value: start, done: false };
    piece.done !== true;
    piece = await pieces.next()
  ) {
    parser.write(piece.value);
    const found = drain();
    if (found.length > 0) yield found;
    if (failure !== undefined) break;
  }
  if (failure === undefined) {
    parser.end();
    await new Promise((resolve) => parser.once('readable', resolve).once('end', resolve).once('error', resolve));
    const found = drain();
    if (found.length > 0) yield found;
  }
  if (failure !== undefined) throw csvFailure(failure);
}

function breaksIn(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0);
}

function lineOf(error: CsvError): number {
  const { lines } = error as CsvError & { lines?: unknown };
  return typeof lines === 'number' ? lines : 0;
}

function csvProblem({ code }: CsvError): string {
  switch (code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
    case 'CSV_RECORD_INCONSISTENT_COLUMNS':
      return 'it has more or fewer cells than the header';
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands in the middle of a cell; inside quotes it is written twice';
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote is opened and never closed';
    case 'CSV_MAX_RECORD_SIZE':
      return `it is longer than ${LONGEST_ROW} characters; a quote that is never closed makes one row of all that follow`;
    default:
      return 'it is not a row of CSV';
  }
}

function csvFailure(thrown: unknown): TenantryError {
  const error = thrown as CsvError;
  return new TenantryError('BAD_REQUEST', `Line ${lineOf(error)}: ${csvProblem(error)}.`, {
    hint: 'The file is not CSV as RFC 4180 has it, or its end is missing.',
    cause: thrown,
  });
}
