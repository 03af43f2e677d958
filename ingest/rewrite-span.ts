import { LIMITED_ATTRIBUTE, TENANT_ATTRIBUTE } from '../src/domain/attributes.ts';
import { UNKNOWN_TENANT } from '../src/domain/tenant-id.ts';
import type { IngestLimits } from './limits.ts';
import { plainText, tenantNames } from './limits-names.ts';
import { AttributeCutter, type Losses, noLosses, textAttribute } from './rewrite-attributes.ts';
import { Pieces } from './rewrite-pieces.ts';
import { AttributeReader, FieldReader } from './wire-fields.ts';

const NAME = 5 * 8 + 2;
const ATTRIBUTES = 9 * 8 + 2;
const DROPPED_ATTRIBUTES = 10 * 8;
const EVENT = 11 * 8 + 2;
const LINK = 13 * 8 + 2;

/** Fields of a message's attributes and of the number of those that were dropped. */
export interface AttributeFields {
  readonly attributes: number;
  readonly dropped: number;
}
const EVENT_FIELDS: AttributeFields = { attributes: 3 * 8 + 2, dropped: 4 * 8 };
const LINK_FIELDS: AttributeFields = { attributes: 4 * 8 + 2, dropped: 5 * 8 };

/** Where a field's content stands. */
type Place = readonly [start: number, end: number];

const LARGEST_COUNT = 0xffff_ffff;
const OTHER = '(other)';
/** What the semantic conventions put for a method that is none of HTTP's own. */
const OTHER_METHOD = '_OTHER';
const HTTP_METHODS = new Set([
  ...['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE'],
  OTHER_METHOD,
]);
const ROUTE_KEY = 'http.route';
const METHOD_KEYS = ['http.request.method', 'http.method'] as const;

/** What is to be done to a span beside the limits on content. */
export interface SpanEdits {
  /** Its route is one too many. */
  readonly route: boolean;
  /** Its tenant is one too many. */
  readonly tenant: boolean;
  readonly allows: (bytes: Uint8Array, start: number, end: number) => boolean;
}

/** How often each limit struck. */
export interface LimitTally {
  losses: Losses;
  routes: number;
  tenants: number;
}

/** Writes spans anew within the limits, marked with what was changed. */
export class SpanRewriter {
  readonly #cutter: AttributeCutter;
  readonly #tenantNames: ReadonlySet<string>;

  constructor(limits: IngestLimits) {
    this.#cutter = new AttributeCutter(limits);
    this.#tenantNames = new Set(tenantNames(limits.tenantAttributes));
  }

  /** The span in `bytes[start, end)`; undefined: it may stay as it is. */
  rewrite(bytes: Uint8Array, start: number, end: number, edits: SpanEdits, tally: LimitTally): Pieces | undefined {
    const span = new Pieces();
    const own = noLosses();
    const inner = noLosses();
    const places: Place[] = [];
    let dropped = 0;
    let name: Place = [start, start];
    const fields = new FieldReader().open(bytes, start, end);
    while (fields.next()) {
      if (fields.tag === ATTRIBUTES) places.push([fields.start, fields.end]);
      else if (fields.tag === DROPPED_ATTRIBUTES) dropped = fields.number();
      else if (fields.tag === NAME) name = [fields.start, fields.end];
      else if (fields.tag === EVENT) this.#writeInner(span, EVENT, EVENT_FIELDS, fields, inner);
      else if (fields.tag === LINK) this.#writeInner(span, LINK, LINK_FIELDS, fields, inner);
      else span.push(bytes.subarray(fields.fieldStart, fields.end));
    }
    const replaced = edits.route ? otherRoute(bytes, places, textAt(bytes, ...name)) : new Map<string, string>();
    if (edits.tenant) replaced.set(TENANT_ATTRIBUTE, UNKNOWN_TENANT);
    const newName = replaced.get(SPAN_NAME);
    replaced.delete(SPAN_NAME);
    const rules = {
      ...{ allows: edits.allows, tenantNames: this.#tenantNames },
      replaced: new Set([...replaced.keys(), LIMITED_ATTRIBUTE]),
    };
    this.#cutter.write(span, ATTRIBUTES, bytes, places, own, rules);
    const marks = marksOf([own, inner], edits);
    if (marks.length === 0) return undefined;
    for (const [key, value] of replaced) span.pushMessage(ATTRIBUTES, textAttribute(key, value));
    span.pushMessage(ATTRIBUTES, textAttribute(LIMITED_ATTRIBUTE, marks.join(',')));
    if (newName !== undefined) span.pushBytes(NAME, Buffer.from(newName));
    else if (name[1] > name[0]) span.pushBytes(NAME, bytes.subarray(...name));
    pushDropped(span, DROPPED_ATTRIBUTES, dropped, own);
    for (const losses of [own, inner]) addLosses(tally.losses, losses);
    if (edits.route) tally.routes++;
    if (edits.tenant) tally.tenants++;
    return span;
  }

  /**
   * A resource or a scope, marked if it was changed; undefined: it may stay as it is.
   * @param at start and end of its content
   */
  rewriteAround(bytes: Uint8Array, at: Place, fields: AttributeFields, tally: LimitTally): Pieces | undefined {
    const message = new Pieces();
    const losses = noLosses();
    this.#write(message, fields, bytes, at, losses);
    const marks = marksOf([losses], { route: false, tenant: false });
    if (marks.length === 0) return undefined;
    message.pushMessage(fields.attributes, textAttribute(LIMITED_ATTRIBUTE, marks.join(',')));
    addLosses(tally.losses, losses);
    return message;
  }

  /** A data point as nobody's: it has no attributes that could be too many, and no count of those that were dropped. */
  unnamed(bytes: Uint8Array, [start, end]: Place, attributes: number, tally: LimitTally): Pieces {
    const point = new Pieces();
    const reader = new AttributeReader();
    const fields = new FieldReader().open(bytes, start, end);
    while (fields.next()) {
      if (fields.tag === attributes) {
        reader.read(bytes, fields.start, fields.end);
        if (textAt(bytes, reader.keyStart, reader.keyEnd) === TENANT_ATTRIBUTE) continue;
      }
      point.push(bytes.subarray(fields.fieldStart, fields.end));
    }
    point.pushMessage(attributes, textAttribute(TENANT_ATTRIBUTE, UNKNOWN_TENANT));
    tally.tenants++;
    return point;
  }

  #writeInner(span: Pieces, tag: number, inner: AttributeFields, { bytes, start, end }: FieldReader, losses: Losses) {
    const message = new Pieces();
    this.#write(message, inner, bytes, [start, end], losses);
    span.pushMessage(tag, message);
  }

  #write(
    message: Pieces,
    { attributes, dropped }: AttributeFields,
    bytes: Uint8Array,
    [start, end]: Place,
    losses: Losses,
  ): void {
    const own = noLosses();
    const places: Place[] = [];
    let droppedBefore = 0;
    const fields = new FieldReader().open(bytes, start, end);
    while (fields.next()) {
      if (fields.tag === attributes) places.push([fields.start, fields.end]);
      else if (fields.tag === dropped) droppedBefore = fields.number();
      else message.push(bytes.subarray(fields.fieldStart, fields.end));
    }
    this.#cutter.write(message, attributes, bytes, places, own, undefined);
    pushDropped(message, dropped, droppedBefore, own);
    addLosses(losses, own);
  }
}

/** Stands for the span's name among its attributes to replace; no key is empty once it has been read by the views. */
const SPAN_NAME = '';

/** What a server span is given instead of a route that is one too many for its tenant. */
function otherRoute(bytes: Uint8Array, places: readonly Place[], name: string): Map<string, string> {
  const values = new Map<string, string | undefined>();
  const reader = new AttributeReader();
  for (const [start, end] of places) {
    reader.read(bytes, start, end);
    const key = textAt(bytes, reader.keyStart, reader.keyEnd);
    if (key !== ROUTE_KEY && !METHOD_KEYS.some((method) => method === key)) continue;
    if (!values.has(key)) values.set(key, plainText(bytes, reader.valueStart, reader.valueEnd));
  }
  const route = values.get(ROUTE_KEY);
  const replaced = new Map<string, string>();
  if (route === '' || !values.has(ROUTE_KEY)) return replaced.set(SPAN_NAME, OTHER);
  replaced.set(ROUTE_KEY, OTHER);
  for (const key of METHOD_KEYS) {
    if (values.has(key) && !HTTP_METHODS.has(values.get(key) ?? '')) replaced.set(key, OTHER_METHOD);
  }
  // As instrumentations name server spans: the route, mostly with the method before it.
  if (route !== undefined && name.endsWith(route)) {
    const method = name.slice(0, -route.length).trim();
    replaced.set(SPAN_NAME, HTTP_METHODS.has(method) ? `${method} ${OTHER}` : OTHER);
  }
  return replaced;
}

function marksOf(all: readonly Losses[], edits: Pick<SpanEdits, 'route' | 'tenant'>): string[] {
  const any = (of: (losses: Losses) => number) => all.some((losses) => of(losses) > 0);
  const marks: readonly (readonly [mark: string, isSet: boolean])[] = [
    ['attributes', any((losses) => losses.attributes + losses.names)],
    ['keys', any((losses) => losses.keys)],
    ['values', any((losses) => losses.values)],
    ['depth', any((losses) => losses.depths)],
    ['route', edits.route],
    ['tenant', edits.tenant],
  ];
  return marks.filter(([, isSet]) => isSet).map(([mark]) => mark);
}

function pushDropped(message: Pieces, tag: number, before: number, { attributes, names, keys }: Losses): void {
  const dropped = Math.min(LARGEST_COUNT, before + attributes + names + keys);
  if (dropped > 0) message.pushVarint(tag, dropped);
}

function addLosses(to: Losses, from: Losses): void {
  to.attributes += from.attributes;
  to.names += from.names;
  to.keys += from.keys;
  to.values += from.values;
  to.depths += from.depths;
}

function textAt(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
