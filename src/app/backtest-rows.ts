import { createReadStream } from 'node:fs';
import { TenantryError } from '../domain/errors.ts';

/** One measured minute of one tenant's metric, as read from the file. */
export type RowHandler = (unixSeconds: number, tenantId: string, metric: string, value: number) => void;

/** A line that could not be used; the others are. */
export interface BadLine {
  readonly line: number;
  readonly problem: string;
}

export interface RowCount {
  readonly rows: number;
  /** Lines that are no row. */
  readonly badLines: number;
  /** Rows that came at the wrong time. */
  readonly skippedRows: number;
}

const COLUMNS = ['ts_unix', 'tenant_id', 'metric', 'value'] as const;
const [COMMA, NEWLINE, RETURN, QUOTE, MINUS, POINT, ZERO, NINE] = [44, 10, 13, 34, 45, 46, 48, 57];
/** A row is some 40 bytes; a line that long is no row. */
const LONGEST_LINE = 64 * 1024;
const CHUNK_BYTES = 1 << 20;

/**
 * Reads a CSV file of `ts_unix,tenant_id,metric,value` as a stream: memory does not grow with its length. Bytes are
 * read in place, and a string is made of tenant and metric only, because splitting lines costs five times as much (10
 * million rows: 4 s against 20 s). An empty value or NaN is a missing minute and is skipped.
 */
export class SeriesFile {
  readonly #path: string;
  readonly #onBadLine: (bad: BadLine) => void;
  /** Tenant and metric as one piece of the line -> both; as many entries as there are series. */
  readonly #names = new Map<string, readonly [tenantId: string, metric: string]>();
  #line = 0;
  #rows = 0;
  #bad = 0;
  #skipped = 0;

  constructor(path: string, onBadLine: (bad: BadLine) => void) {
    this.#path = path;
    this.#onBadLine = onBadLine;
  }

  async read(handle: RowHandler): Promise<RowCount> {
    let rest: Buffer | undefined;
    for await (const piece of createReadStream(this.#path, { highWaterMark: CHUNK_BYTES })) {
      const chunk: Buffer = rest === undefined ? piece : Buffer.concat([rest, piece]);
      rest = this.#lines(chunk, handle);
      if (rest.length > LONGEST_LINE) {
        throw new TenantryError('BAD_REQUEST', `${this.#path} line ${this.#line + 1} is longer than any row.`, {
          hint: `Give a CSV file of ${COLUMNS.join(',')}.`,
        });
      }
    }
    if (rest !== undefined && rest.length > 0) this.#take(rest, 0, rest.length, handle);
    if (this.#line === 0) this.#header('');
    return { rows: this.#rows, badLines: this.#bad, skippedRows: this.#skipped };
  }

  /** Handles the whole lines of a chunk and returns what is left of it. */
  #lines(chunk: Buffer, handle: RowHandler): Buffer {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) return chunk.subarray(start);
      this.#take(chunk, start, end, handle);
      start = end + 1;
    }
  }

  #take(chunk: Buffer, start: number, newline: number, handle: RowHandler): void {
    const end = newline > start && chunk[newline - 1] === RETURN ? newline - 1 : newline;
    this.#line += 1;
    if (this.#line === 1) this.#header(chunk.toString('utf8', start, end));
    else if (end > start) this.#row(chunk, start, end, handle);
  }

  #row(chunk: Buffer, start: number, end: number, handle: RowHandler): void {
    const first = chunk.indexOf(COMMA, start);
    const last = chunk.lastIndexOf(COMMA, end - 1);
    if (first === -1 || first >= end || last <= first) {
      this.#refuse('there are fewer than 4 columns');
      return;
    }
    const names = this.#namesIn(chunk, first + 1, last);
    if (names === undefined) return;
    const seconds = numberIn(chunk, start, first);
    if (Number.isNaN(seconds)) {
      this.#refuse(`ts_unix "${chunk.toString('utf8', start, first)}" is not a number`);
      return;
    }
    const value = numberIn(chunk, last + 1, end);
    if (Number.isNaN(value)) {
      const text = chunk.toString('utf8', last + 1, end).trim();
      if (text !== '' && text.toLowerCase() !== 'nan')
        this.#refuse(`value "${text}" is not a number; leave the row out where nothing was measured`);
      return;
    }
    this.#rows += 1;
    handle(seconds, names[0], names[1], value);
  }

  #namesIn(chunk: Buffer, start: number, end: number): readonly [string, string] | undefined {
    const key = chunk.toString('latin1', start, end);
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const fields = fieldsOf(chunk.toString('utf8', start, end));
    const [tenantId, metric] = fields;
    if (fields.length !== 2 || !tenantId || !metric) {
      this.#refuse('a row has 4 columns: ts_unix, tenant_id, metric, value, none of them empty');
      return undefined;
    }
    const names = [tenantId, metric] as const;
    this.#names.set(key, names);
    return names;
  }

  #header(text: string): void {
    checkHeader(this.#path, text, { kind: 'series', columns: COLUMNS });
  }

  /** For callers too: a row that reads well may still come at the wrong time. */
  refuseRow(problem: string): void {
    this.#rows -= 1;
    this.#skipped += 1;
    this.#onBadLine({ line: this.#line, problem });
  }

  #refuse(problem: string): void {
    this.#bad += 1;
    this.#onBadLine({ line: this.#line, problem });
  }
}

/**
 * Lets the first line of a file pass that names exactly these columns; a byte order mark and blanks do not matter.
 * @throws TenantryError BAD_REQUEST with the header that belongs there
 */
export function checkHeader(path: string, text: string, file: { kind: string; columns: readonly string[] }): void {
  const { kind, columns } = file;
  const found = text.replace(/^\uFEFF/, '').split(',');
  if (found.length === columns.length && columns.every((column, index) => found[index]?.trim() === column)) return;
  throw new TenantryError('BAD_REQUEST', `${path} line 1: the header is "${text.slice(0, 100)}".`, {
    hint: `The header of a ${kind} file is ${columns.join(',')}.`,
  });
}

/** Whole and decimal numbers digit by digit, anything else (exponents, padding) by Number; NaN when it is none. */
function numberIn(chunk: Buffer, start: number, end: number): number {
  let index = start;
  const negative = chunk[index] === MINUS;
  if (negative) index += 1;
  let digits = 0;
  let scale = 0;
  const first = index;
  for (; index < end; index += 1) {
    const byte = chunk[index] ?? 0;
    if (byte >= ZERO && byte <= NINE) {
      digits = digits * 10 + (byte - ZERO);
      scale *= 10;
    } else if (byte === POINT && scale === 0) scale = 1;
    else return slowNumber(chunk, start, end);
  }
  const written = index - first;
  // Beyond 15 digits the sum above is no longer exact.
  if (written === 0 || written > 15) return slowNumber(chunk, start, end);
  const value = scale > 1 ? digits / scale : digits;
  return negative ? -value : value;
}

function slowNumber(chunk: Buffer, start: number, end: number): number {
  const text = chunk.toString('utf8', start, end).trim();
  const value = text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Fields of a piece of CSV, with double quotes around those that hold commas or quotes. */
export function fieldsOf(text: string): string[] {
  if (text.charCodeAt(0) !== QUOTE && !text.includes('"')) return text.split(',');
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return [];
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  }
  return fields;
}
