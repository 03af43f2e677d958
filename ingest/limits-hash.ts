import { randomBytes } from 'node:crypto';

const MULTIPLIER_A = 0x85ebca6b;
const MULTIPLIER_B = 0xc2b2ae35;
const seeds = randomBytes(8);

/**
 * 64-bit hashes of names, as two 32-bit halves: JavaScript has no 64-bit integers that are quick. 32 bits would not do:
 * of a million made-up routes beside 1,000 known ones, one in five such attacks would get a name past the limit.
 * The seed is of this process: nobody outside can compute names that collide.
 */
export class NameHash {
  /** The halves of the last hash. */
  a = 0;
  b = 0;
  readonly #seedA = seeds.readInt32LE(0);
  readonly #seedB = seeds.readInt32LE(4);

  /** Of `bytes[start, end)`. Four bytes a step: one by one costs the wire check half as much again. */
  bytes(bytes: Uint8Array, start: number, end: number): void {
    let a = this.#seedA ^ (end - start);
    let b = this.#seedB ^ (end - start);
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      a = Math.imul(a ^ word, MULTIPLIER_A);
      a ^= a >>> 15;
      b = Math.imul(b ^ word, MULTIPLIER_B);
      b ^= b >>> 13;
    }
    let rest = 0;
    for (; at < end; at++) rest = (rest << 8) | (bytes[at] as number);
    this.#finish(a, b, rest);
  }

  text(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.bytes(bytes, 0, bytes.length);
  }

  /** Puts another hash behind the present one; order matters. */
  add(a: number, b: number): void {
    this.#finish(Math.imul(this.a ^ a, MULTIPLIER_B) ^ (a >>> 16), Math.imul(this.b ^ b, MULTIPLIER_A) ^ (b >>> 16), 1);
  }

  set(a: number, b: number): void {
    this.a = a;
    this.b = b;
  }

  #finish(left: number, right: number, rest: number): void {
    let a = Math.imul(left ^ rest, MULTIPLIER_A);
    let b = Math.imul(right ^ rest, MULTIPLIER_B);
    a = Math.imul(a ^ (a >>> 13), MULTIPLIER_B);
    b = Math.imul(b ^ (b >>> 16), MULTIPLIER_A);
    this.a = (a ^ (a >>> 16)) | 0;
    this.b = (b ^ (b >>> 15)) | 0;
  }
}

const FIRST_SLOTS = 1_024;
/** Slots a name: more and the probes grow long. */
const ROOM = 2;

/**
 * Hashes, each with a number from 1 on in the order of their arrival. Flat arrays: 16 bytes a name at most, and nothing for the
 * garbage collector to walk.
 */
export class HashIndex {
  #slots = new Int32Array(FIRST_SLOTS);
  #a = new Int32Array(FIRST_SLOTS / ROOM + 1);
  #b = new Int32Array(FIRST_SLOTS / ROOM + 1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** 0: it is not there. */
  find(a: number, b: number): number {
    return this.#slots[this.#slotOf(a, b)] as number;
  }

  /** Its number, new or old. */
  add(a: number, b: number): number {
    const slot = this.#slotOf(a, b);
    const found = this.#slots[slot] as number;
    if (found !== 0) return found;
    this.#size++;
    this.#a[this.#size] = a;
    this.#b[this.#size] = b;
    this.#slots[slot] = this.#size;
    if ((this.#size + 1) * ROOM > this.#slots.length) this.#grow();
    return this.#size;
  }

  forEach(use: (a: number, b: number, number: number) => void): void {
    for (let number = 1; number <= this.#size; number++) {
      use(this.#a[number] as number, this.#b[number] as number, number);
    }
  }

  clear(): void {
    this.#slots = new Int32Array(FIRST_SLOTS);
    this.#a = new Int32Array(FIRST_SLOTS / ROOM + 1);
    this.#b = new Int32Array(FIRST_SLOTS / ROOM + 1);
    this.#size = 0;
  }

  #slotOf(a: number, b: number): number {
    const mask = this.#slots.length - 1;
    let slot = (a ^ (b << 7)) & mask;
    for (;;) {
      const found = this.#slots[slot] as number;
      if (found === 0 || (this.#a[found] === a && this.#b[found] === b)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const slots = this.#slots.length * 2;
    this.#slots = new Int32Array(slots);
    this.#a = enlarged(this.#a, slots / ROOM + 1);
    this.#b = enlarged(this.#b, slots / ROOM + 1);
    for (let name = 1; name <= this.#size; name++) {
      this.#slots[this.#slotOf(this.#a[name] as number, this.#b[name] as number)] = name;
    }
  }
}

function enlarged(values: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(values);
  return larger;
}
