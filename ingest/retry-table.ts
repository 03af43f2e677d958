/** Length of a request's key. */
export const KEY_BYTES = 16;

/** Key and items of one slot. */
const WORDS = 5;
const FIRST_SLOTS = 1_024;
/** Linear probing over hashes: at 0.8 a miss looks at 13 slots on average, a hit at 3. */
const MAX_LOAD = 0.8;

/**
 * Which keys are known, and how many items each stands for: open addressing in one typed array, 20 bytes a slot, 25 to
 * 50 bytes a key. A Map of strings takes about 110, and its entries are work for the garbage collector.
 */
export class RetryTable {
  #words: Uint32Array;
  #slots: number;
  #size = 0;

  /** @param expected keys that it should hold without growing */
  constructor(expected = 0) {
    let slots = FIRST_SLOTS;
    while (slots * MAX_LOAD <= expected) slots *= 2;
    this.#slots = slots;
    this.#words = new Uint32Array(slots * WORDS);
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** @returns the items (at least 1), 0 if the key is not known */
  get(key: Buffer): number {
    return this.#words[this.#slotOf(key) + WORDS - 1] as number;
  }

  /** @param items at least 1: a slot without any is free */
  set(key: Buffer, items: number): void {
    if (this.#size + 1 > this.#slots * MAX_LOAD) this.#grow();
    const at = this.#slotOf(key);
    if (this.#words[at + WORDS - 1] === 0) this.#size++;
    for (let word = 0; word < WORDS - 1; word++) this.#words[at + word] = key.readUInt32LE(word * 4);
    this.#words[at + WORDS - 1] = Math.max(1, items);
  }

  /** Index of the first word of the slot that holds the key, or of the free one where it belongs. */
  #slotOf(key: Buffer): number {
    const [a, b, c, d] = [key.readUInt32LE(0), key.readUInt32LE(4), key.readUInt32LE(8), key.readUInt32LE(12)];
    const words = this.#words;
    const mask = this.#slots - 1;
    let slot = a & mask;
    for (;;) {
      const at = slot * WORDS;
      if (words[at + 4] === 0) return at;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#slots *= 2;
    this.#words = new Uint32Array(this.#slots * WORDS);
    const mask = this.#slots - 1;
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from + WORDS - 1] === 0) continue;
      let slot = (old[from] as number) & mask;
      while (this.#words[slot * WORDS + WORDS - 1] !== 0) slot = (slot + 1) & mask;
      this.#words.set(old.subarray(from, from + WORDS), slot * WORDS);
    }
  }
}
