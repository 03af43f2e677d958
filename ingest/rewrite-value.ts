import { type ContentLimits, orNone } from './limits.ts';
import { Pieces } from './rewrite-pieces.ts';
import { AttributeReader, FieldReader } from './wire-fields.ts';

/** Tags of an AnyValue's fields, and of what is in a list of them. */
const STRING = 1 * 8 + 2;
const ARRAY = 5 * 8 + 2;
const LIST = 6 * 8 + 2;
const BYTES = 7 * 8 + 2;
const ELEMENT = 1 * 8 + 2;
const PAIR_KEY = 1 * 8 + 2;
const PAIR_VALUE = 2 * 8 + 2;
/** What stands where a value lay too deep. */
const TOO_DEEP = Buffer.from('(nested too deep)');

/** How often something was cut. */
export interface Cuts {
  keys: number;
  values: number;
  depths: number;
}

/** Cuts attribute values that are too long or too deep: at the end of a character, of an element, of a level. */
export class ValueCutter {
  readonly #valueBytes: number;
  readonly #keyBytes: number;
  readonly #depth: number;

  constructor(limits: ContentLimits) {
    this.#valueBytes = orNone(limits.valueBytes);
    this.#keyBytes = orNone(limits.keyBytes);
    this.#depth = orNone(limits.valueDepth);
  }

  /**
   * The AnyValue in `bytes[start, end)`, cut; undefined: nothing has to be. Texts and bytes are measured by what is in
   * them, arrays and lists by their encoding.
   */
  cut(bytes: Uint8Array, start: number, end: number, cuts: Cuts): Uint8Array | undefined {
    return this.#value(bytes, start, end, 1, this.#valueBytes, cuts)?.joined();
  }

  #value(bytes: Uint8Array, start: number, end: number, depth: number, budget: number, cuts: Cuts): Pieces | undefined {
    const fields = new FieldReader().open(bytes, start, end);
    // Fields that nobody knows do not count, and go with whatever has to be cut.
    while (fields.next()) {
      if (fields.tag === STRING || fields.tag === BYTES) return this.#text(fields, budget, cuts);
      if (fields.tag !== ARRAY && fields.tag !== LIST) continue;
      if (depth >= this.#depth && fields.end > fields.start) return tooDeep(cuts);
      const elements = this.#elements(fields, depth, budget, cuts);
      if (elements === undefined) return undefined;
      const value = new Pieces();
      value.pushMessage(fields.tag, elements);
      return value;
    }
    return undefined;
  }

  #text({ bytes, tag, start, end }: FieldReader, budget: number, cuts: Cuts): Pieces | undefined {
    if (end - start <= budget) return undefined;
    cuts.values++;
    const value = new Pieces();
    value.pushBytes(
      tag,
      bytes.subarray(start, tag === STRING ? characterEnd(bytes, start, start + budget) : start + budget),
    );
    return value;
  }

  /** Of an array or a list, as many as fit; undefined: all do, and nothing in them has to be cut. */
  #elements({ bytes, tag, start, end }: FieldReader, depth: number, budget: number, cuts: Cuts): Pieces | undefined {
    const kept = new Pieces();
    let isChanged = false;
    const fields = new FieldReader().open(bytes, start, end);
    while (fields.next()) {
      const left = Math.max(0, budget - kept.bytes);
      const size = fields.end - fields.fieldStart;
      const cut =
        fields.tag !== ELEMENT
          ? undefined
          : tag === ARRAY
            ? this.#value(bytes, fields.start, fields.end, depth + 1, left, cuts)
            : this.#pair(fields, depth, left, cuts);
      if (cut === 'drop') {
        isChanged = true;
      } else if (cut !== undefined) {
        isChanged = true;
        if (cut.bytes <= left) kept.pushMessage(ELEMENT, cut);
      } else if (size <= left) {
        kept.push(bytes.subarray(fields.fieldStart, fields.end));
      } else {
        cuts.values++;
        return kept;
      }
    }
    return isChanged ? kept : undefined;
  }

  #pair({ bytes, start, end }: FieldReader, depth: number, budget: number, cuts: Cuts): Pieces | 'drop' | undefined {
    const pair = new AttributeReader();
    pair.read(bytes, start, end);
    if (pair.keyEnd - pair.keyStart > this.#keyBytes) {
      cuts.keys++;
      return 'drop';
    }
    const value = this.#value(bytes, pair.valueStart, pair.valueEnd, depth + 1, budget, cuts);
    if (value === undefined) return undefined;
    const cut = new Pieces();
    cut.pushBytes(PAIR_KEY, bytes.subarray(pair.keyStart, pair.keyEnd));
    cut.pushMessage(PAIR_VALUE, value);
    return cut;
  }
}

function tooDeep(cuts: Cuts): Pieces {
  cuts.depths++;
  const value = new Pieces();
  value.pushBytes(STRING, TOO_DEEP);
  return value;
}

/** The end of the last whole character before `limit`, of bytes that may be no UTF-8 at all. */
function characterEnd(bytes: Uint8Array, start: number, limit: number): number {
  let end = limit;
  while (end > start && limit - end < 3 && isContinuation(bytes[end] as number)) end--;
  return isContinuation(bytes[end] as number) ? limit : end;
}

const isContinuation = (byte: number) => (byte & 0xc0) === 0x80;
