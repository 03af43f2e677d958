import { READ_ATTRIBUTES } from '../src/domain/read-attributes.ts';
import { type ContentLimits, orNone } from './limits.ts';
import { Pieces } from './rewrite-pieces.ts';
import { type Cuts, ValueCutter } from './rewrite-value.ts';
import { AttributeReader } from './wire-fields.ts';

const KEY = 1 * 8 + 2;
const VALUE = 2 * 8 + 2;
const STRING = 1 * 8 + 2;

/** What a rewritten message has lost. */
export interface Losses extends Cuts {
  /** Attributes beyond the number that a span may have. */
  attributes: number;
  /** Attributes whose key is one too many for the tenant. */
  names: number;
}

export function noLosses(): Losses {
  return { keys: 0, values: 0, depths: 0, attributes: 0, names: 0 };
}

/** An attribute of the original: where its KeyValue stands, and its key as text. */
interface Attribute {
  readonly start: number;
  readonly end: number;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly key: string;
}

/** What holds for the attributes of a span beside the limits on content. */
export interface SpanRules {
  /** Whether the tenant may use this key; the bytes of it. */
  readonly allows: (bytes: Uint8Array, start: number, end: number) => boolean;
  /** Left out without being counted: something else is written instead. */
  readonly replaced: ReadonlySet<string>;
  /** Read by Tenantry as well, and of each only the first. */
  readonly tenantNames: ReadonlySet<string>;
}

const NO_RULES: SpanRules = { allows: () => true, replaced: new Set(), tenantNames: new Set() };

/** Applies the limits on content to a message's list of attributes. */
export class AttributeCutter {
  readonly #values: ValueCutter;
  readonly #most: number;
  readonly #keyBytes: number;
  readonly #reader = new AttributeReader();

  constructor(limits: ContentLimits) {
    this.#values = new ValueCutter(limits);
    this.#most = orNone(limits.attributes);
    this.#keyBytes = orNone(limits.keyBytes);
  }

  /**
   * @param places start and end of each KeyValue's content
   * @param tag of the attributes' field in the message that they are put into
   * @param rules of a span, whose number of attributes is limited too; undefined for any other message
   */
  write(
    into: Pieces,
    tag: number,
    bytes: Uint8Array,
    places: readonly (readonly [start: number, end: number])[],
    losses: Losses,
    rules: SpanRules | undefined,
  ): void {
    let kept: readonly Attribute[] = this.#kept(bytes, places, losses, rules ?? NO_RULES);
    if (rules !== undefined && kept.length > this.#most) kept = mostWanted(kept, this.#most, losses, rules.tenantNames);
    for (const attribute of kept) this.#writeOne(into, tag, bytes, attribute, losses);
  }

  #kept(
    bytes: Uint8Array,
    places: readonly (readonly [start: number, end: number])[],
    losses: Losses,
    { allows, replaced, tenantNames }: SpanRules,
  ): Attribute[] {
    const kept: Attribute[] = [];
    const seen = new Set<string>();
    for (const [start, end] of places) {
      this.#reader.read(bytes, start, end);
      const { keyStart, keyEnd } = this.#reader;
      if (keyEnd - keyStart > this.#keyBytes) {
        losses.keys++;
        continue;
      }
      const key = Buffer.from(bytes.buffer, bytes.byteOffset + keyStart, keyEnd - keyStart).toString('utf8');
      if (replaced.has(key)) continue;
      const isTenant = tenantNames.has(key);
      if (isTenant && seen.has(key)) {
        losses.attributes++;
        continue;
      }
      seen.add(key);
      if (isTenant || READ_ATTRIBUTES.has(key) || allows(bytes, keyStart, keyEnd)) {
        kept.push({ start, end, keyStart, keyEnd, key });
      } else losses.names++;
    }
    return kept;
  }

  #writeOne(into: Pieces, tag: number, bytes: Uint8Array, attribute: Attribute, losses: Losses): void {
    const { start, end, keyStart, keyEnd } = attribute;
    this.#reader.read(bytes, start, end);
    const value = this.#values.cut(bytes, this.#reader.valueStart, this.#reader.valueEnd, losses);
    if (value === undefined) {
      into.pushBytes(tag, bytes.subarray(start, end));
      return;
    }
    const cut = new Pieces();
    cut.pushBytes(KEY, bytes.subarray(keyStart, keyEnd));
    cut.pushBytes(VALUE, value);
    into.pushMessage(tag, cut);
  }
}

/** What figures are made of first, the rest in its order as far as there is room; in the order of the original. */
function mostWanted(
  attributes: readonly Attribute[],
  most: number,
  losses: Losses,
  tenantNames: ReadonlySet<string>,
): readonly Attribute[] {
  const read = new Set<string>();
  const isRead = attributes.map(({ key }) => {
    // Sent twice, an attribute is read once: a thousand copies have no more right to stay than any other.
    const wanted = (READ_ATTRIBUTES.has(key) || tenantNames.has(key)) && !read.has(key);
    read.add(key);
    return wanted;
  });
  let room = Math.max(0, most - isRead.filter(Boolean).length);
  const kept = attributes.filter((_, index) => isRead[index] === true || room-- > 0);
  losses.attributes += attributes.length - kept.length;
  return kept;
}

export function textAttribute(key: string, value: string): Pieces {
  const text = new Pieces();
  text.pushBytes(STRING, Buffer.from(value));
  const attribute = new Pieces();
  attribute.pushBytes(KEY, Buffer.from(key));
  attribute.pushMessage(VALUE, text);
  return attribute;
}
