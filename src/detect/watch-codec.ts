import { TenantryError } from '../domain/errors.ts';

/**
 * A watch's memory as bytes: its numbers in the order of declaration as 64-bit floats, then its tables. The names of the
 * fields are hashed into the first 4 bytes, so that a state written by another version of the rule is told apart instead
 * of being misread.
 */
type Table = Float32Array | Float64Array;

interface Fields {
  readonly numbers: readonly string[];
  readonly tables: readonly string[];
  readonly hash: number;
  readonly bytes: number;
}

const NUMBER_BYTES = 8;
const HASH_BYTES = 4;

function isTable(value: unknown): value is Table {
  return value instanceof Float32Array || value instanceof Float64Array;
}

function fieldsOf(state: object): Fields {
  const numbers: string[] = [];
  const tables: string[] = [];
  let bytes = HASH_BYTES;
  let hash = 0x811c9dc5;
  for (const [name, value] of Object.entries(state)) {
    const size = isTable(value) ? value.byteLength : NUMBER_BYTES;
    if (isTable(value)) tables.push(name);
    else numbers.push(name);
    bytes += size;
    for (const letter of `${name}:${size};`) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  }
  return { numbers, tables, hash, bytes };
}

export function stateBytes(state: object): number {
  return fieldsOf(state).bytes;
}

/** Writes `state` at `offset` and returns the offset behind it. */
export function writeState(state: object, view: DataView, offset: number): number {
  const { numbers, tables, hash } = fieldsOf(state);
  const values = state as Record<string, unknown>;
  view.setUint32(offset, hash, true);
  let at = offset + HASH_BYTES;
  for (const name of numbers) {
    view.setFloat64(at, Number(values[name]), true);
    at += NUMBER_BYTES;
  }
  for (const name of tables) {
    const table = values[name] as Table;
    const width = table.BYTES_PER_ELEMENT;
    for (const value of table) {
      if (width === 4) view.setFloat32(at, value, true);
      else view.setFloat64(at, value, true);
      at += width;
    }
  }
  return at;
}

/** Reads into `state`, a fresh one of the same kind, and returns the offset behind it. Throws SCHEMA_MISMATCH. */
export function readState(state: object, view: DataView, offset: number): number {
  const { numbers, tables, hash, bytes } = fieldsOf(state);
  if (offset + bytes > view.byteLength || view.getUint32(offset, true) !== hash) {
    throw new TenantryError('SCHEMA_MISMATCH', 'The saved memory of the detector was written by another version.', {
      hint: 'The detector starts anew and finds nothing until it has a day of history.',
    });
  }
  const values = state as Record<string, unknown>;
  let at = offset + HASH_BYTES;
  for (const name of numbers) {
    values[name] = view.getFloat64(at, true);
    at += NUMBER_BYTES;
  }
  for (const name of tables) {
    const table = values[name] as Table;
    const width = table.BYTES_PER_ELEMENT;
    for (let index = 0; index < table.length; index += 1) {
      table[index] = width === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
      at += width;
    }
  }
  return at;
}
