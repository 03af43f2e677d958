import { TenantryError } from '../src/domain/errors.ts';

const FIRST_BYTES = 4 * 1024;
const LONGEST_NUMBER = 10;

/** Protobuf fields one behind the other, in a buffer that grows up to `maxBytes`. */
export class ProtobufWriter {
  readonly #maxBytes: number;
  #bytes: Buffer;
  #at = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytes = Buffer.allocUnsafe(FIRST_BYTES);
  }

  /** What was written; not copied, so the writer is done with. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    this.#room(LONGEST_NUMBER);
    this.#at = putVarint(this.#bytes, this.#at, value);
  }

  /** A whole number of 64 bits; negative ones as their two's complement. */
  varint64(value: bigint): void {
    this.#room(LONGEST_NUMBER);
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  fixed32(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  /** A whole number of 64 bits, with or without a sign. */
  fixed64(value: bigint): void {
    this.#room(8);
    this.#at = this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#at);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** The length and the bytes of `source` from `start` to `end`. */
  bytes(source: Uint8Array, start = 0, end = source.length): void {
    this.varint(end - start);
    this.#room(end - start);
    this.#bytes.set(source.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  /**
   * Begins a field whose length is not known yet.
   * @returns what `end` wants to know
   */
  begin(): number {
    this.#room(1);
    this.#at += 1;
    return this.#at;
  }

  /** Most lengths need the one byte that `begin` left; for others the content moves on. */
  end(start: number): void {
    const length = this.#at - start;
    let more = 0;
    for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) more++;
    if (more > 0) {
      this.#room(more);
      this.#bytes.copyWithin(start + more, start, this.#at);
      this.#at += more;
    }
    putVarint(this.#bytes, start - 1, length);
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#maxBytes + LONGEST_NUMBER) {
      throw new TenantryError('BODY_TOO_LARGE', `the request exceeds ${this.#maxBytes} bytes as protobuf`, {
        hint: 'Lower the batch size of the exporter, or raise TENANTRY_MAX_BODY_BYTES.',
      });
    }
    const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#bytes.length * 2), this.#maxBytes + 64));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

function putVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let position = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[position++] = (rest % 0x80) | 0x80;
  bytes[position++] = rest;
  return position;
}
