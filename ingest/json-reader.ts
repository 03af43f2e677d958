/** Not JSON. `at` is the byte where that shows; the message holds nothing of the text. */
export class JsonFault extends Error {}

/** What is skipped because nobody knows it; far above what OTLP itself needs. */
const MAX_SKIPPED_DEPTH = 128;
/** Far above the 25 digits that a number of 64 bits can need; reading a number takes time that grows with its square. */
const MAX_NUMBER_LENGTH = 400;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const FIRST_PRINTABLE = 0x20;
const NUMBER_PATTERN = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/**
 * JSON (RFC 8259) read from its bytes, value by value, without making objects of it: a body of 20 MiB can hold seven
 * million empty ones, and a number of 64 bits would lose digits in a JavaScript number. Nothing here recurses.
 */
export class JsonReader {
  readonly #bytes: Buffer;
  #at: number;
  /** Of the string that was read last, without its quotes. */
  stringStart = 0;
  stringEnd = 0;
  /** Whether that string holds escapes, so that its bytes are not its text. */
  hasEscapes = false;

  /** @param bytes valid UTF-8 */
  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Where the next byte is read. */
  get at(): number {
    return this.#at;
  }

  /** What kind of value comes next. */
  type(): JsonType {
    const byte = this.#peek();
    if (byte === QUOTE) return 'string';
    if (byte === OPEN_OBJECT) return 'object';
    if (byte === OPEN_ARRAY) return 'array';
    if (byte === 0x74 || byte === 0x66) return 'boolean';
    if (byte === 0x6e) return 'null';
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) return 'number';
    throw this.#unexpected();
  }

  /** @returns whether the object that begins here has members; the first key is next then */
  openObject(): boolean {
    return this.#open(OPEN_OBJECT, CLOSE_OBJECT);
  }

  openArray(): boolean {
    return this.#open(OPEN_ARRAY, CLOSE_ARRAY);
  }

  /** @returns whether another member follows; else the object is over */
  moreMembers(): boolean {
    return this.#more(CLOSE_OBJECT);
  }

  moreElements(): boolean {
    return this.#more(CLOSE_ARRAY);
  }

  /** A key with its colon. */
  key(): string {
    const key = this.text();
    this.#colon();
    return key;
  }

  /** The next string; see `stringStart` for where it stands. */
  string(): void {
    if (this.#peek() !== QUOTE) throw this.#unexpected();
    const bytes = this.#bytes;
    let at = this.#at + 1;
    this.stringStart = at;
    this.hasEscapes = false;
    for (; ; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.hasEscapes = true;
        at++;
      } else if (byte === undefined || byte < FIRST_PRINTABLE) {
        this.#at = at;
        throw this.#unexpected();
      }
    }
    this.stringEnd = at;
    this.#at = at + 1;
  }

  /** The next string's text. */
  text(): string {
    this.string();
    return this.decoded();
  }

  /** The text of the string that was read last. A surrogate without its partner stays one; in UTF-8 it becomes U+FFFD. */
  decoded(): string {
    if (!this.hasEscapes) return this.#bytes.toString('utf8', this.stringStart, this.stringEnd);
    try {
      return String(JSON.parse(this.#bytes.toString('utf8', this.stringStart - 1, this.stringEnd + 1)));
    } catch {
      this.#at = this.stringStart;
      throw new JsonFault('an escape in a string is not valid');
    }
  }

  /** The next number as it is written. */
  number(): string {
    this.#peek();
    const start = this.#at;
    while (isNumberByte(this.#bytes[this.#at])) this.#at++;
    const text = this.#bytes.toString('latin1', start, this.#at);
    if (text.length <= MAX_NUMBER_LENGTH && NUMBER_PATTERN.test(text)) return text;
    this.#at = start;
    throw new JsonFault(text.length > MAX_NUMBER_LENGTH ? 'a number is too long' : 'a number is not valid');
  }

  boolean(): boolean {
    const isTrue = this.#peek() === 0x74;
    this.#literal(isTrue ? 'true' : 'false');
    return isTrue;
  }

  null(): void {
    this.#peek();
    this.#literal('null');
  }

  /** Nothing but white space is left. */
  end(): void {
    if (this.#peek() !== -1) throw new JsonFault('something follows the end of the JSON text');
  }

  /** Reads over the next value, whatever it is. */
  skip(): void {
    const closers: number[] = [];
    do {
      const type = this.type();
      if (type === 'object' || type === 'array') {
        if (closers.length === MAX_SKIPPED_DEPTH) throw new JsonFault('it is nested too deep');
        if (type === 'object' ? this.openObject() : this.openArray()) {
          closers.push(type === 'object' ? CLOSE_OBJECT : CLOSE_ARRAY);
          if (type === 'object') this.#skipKey();
          continue;
        }
      } else this.#skipScalar(type);
      this.#afterSkipped(closers);
    } while (closers.length > 0);
  }

  /** Behind a value: on to the next one, out of every container that is over. */
  #afterSkipped(closers: number[]): void {
    for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
      if (this.#more(closer)) {
        if (closer === CLOSE_OBJECT) this.#skipKey();
        return;
      }
      closers.pop();
    }
  }

  #skipKey(): void {
    this.#skipString();
    this.#colon();
  }

  #skipScalar(type: JsonType): void {
    if (type === 'string') this.#skipString();
    else if (type === 'number') this.number();
    else if (type === 'boolean') this.boolean();
    else this.null();
  }

  #skipString(): void {
    this.string();
    if (this.hasEscapes) this.decoded();
  }

  #open(opener: number, closer: number): boolean {
    if (this.#peek() !== opener) throw this.#unexpected();
    this.#at++;
    if (this.#peek() !== closer) return true;
    this.#at++;
    return false;
  }

  #more(closer: number): boolean {
    const byte = this.#peek();
    if (byte !== COMMA && byte !== closer) throw this.#unexpected();
    this.#at++;
    return byte === COMMA;
  }

  #colon(): void {
    if (this.#peek() !== COLON) throw this.#unexpected();
    this.#at++;
  }

  #literal(word: string): void {
    if (this.#bytes.toString('latin1', this.#at, this.#at + word.length) !== word) throw this.#unexpected();
    this.#at += word.length;
  }

  /** The next byte that is no white space; -1 at the end. */
  #peek(): number {
    const bytes = this.#bytes;
    for (; ; this.#at++) {
      const byte = bytes[this.#at];
      if (byte === undefined) return -1;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    }
  }

  #unexpected(): JsonFault {
    return new JsonFault(this.#at >= this.#bytes.length ? 'the JSON text is cut off' : 'it is not valid JSON');
  }
}

function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65;
}
