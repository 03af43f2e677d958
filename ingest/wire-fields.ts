import { WIRE_TYPE } from './wire-schema.ts';

/**
 * The fields of one message, one after the other, as places in its bytes. For messages that the wire check has let
 * through alone: nothing is checked again.
 */
export class FieldReader {
  bytes: Uint8Array = new Uint8Array(0);
  /** Field number * 8 + wire type. */
  tag = 0;
  /** Where the field begins, with its tag. */
  fieldStart = 0;
  /** Its content: behind the length where it has one. */
  start = 0;
  end = 0;
  #next = 0;
  #last = 0;

  open(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.#next = start;
    this.#last = end;
    return this;
  }

  /** False behind the last field. */
  next(): boolean {
    let at = this.#next;
    if (at >= this.#last) return false;
    const { bytes } = this;
    this.fieldStart = at;
    let tag = bytes[at++] as number;
    if (tag >= 0x80) {
      tag = this.#long(at - 1);
      at = this.#next;
    }
    this.tag = tag;
    const wireType = tag & 7;
    if (wireType === WIRE_TYPE.LEN) {
      let length = bytes[at++] as number;
      if (length >= 0x80) {
        length = this.#long(at - 1);
        at = this.#next;
      }
      this.start = at;
      this.end = this.#next = at + length;
      return true;
    }
    this.start = at;
    if (wireType === WIRE_TYPE.VARINT) {
      while ((bytes[at] as number) >= 0x80) at++;
      at++;
    } else at += wireType === WIRE_TYPE.I64 ? 8 : 4;
    this.end = this.#next = at;
    return true;
  }

  /** The varint at `start`, of 32 bits at most: longer ones are cut. */
  number(): number {
    return this.#long(this.start) >>> 0;
  }

  /** A varint of 32 bits; `#next` is where it ended. */
  #long(start: number): number {
    const { bytes } = this;
    let value = 0;
    let factor = 1;
    let at = start;
    for (;;) {
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    this.#next = at;
    return value;
  }
}

const KEY = 1 * 8 + WIRE_TYPE.LEN;
const VALUE = 2 * 8 + WIRE_TYPE.LEN;

/** Where the key and the value (an AnyValue) of an attribute stand; empty ranges where it has none. */
export class AttributeReader {
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  readonly #fields = new FieldReader();

  /** @param start of the KeyValue's content */
  read(bytes: Uint8Array, start: number, end: number): void {
    const keyEnd = start + 2 + (bytes[start + 1] as number);
    const valueLength = bytes[keyEnd + 1] as number;
    const isUsual =
      bytes[start] === KEY &&
      keyEnd - start < 0x82 &&
      bytes[keyEnd] === VALUE &&
      valueLength < 0x80 &&
      keyEnd + 2 + valueLength === end;
    if (!isUsual) {
      this.#readFields(bytes, start, end);
      return;
    }
    this.keyStart = start + 2;
    this.keyEnd = keyEnd;
    this.valueStart = keyEnd + 2;
    this.valueEnd = end;
  }

  /** Long ones, and those in another order or with fields that nobody knows. */
  #readFields(bytes: Uint8Array, start: number, end: number): void {
    this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = end;
    const fields = this.#fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.tag === KEY) {
        this.keyStart = fields.start;
        this.keyEnd = fields.end;
      } else if (fields.tag === VALUE) {
        this.valueStart = fields.start;
        this.valueEnd = fields.end;
      }
    }
  }
}
