import { HashIndex, NameHash } from './limits-hash.ts';

/** What is counted: each kind by itself. */
export const COUNTED_NAMES = { ROUTE: 1, ATTRIBUTE_KEY: 2, TENANT: 3 } as const;
type CountedNames = (typeof COUNTED_NAMES)[keyof typeof COUNTED_NAMES];

/** Of all tenants together: 16 bytes each, 32 MB at most. */
const MOST_NAMES = 2 ** 21;
const DAY_MS = 86_400_000;
/** A power of two: 128 KiB, which stay in the processor's cache. */
const KNOWN_SPANS = 2 ** 14;

export interface CardinalityOptions {
  /** Distinct routes and attribute keys of one tenant a day; 0 = any number. */
  readonly routes: number;
  readonly attributeKeys: number;
  readonly mostNames?: number;
}

/**
 * How many distinct names tenants use, by their hashes: exact (64 bits), in bounded memory, from anew each day (UTC). One
 * key may fill half of the memory: what one sender makes up must not use up everybody's.
 */
export class Cardinality {
  readonly #limits: Readonly<Record<number, number>>;
  readonly #mostNames: number;
  readonly #names = new HashIndex();
  readonly #hash = new NameHash();
  /** Names in use, by owner and kind. */
  readonly #counts = new Map<number, number>();
  readonly #byKey = new Map<string, number>();
  /** Hashes of spans all of whose names have been admitted: nearly every span is like one that came before. */
  #known = new Int32Array(2 * KNOWN_SPANS);
  #day = Number.NaN;

  constructor({ routes, attributeKeys, mostNames = MOST_NAMES }: CardinalityOptions) {
    this.#limits = { [COUNTED_NAMES.ROUTE]: routes, [COUNTED_NAMES.ATTRIBUTE_KEY]: attributeKeys };
    this.#mostNames = mostNames;
  }

  /** Names in memory. */
  get names(): number {
    return this.#names.size;
  }

  /**
   * Forgets yesterday's.
   * @param wallMs Unix ms
   * @returns whether a new day has begun
   */
  turnTo(wallMs: number): boolean {
    const day = Math.floor(wallMs / DAY_MS);
    if (day === this.#day) return false;
    this.#day = day;
    this.#names.clear();
    this.#counts.clear();
    this.#byKey.clear();
    this.#known = new Int32Array(2 * KNOWN_SPANS);
    return true;
  }

  isKnownSpan(a: number, b: number): boolean {
    const at = 2 * (a & (KNOWN_SPANS - 1));
    return this.#known[at] === a && this.#known[at + 1] === b;
  }

  rememberSpan(a: number, b: number): void {
    const at = 2 * (a & (KNOWN_SPANS - 1));
    this.#known[at] = a;
    this.#known[at + 1] = b;
  }

  /**
   * Whether a tenant may use this route or attribute key: it does already, or has not used as many as it may.
   * @param owner number of the tenant, 0 for spans of nobody
   * @param keyId whose half of the memory it takes
   */
  admit(kind: CountedNames, owner: TenantName, a: number, b: number, keyId: string): boolean {
    return this.admitBelow(this.#limits[kind] ?? 0, kind, owner, a, b, keyId);
  }

  /** The same with a limit of the caller's. */
  admitBelow(limit: number, kind: CountedNames, owner: TenantName, a: number, b: number, keyId: string): boolean {
    if (limit === 0) return true;
    const hash = this.#hash;
    hash.set(a, b);
    hash.add(owner.a + kind, owner.b);
    if (this.#names.find(hash.a, hash.b) !== 0) return true;
    const counter = owner.number * 4 + kind;
    const used = this.#counts.get(counter) ?? 0;
    const ofKey = this.#byKey.get(keyId) ?? 0;
    if (used >= limit || this.#names.size >= this.#mostNames || ofKey >= this.#mostNames / 2) return false;
    this.#names.add(hash.a, hash.b);
    this.#counts.set(counter, used + 1);
    this.#byKey.set(keyId, ofKey + 1);
    return true;
  }
}

/** Who uses a name: the hash of its own name, and a number that is its alone for the day. */
export interface TenantName {
  readonly a: number;
  readonly b: number;
  readonly number: number;
}
