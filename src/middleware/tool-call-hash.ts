import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { isFunction, isObject } from './call-result.ts';

/** What is hashed at most, as the call waits for it: 1 ms when it is one string, 21 ms when it is 30,000 objects. */
const MAX_CHARACTERS = 250_000;
const MAX_DEPTH = 200;
/** Pieces are joined up to this size first: a hash update costs as much as hashing 200 characters. */
const PIECE_CHARACTERS = 8_192;

/** Thrown by `canonicalHash`: the value has no JSON form, or is too large or too deep. */
export class UnhashableError extends Error {
  override readonly name = 'UnhashableError';
}

class Sink {
  readonly #hash: Hash | Hmac;
  #piece = '';
  #characters = 0;

  constructor(hash: Hash | Hmac) {
    this.#hash = hash;
  }

  write(text: string): void {
    this.#characters += text.length;
    if (this.#characters > MAX_CHARACTERS) throw new UnhashableError('the value is too large');
    this.#piece += text;
    if (this.#piece.length < PIECE_CHARACTERS) return;
    this.#hash.update(this.#piece);
    this.#piece = '';
  }

  digest(): string {
    return this.#hash.update(this.#piece).digest('hex');
  }
}

/** What JSON.stringify would replace a value with before it writes it. */
function jsonValue(value: unknown, key: string): unknown {
  if (isObject(value) && isFunction(value['toJSON'])) return value['toJSON'](key);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf();
  return value;
}

const isLeftOut = (value: unknown) => value === undefined || typeof value === 'function' || typeof value === 'symbol';

function writeArray(values: readonly unknown[], sink: Sink, depth: number): void {
  sink.write('[');
  for (let index = 0; index < values.length; index += 1) {
    if (index > 0) sink.write(',');
    write(values[index], String(index), sink, depth + 1);
  }
  sink.write(']');
}

function writeObject(object: Readonly<Record<string, unknown>>, sink: Sink, depth: number): void {
  sink.write('{');
  let isFirst = true;
  // Array.prototype.sort compares by UTF-16 code units, as RFC 8785 asks.
  for (const key of Object.keys(object).sort()) {
    const value = jsonValue(object[key], key);
    if (isLeftOut(value)) continue;
    sink.write(`${isFirst ? '' : ','}${JSON.stringify(key)}:`);
    isFirst = false;
    write(value, key, sink, depth + 1);
  }
  sink.write('}');
}

function write(given: unknown, key: string, sink: Sink, depth: number): void {
  if (depth > MAX_DEPTH) throw new UnhashableError('the value is nested too deep, or contains itself');
  const value = jsonValue(given, key);
  if (typeof value === 'bigint') throw new UnhashableError('JSON has no bigint');
  // All Maps and Sets would be `{}`, and so one hash.
  if (value instanceof Map || value instanceof Set) throw new UnhashableError('JSON has no Map and no Set');
  if (Array.isArray(value)) writeArray(value, sink, depth);
  else if (isLeftOut(value)) sink.write('null');
  else if (isObject(value)) writeObject(value as Readonly<Record<string, unknown>>, sink, depth);
  // Strings, booleans, null, and numbers, which ECMAScript writes as RFC 8785 asks (-0 as 0, NaN as null).
  else sink.write(JSON.stringify(value));
}

/**
 * A stable hash of a JSON value: SHA-256 of its canonical JSON (RFC 8785: keys sorted, no white space), with the
 * exceptions of JSON.stringify (`undefined` left out, `toJSON` obeyed). Equal values have equal hashes, in whatever order
 * their keys were set. With a key (HMAC-SHA-256) nobody can find short arguments by trying them out.
 * @returns `sha256:` or `hmac-sha256:` and 64 hex digits
 * @throws UnhashableError for more than 250,000 characters, for cycles, bigint, Map and Set
 */
export function canonicalHash(value: unknown, key?: string | Uint8Array): string {
  const sink = new Sink(key === undefined ? createHash('sha256') : createHmac('sha256', key));
  write(value, '', sink, 0);
  return `${key === undefined ? 'sha256' : 'hmac-sha256'}:${sink.digest()}`;
}
