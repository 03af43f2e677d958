import { LIMITED_ATTRIBUTE } from '../src/domain/attributes.ts';
import { READ_ATTRIBUTES } from '../src/domain/read-attributes.ts';
import type { SegmentSignal } from '../src/domain/spool-format.ts';
import type { TenantExhausted, TenantRates } from './admission-tenants.ts';
import { Cardinality, COUNTED_NAMES, type TenantName } from './cardinality.ts';
import type { KeyHolder } from './key-check.ts';
import { type IngestLimits, orNone } from './limits.ts';
import { NameHash } from './limits-hash.ts';
import { NOTICED, type SurveyedItems } from './limits-items.ts';
import { KnownKeys, tenantNames } from './limits-names.ts';
import type { Survey } from './limits-survey.ts';
import type { ItemFate } from './rewrite.ts';
import { AttributeReader, FieldReader } from './wire-fields.ts';

const FIRST_ITEMS = 1_024;
const SPAN_ATTRIBUTES = 9 * 8 + 2;
/** What is to become of an item, as bits. */
const FATE = { DROP: 1, CONTENT: 2, ROUTE: 4, TENANT: 8 } as const;

/** Spans and data points that claim to be another's than their key says. */
export interface Mismatches {
  readonly tenants: number;
  readonly services: number;
}

/**
 * Whose the surveyed spans of a request are, and which of their names are too many. One object for all requests, like the
 * survey that it reads.
 */
export class AdmissionNames {
  /** Some span has to be written anew. */
  hasEdits = false;
  readonly #survey: Survey;
  readonly #tenants: TenantRates;
  readonly #cardinality: Cardinality;
  readonly #tenantsPerKey: number;
  readonly #keyBytes: number;
  /** Kept whatever a tenant's number of keys is. */
  readonly #readKeys: KnownKeys;
  readonly #keyOwners = new Map<string, TenantName>();
  readonly #hash = new NameHash();
  readonly #fields = new FieldReader();
  readonly #attribute = new AttributeReader();
  /** Of each item: number and hash of its tenant, 0 for nobody's, and bits of FATE. */
  #numbers = new Uint32Array(FIRST_ITEMS);
  #tenantA = new Int32Array(FIRST_ITEMS);
  #tenantB = new Int32Array(FIRST_ITEMS);
  #fates = new Uint8Array(FIRST_ITEMS);

  constructor(limits: IngestLimits, survey: Survey, tenants: TenantRates) {
    this.#survey = survey;
    this.#tenants = tenants;
    this.#tenantsPerKey = limits.tenantsPerKey;
    this.#keyBytes = orNone(limits.keyBytes);
    this.#readKeys = new KnownKeys([...READ_ATTRIBUTES, ...tenantNames(limits.tenantAttributes), LIMITED_ATTRIBUTE]);
    this.#cardinality = new Cardinality({
      ...{ routes: limits.routesPerTenant, attributeKeys: limits.attributeKeysPerTenant },
    });
  }

  turnTo(wallMs: number, now: number): void {
    if (this.#cardinality.turnTo(wallMs)) this.#tenants.forgetIdle(now);
  }

  /** Of a key that is bound to a tenant: what stands against that one's next span. */
  exhausted({ tenantId }: KeyHolder, now: number): TenantExhausted | undefined {
    if (tenantId === undefined) return undefined;
    this.#hash.text(tenantId);
    return this.#tenants.exhausted(this.#tenants.numberOf(this.#hash.a, this.#hash.b), now);
  }

  /** Says of each item whose it is and counts it for that tenant; comes first. */
  findTenants(holder: KeyHolder): Mismatches {
    const { items, resources } = this.#survey;
    this.hasEdits = false;
    this.#makeRoom(items.count);
    this.#fates.fill(0, 0, items.count);
    this.#tenants.begin();
    const bound = this.#ofKey(holder);
    const mismatches = { tenants: 0, services: 0 };
    for (let item = 0; item < items.count; item++) {
      const resource = resources[items.resource[item] as number];
      const hasOwn = ((items.noticed[item] as number) & NOTICED.CLAIM) !== 0;
      const hasClaim = hasOwn || (resource !== undefined && resource.rank !== Number.POSITIVE_INFINITY);
      const a = hasOwn ? (items.claimA[item] as number) : (resource?.claimA ?? 0);
      const b = hasOwn ? (items.claimB[item] as number) : (resource?.claimB ?? 0);
      if (bound !== undefined) {
        this.#set(item, bound);
        if (hasClaim && (a !== bound.a || b !== bound.b) && !this.#tenants.isReservedName(a, b)) mismatches.tenants++;
      } else if (hasClaim) this.#claim(item, a, b, holder);
      else this.#set(item, NOBODY);
      const { service } = holder;
      if (service !== undefined && resource?.service !== undefined && resource.service !== service)
        mismatches.services++;
      this.#tenants.count(this.#numbers[item] as number, sizeOf(items, item));
    }
    return mismatches;
  }

  /** Drops what the verdict of the tenants leaves no room for. @returns how many items stay */
  dropRejected(): number {
    const { items } = this.#survey;
    let kept = 0;
    for (let item = 0; item < items.count; item++) {
      if (this.#tenants.take(this.#numbers[item] as number, sizeOf(items, item))) kept++;
      else this.#fates[item] = FATE.DROP;
    }
    return kept;
  }

  /** Finds the spans that have to be cut: for what they hold, or for a name that is one too many for their tenant. */
  limit(signal: SegmentSignal, body: Uint8Array, { keyId }: KeyHolder): void {
    if (signal !== 'traces') return;
    const { items } = this.#survey;
    const hash = this.#hash;
    for (let item = 0; item < items.count; item++) {
      let fate = this.#fates[item] as number;
      if (fate === FATE.DROP) continue;
      const noticed = items.noticed[item] as number;
      if ((noticed & (NOTICED.CONTENT | NOTICED.TWICE)) !== 0) fate |= FATE.CONTENT;
      hash.set(items.shapeA[item] as number, items.shapeB[item] as number);
      hash.add(this.#tenantA[item] as number, this.#tenantB[item] as number);
      if ((noticed & NOTICED.ROUTE) !== 0) hash.add(items.routeA[item] as number, items.routeB[item] as number);
      if (!this.#cardinality.isKnownSpan(hash.a, hash.b)) fate |= this.#newNames(item, body, keyId, hash.a, hash.b);
      if (fate === 0) continue;
      this.#fates[item] = fate;
      this.hasEdits = true;
    }
  }

  fateOf(item: number, { keyId }: KeyHolder): ItemFate {
    const fate = this.#fates[item] as number;
    if (fate === 0) return 'keep';
    if (fate === FATE.DROP) return 'drop';
    return {
      route: (fate & FATE.ROUTE) !== 0,
      tenant: (fate & FATE.TENANT) !== 0,
      allows: (bytes, start, end) => this.#allows(item, bytes, start, end, keyId),
    };
  }

  /** @returns bits of FATE: 0, and the span is remembered, if all its names may be used */
  #newNames(item: number, body: Uint8Array, keyId: string, spanA: number, spanB: number): number {
    const { items } = this.#survey;
    let fate = 0;
    if (((items.noticed[item] as number) & NOTICED.ROUTE) !== 0) {
      const [a, b] = [items.routeA[item] as number, items.routeB[item] as number];
      if (!this.#cardinality.admit(COUNTED_NAMES.ROUTE, this.#ownerOf(item), a, b, keyId)) fate |= FATE.ROUTE;
    }
    const fields = this.#fields.open(body, items.start[item] as number, items.end[item] as number);
    while (fields.next()) {
      if (fields.tag !== SPAN_ATTRIBUTES) continue;
      this.#attribute.read(body, fields.start, fields.end);
      const { keyStart, keyEnd } = this.#attribute;
      if (!this.#allows(item, body, keyStart, keyEnd, keyId)) fate |= FATE.CONTENT;
    }
    if (fate === 0) this.#cardinality.rememberSpan(spanA, spanB);
    return fate;
  }

  #allows(item: number, bytes: Uint8Array, start: number, end: number, keyId: string): boolean {
    if (this.#isUncounted(bytes, start, end)) return true;
    this.#hash.bytes(bytes, start, end);
    const { a, b } = this.#hash;
    return this.#cardinality.admit(COUNTED_NAMES.ATTRIBUTE_KEY, this.#ownerOf(item), a, b, keyId);
  }

  /** Keys that are never dropped for their number, and those that are dropped for their length anyhow. */
  #isUncounted(bytes: Uint8Array, start: number, end: number): boolean {
    return end - start > this.#keyBytes || this.#readKeys.has(bytes, start, end);
  }

  #claim(item: number, a: number, b: number, { keyId }: KeyHolder): void {
    const owner = this.#keyOwner(keyId);
    const isAllowed =
      this.#tenants.isReservedName(a, b) ||
      this.#cardinality.admitBelow(this.#tenantsPerKey, COUNTED_NAMES.TENANT, owner, a, b, keyId);
    const number = isAllowed ? this.#tenants.numberOf(a, b) : 0;
    this.#set(item, number === 0 ? NOBODY : { a, b, number });
    if (number !== 0) return;
    this.#fates[item] = FATE.TENANT;
    this.hasEdits = true;
  }

  #keyOwner(keyId: string): TenantName {
    const known = this.#keyOwners.get(keyId);
    if (known !== undefined) return known;
    this.#hash.text(keyId);
    const owner = { a: this.#hash.a, b: this.#hash.b, number: this.#keyOwners.size + 1 };
    this.#keyOwners.set(keyId, owner);
    return owner;
  }

  #ofKey({ tenantId }: KeyHolder): TenantName | undefined {
    if (tenantId === undefined) return undefined;
    this.#hash.text(tenantId);
    const { a, b } = this.#hash;
    return { a, b, number: this.#tenants.numberOf(a, b) };
  }

  #ownerOf(item: number): TenantName {
    const [a, b] = [this.#tenantA[item] as number, this.#tenantB[item] as number];
    return { a, b, number: this.#numbers[item] as number };
  }

  #set(item: number, { a, b, number }: TenantName): void {
    this.#numbers[item] = number;
    this.#tenantA[item] = a;
    this.#tenantB[item] = b;
  }

  #makeRoom(items: number): void {
    if (items <= this.#numbers.length) return;
    const length = this.#survey.items.start.length;
    this.#numbers = new Uint32Array(length);
    this.#tenantA = new Int32Array(length);
    this.#tenantB = new Int32Array(length);
    this.#fates = new Uint8Array(length);
  }
}

const NOBODY: TenantName = { a: 0, b: 0, number: 0 };

function sizeOf(items: SurveyedItems, item: number): number {
  return (items.end[item] as number) - (items.start[item] as number);
}
