import { type ContentLimits, type IngestLimits, orNone } from './limits.ts';
import { NameHash } from './limits-hash.ts';
import { NOTICED, SurveyedItems } from './limits-items.ts';
import { claimText, KeyRoles, plainText, ROLE } from './limits-names.ts';
import { AttributeReader, FieldReader } from './wire-fields.ts';
import { MESSAGE } from './wire-messages.ts';

const SERVER_KIND = 2;
const KIND_TAG = 0x30;
const NAME_TAG = 0x2a;
const STRING_TAG = 0x0a;
const KEY_TAG = 0x0a;
const RESOURCE_ATTRIBUTE_TAG = 0x0a;

/** Field of the attributes in every message that is an item, with its wire type. */
export const ATTRIBUTE_TAGS: Readonly<Record<number, number>> = {
  [MESSAGE.SPAN]: 9 * 8 + 2,
  [MESSAGE.NUMBER_POINT]: 7 * 8 + 2,
  [MESSAGE.HISTOGRAM_POINT]: 9 * 8 + 2,
  [MESSAGE.EXPONENTIAL_HISTOGRAM_POINT]: 1 * 8 + 2,
  [MESSAGE.SUMMARY_POINT]: 7 * 8 + 2,
};

/** Messages that the wire check tells a survey of, once it has passed over them. */
export const SURVEYED = new Uint8Array(Object.keys(MESSAGE).length);
for (const message of Object.keys(ATTRIBUTE_TAGS)) SURVEYED[Number(message)] = 1;
SURVEYED[MESSAGE.RESOURCE] = 1;
SURVEYED[MESSAGE.SCOPE] = 1;
SURVEYED[MESSAGE.RESOURCE_SPANS] = 1;
SURVEYED[MESSAGE.RESOURCE_METRICS] = 1;

/** What a resource says of all below it. */
interface SurveyedResource {
  /** Place of the attribute that names the tenant; Infinity: none does. */
  rank: number;
  claimA: number;
  claimB: number;
  /** Its `service.name`; undefined: none. */
  service: string | undefined;
}

const newResource = (): SurveyedResource => ({
  rank: Number.POSITIVE_INFINITY,
  claimA: 0,
  claimB: 0,
  service: undefined,
});

/**
 * What the limits need to know of a request, noted down while the wire check passes over it: of each span and data point
 * whose it claims to be, of each span a hash of its attribute keys and of its route, and whether it holds too much. One
 * object serves all requests, as a pass waits for nothing.
 */
export class Survey {
  readonly items = new SurveyedItems();
  resources: SurveyedResource[] = [];
  /** A resource or a scope holds more than the limits on content allow. */
  outside = false;
  /** From here on the wire check shows what it sees. */
  readonly longAttribute: number;
  readonly valueDepth: number;

  readonly #keyBytes: number;
  readonly #valueBytes: number;
  /** More than the limits on content allow was seen; the message around it takes note. */
  #touched = false;
  readonly #attributeLimit: number;
  readonly #roles: KeyRoles;
  readonly #hash = new NameHash();
  readonly #fields = new FieldReader();
  readonly #attribute = new AttributeReader();
  #resource = newResource();
  #rank = 0;
  #seen = 0;
  #shapeA = 0;
  #shapeB = 0;
  readonly #route = new ValuePlace();
  readonly #method = new ValuePlace();
  readonly #oldMethod = new ValuePlace();
  readonly #name = new ValuePlace();

  constructor(limits: ContentLimits & Pick<IngestLimits, 'tenantAttributes'>) {
    this.#attributeLimit = orNone(limits.attributes);
    this.#keyBytes = orNone(limits.keyBytes);
    this.#valueBytes = orNone(limits.valueBytes);
    this.longAttribute = Math.min(this.#keyBytes, this.#valueBytes);
    this.valueDepth = orNone(limits.valueDepth);
    this.#roles = new KeyRoles(limits.tenantAttributes);
  }

  begin(): void {
    this.items.count = 0;
    this.resources = [];
    this.#resource = newResource();
    this.outside = false;
    this.#touched = false;
  }

  sawDeepValue(): void {
    this.#touched = true;
  }

  /** Told of attributes of more than `longAttribute` bytes, before anything in them is checked. */
  sawLongAttribute(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > this.#valueBytes) this.#touched = true;
    else this.#touched ||= shortLength(bytes, start) > this.#keyBytes;
  }

  /** Told of every message in SURVEYED, behind what is in it. */
  passed(message: number, bytes: Uint8Array, start: number, end: number): void {
    const attributeTag = ATTRIBUTE_TAGS[message];
    if (attributeTag !== undefined) {
      this.#passedItem(bytes, start, end, message === MESSAGE.SPAN, attributeTag);
    } else if (message === MESSAGE.RESOURCE) {
      this.#noteOutside();
      this.#readResource(bytes, start, end);
    } else if (message === MESSAGE.SCOPE) this.#noteOutside();
    else {
      // Only now: protobuf lets the resource stand behind its spans, or in several pieces.
      this.resources.push(this.#resource);
      this.#resource = newResource();
    }
  }

  #noteOutside(): void {
    this.outside ||= this.#touched;
    this.#touched = false;
  }

  #passedItem(bytes: Uint8Array, start: number, end: number, isSpan: boolean, attributeTag: number): void {
    const item = this.items.add(start, end, this.resources.length);
    let noticed: number = (this.#touched ? NOTICED.CONTENT : 0) | (isSpan ? NOTICED.SPAN : 0);
    this.#touched = false;
    this.#rank = Number.POSITIVE_INFINITY;
    this.#seen = this.#shapeA = this.#shapeB = 0;
    this.#route.end = this.#method.end = this.#oldMethod.end = this.#name.end = 0;
    let attributes = 0;
    let kind = 0;
    const fields = this.#fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.tag === attributeTag) {
        attributes++;
        noticed |= this.#readAttribute(bytes, item, isSpan);
      } else if (!isSpan) continue;
      else if (fields.tag === NAME_TAG) this.#name.set(fields.start, fields.end);
      else if (fields.tag === KIND_TAG) kind = bytes[fields.start] as number;
    }
    if (isSpan && attributes > this.#attributeLimit) noticed |= NOTICED.CONTENT;
    if (isSpan && kind === SERVER_KIND) {
      noticed |= NOTICED.ROUTE;
      this.#hashRoute(bytes);
      this.items.routeA[item] = this.#hash.a;
      this.items.routeB[item] = this.#hash.b;
    }
    this.items.shapeA[item] = this.#shapeA;
    this.items.shapeB[item] = this.#shapeB;
    this.items.noticed[item] = noticed;
  }

  /** @returns bits of NOTICED */
  #readAttribute(bytes: Uint8Array, item: number, isSpan: boolean): number {
    const attribute = this.#attribute;
    const hash = this.#hash;
    attribute.read(bytes, this.#fields.start, this.#fields.end);
    hash.bytes(bytes, attribute.keyStart, attribute.keyEnd);
    this.#shapeA = Math.imul(this.#shapeA ^ hash.a, 0x9e3779b1) ^ (this.#shapeA >>> 15);
    this.#shapeB = Math.imul(this.#shapeB ^ hash.b, 0x85ebca77) ^ (this.#shapeB >>> 13);
    const role = this.#roles.of(hash.a, hash.b);
    if (role === ROLE.NONE) return 0;
    if (role < ROLE.ROUTE) return this.#noteClaim(bytes, item, role);
    if (!isSpan) return 0;
    if (role === ROLE.ROUTE) this.#route.of(attribute);
    else if (role === ROLE.METHOD) this.#method.of(attribute);
    else if (role === ROLE.OLD_METHOD) this.#oldMethod.of(attribute);
    return 0;
  }

  #noteClaim(bytes: Uint8Array, item: number, rank: number): number {
    const bit = 1 << rank;
    if ((this.#seen & bit) !== 0) return NOTICED.TWICE;
    this.#seen |= bit;
    if (rank > this.#rank || !this.#hashClaim(bytes, true)) return 0;
    this.#rank = rank;
    this.items.claimA[item] = this.#hash.a;
    this.items.claimB[item] = this.#hash.b;
    return NOTICED.CLAIM;
  }

  /** What the views make of a server span: its method and `http.route`, or its name. */
  #hashRoute(bytes: Uint8Array): void {
    const hash = this.#hash;
    if (this.#route.isEmpty(bytes)) {
      hash.bytes(bytes, this.#name.start, this.#name.end);
      return;
    }
    const method = this.#method.isEmpty(bytes) ? this.#oldMethod : this.#method;
    hash.bytes(bytes, method.start, method.end);
    const { a, b } = hash;
    hash.bytes(bytes, this.#route.start, this.#route.end);
    hash.add(a, b);
  }

  #readResource(bytes: Uint8Array, start: number, end: number): void {
    const resource = this.#resource;
    const fields = this.#fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.tag !== RESOURCE_ATTRIBUTE_TAG) continue;
      const attribute = this.#attribute;
      attribute.read(bytes, fields.start, fields.end);
      this.#hash.bytes(bytes, attribute.keyStart, attribute.keyEnd);
      const role = this.#roles.of(this.#hash.a, this.#hash.b);
      if (role === ROLE.SERVICE) resource.service ??= plainText(bytes, attribute.valueStart, attribute.valueEnd);
      else if (role < resource.rank && role < ROLE.ROUTE && this.#hashClaim(bytes, false)) {
        resource.rank = role;
        resource.claimA = this.#hash.a;
        resource.claimB = this.#hash.b;
      }
    }
  }

  /** Hashes the value that was read last, if the store takes it for the name of a tenant. */
  #hashClaim(bytes: Uint8Array, onSpan: boolean): boolean {
    const { valueStart, valueEnd } = this.#attribute;
    const isShortText =
      bytes[valueStart] === STRING_TAG && valueStart + 2 + (bytes[valueStart + 1] as number) === valueEnd;
    if (isShortText && isPlainId(bytes, valueStart + 2, valueEnd)) {
      this.#hash.bytes(bytes, valueStart + 2, valueEnd);
      return true;
    }
    const text = claimText(bytes, valueStart, valueEnd, onSpan);
    if (text === undefined) return false;
    this.#hash.text(text);
    return true;
  }
}

/** Length of the key that an attribute begins with, up to 14 bits; one that begins otherwise counts as long. */
function shortLength(bytes: Uint8Array, start: number): number {
  const [tag = 0, low = 0, high = 0] = bytes.subarray(start, start + 3);
  if (tag !== KEY_TAG) return Number.POSITIVE_INFINITY;
  if (low < 0x80) return low;
  return high < 0x80 ? (low & 0x7f) + high * 0x80 : Number.POSITIVE_INFINITY;
}

/** Letters, digits and dashes, which most ids are of, and no longer than an id may be: no need to decode those. */
function isPlainId(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start || end - start > 127) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const isPlain =
      (byte >= 0x61 && byte <= 0x7a) ||
      (byte >= 0x30 && byte <= 0x39) ||
      (byte >= 0x41 && byte <= 0x5a) ||
      (byte === 0x2d && at > start);
    if (!isPlain) return false;
  }
  return true;
}

/** Where an AnyValue stands. */
class ValuePlace {
  start = 0;
  /** 0: nowhere. */
  end = 0;

  set(start: number, end: number): void {
    this.start = start;
    this.end = end;
  }

  of({ valueStart, valueEnd }: AttributeReader): void {
    // The first of several counts, as for the store.
    if (this.end === 0) this.set(valueStart, valueEnd);
  }

  isEmpty(bytes: Uint8Array): boolean {
    const { start, end } = this;
    return end === 0 || end === start || (bytes[start] === STRING_TAG && bytes[start + 1] === 0);
  }
}
