const FIRST_ITEMS = 1_024;

/** What was noticed of an item. */
export const NOTICED = {
  /** It names a tenant itself. */
  CLAIM: 1,
  /** It has a route: a server span's. */
  ROUTE: 2,
  /** Something in it is longer, deeper or more than the limits on content allow. */
  CONTENT: 4,
  /** It names its tenant twice under one key. */
  TWICE: 8,
  /** It is a span. */
  SPAN: 16,
} as const;

/** Spans and data points of one request in the order of the wire. Flat arrays, which grow to the largest request. */
export class SurveyedItems {
  count = 0;
  /** Where its bytes stand. */
  start = new Uint32Array(FIRST_ITEMS);
  end = new Uint32Array(FIRST_ITEMS);
  /** Place of its resource among those of the request. */
  resource = new Uint32Array(FIRST_ITEMS);
  /** Bits of NOTICED. */
  noticed = new Uint8Array(FIRST_ITEMS);
  /** Hash of the tenant that it names. */
  claimA = new Int32Array(FIRST_ITEMS);
  claimB = new Int32Array(FIRST_ITEMS);
  /** Hash of a span's attribute keys in their order, and of its route. */
  shapeA = new Int32Array(FIRST_ITEMS);
  shapeB = new Int32Array(FIRST_ITEMS);
  routeA = new Int32Array(FIRST_ITEMS);
  routeB = new Int32Array(FIRST_ITEMS);

  /** @returns the place of a new item */
  add(start: number, end: number, resource: number): number {
    const item = this.count++;
    if (item === this.start.length) this.#grow(item * 2);
    this.start[item] = start;
    this.end[item] = end;
    this.resource[item] = resource;
    return item;
  }

  #grow(length: number): void {
    this.start = grown(this.start, new Uint32Array(length));
    this.end = grown(this.end, new Uint32Array(length));
    this.resource = grown(this.resource, new Uint32Array(length));
    this.noticed = grown(this.noticed, new Uint8Array(length));
    this.claimA = grown(this.claimA, new Int32Array(length));
    this.claimB = grown(this.claimB, new Int32Array(length));
    this.shapeA = grown(this.shapeA, new Int32Array(length));
    this.shapeB = grown(this.shapeB, new Int32Array(length));
    this.routeA = grown(this.routeA, new Int32Array(length));
    this.routeB = grown(this.routeB, new Int32Array(length));
  }
}

function grown<Values extends Uint8Array | Int32Array | Uint32Array>(old: Values, larger: Values): Values {
  larger.set(old);
  return larger;
}
