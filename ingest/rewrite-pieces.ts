/** Bytes of a message that is being put together: ranges of the original and what is new between them, copied once. */
export class Pieces {
  bytes = 0;
  readonly #parts: Uint8Array[] = [];

  push(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.bytes += part.length;
  }

  /** @param tag field number * 8 + 2 */
  pushMessage(tag: number, message: Pieces): void {
    this.push(header(tag, message.bytes));
    for (const part of message.#parts) this.#parts.push(part);
    this.bytes += message.bytes;
  }

  pushBytes(tag: number, content: Uint8Array): void {
    this.push(header(tag, content.length));
    this.push(content);
  }

  pushVarint(tag: number, value: number): void {
    this.push(header(tag, value));
  }

  joined(): Uint8Array {
    return Buffer.concat(this.#parts, this.bytes);
  }
}

/** A tag and a number below 2^32 behind it: a length, or the value itself. */
function header(tag: number, value: number): Uint8Array {
  const bytes: number[] = [];
  for (const number of [tag, value]) {
    let rest = number;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}
