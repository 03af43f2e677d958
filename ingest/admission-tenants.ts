import { RESERVED_TENANTS } from '../src/domain/tenant-id.ts';
import type { IngestLimits } from './limits.ts';
import { HashIndex, NameHash } from './limits-hash.ts';
import { Rate } from './limits-rate.ts';

/** Told apart at a time; 100 bytes each at most. Spans of tenants beyond count as nobody's. */
const MOST_TENANTS = 2 ** 18;
/** Numbers up to here are of nobody and of the names that stand for more than one: no limit of a tenant holds for them. */
const LAST_RESERVED = RESERVED_TENANTS.length;

/** What one tenant has in the request in work. */
interface Share {
  readonly tenant: number;
  items: number;
  bytes: number;
  /** What may still be stored of it. */
  itemsLeft: number;
  bytesLeft: number;
  storedItems: number;
  storedBytes: number;
}

export type TenantLimit = 'tenant_requests' | 'tenant_spans' | 'tenant_bytes';

/** What stands against a tenant before it sends anything. */
export interface TenantExhausted {
  readonly limit: TenantLimit;
  readonly retryAfterSeconds: number;
}

/** Which limits the tenants of a request are over. */
export interface TenantsVerdict {
  /** Tenants by the limit that they are over. */
  readonly over: ReadonlyMap<TenantLimit, number>;
  /** All of the request is over, and would fit in later. */
  readonly comeAgain: boolean;
  /** Until then. */
  readonly retryAfterSeconds: number;
}

/** The rates of the tenants: numbers for their names, and a bucket of each kind for each number. */
export class TenantRates {
  readonly #index = new HashIndex();
  readonly #hash = new NameHash();
  readonly #requests: Rate;
  readonly #items: Rate;
  readonly #bytes: Rate;
  readonly #mostTenants: number;
  #requestsFullAt = new Float64Array(64);
  #itemsFullAt = new Float64Array(64);
  #bytesFullAt = new Float64Array(64);
  /** Place of its share among those of the request in work, by number; 0 = none. */
  #shareOf = new Uint32Array(64);
  #shares: Share[] = [];
  #ofNobody = 0;
  #generation = 0;

  constructor({ tenant, burstSeconds }: Pick<IngestLimits, 'tenant' | 'burstSeconds'>, mostTenants = MOST_TENANTS) {
    this.#requests = new Rate(tenant.requests, burstSeconds);
    this.#items = new Rate(tenant.items, burstSeconds);
    this.#bytes = new Rate(tenant.bytes, burstSeconds);
    this.#mostTenants = mostTenants;
    this.#addReserved();
  }

  get size(): number {
    return this.#index.size;
  }

  /** Whether a hash is that of a name which stands for more than one tenant, or for none. */
  isReservedName(a: number, b: number): boolean {
    const found = this.#index.find(a, b);
    return found !== 0 && found <= LAST_RESERVED;
  }

  /** The number of a tenant, by the hash of its name; 0 when there are too many. */
  numberOf(a: number, b: number): number {
    const found = this.#index.find(a, b);
    if (found !== 0 || this.#index.size >= this.#mostTenants) return found;
    const added = this.#index.add(a, b);
    if (added >= this.#shareOf.length) this.#grow();
    return added;
  }

  /** Gives the numbers anew, when nobody holds one: only buckets that are not full are worth keeping. */
  forgetIdle(now: number): void {
    const old = { requests: this.#requestsFullAt, items: this.#itemsFullAt, bytes: this.#bytesFullAt };
    const busy: { a: number; b: number; from: number }[] = [];
    this.#index.forEach((a, b, from) => {
      if (from <= LAST_RESERVED) return;
      const fullAt = Math.max(old.requests[from] ?? 0, old.items[from] ?? 0, old.bytes[from] ?? 0);
      if (fullAt > now) busy.push({ a, b, from });
    });
    this.begin();
    this.#generation++;
    this.#index.clear();
    this.#addReserved();
    const [requests, items, bytes] = [old.requests.slice(), old.items.slice(), old.bytes.slice()];
    old.requests.fill(0);
    old.items.fill(0);
    old.bytes.fill(0);
    for (const { a, b, from } of busy) {
      const to = this.numberOf(a, b);
      this.#requestsFullAt[to] = requests[from] ?? 0;
      this.#itemsFullAt[to] = items[from] ?? 0;
      this.#bytesFullAt[to] = bytes[from] ?? 0;
    }
  }

  begin(): void {
    for (const { tenant } of this.#shares) this.#shareOf[tenant] = 0;
    this.#shares = [];
    this.#ofNobody = 0;
  }

  count(tenant: number, bytes: number): void {
    if (tenant <= LAST_RESERVED) {
      this.#ofNobody++;
      return;
    }
    const place = this.#shareOf[tenant] as number;
    if (place === 0) {
      this.#shares.push({ tenant, items: 1, bytes, itemsLeft: 0, bytesLeft: 0, storedItems: 0, storedBytes: 0 });
      this.#shareOf[tenant] = this.#shares.length;
      return;
    }
    const share = this.#shares[place - 1] as Share;
    share.items++;
    share.bytes += bytes;
  }

  /**
   * Decides on what was counted. Where every tenant of a request is over its limit and would fit in later, the request can
   * come again as a whole. Otherwise each gets what it may have, to the last span.
   */
  decide(now: number): TenantsVerdict {
    const over = new Map<TenantLimit, number>();
    let tenantsOver = 0;
    let fitsLater = true;
    let retryAfterSeconds = 0;
    for (const share of this.#shares) {
      const limit = this.#allow(share, now);
      if (limit === undefined) continue;
      tenantsOver++;
      over.set(limit, (over.get(limit) ?? 0) + 1);
      retryAfterSeconds = Math.max(retryAfterSeconds, this.#secondsUntil(share, now));
      fitsLater &&= (this.#items.isOff || share.items <= this.#items.burst) && this.#fitsBytes(share);
    }
    const allOver = tenantsOver > 0 && tenantsOver === this.#shares.length && this.#ofNobody === 0;
    return { over, comeAgain: allOver && fitsLater, retryAfterSeconds };
  }

  /** Whether the next item of a tenant is to be stored, after `decide`. */
  take(tenant: number, bytes: number): boolean {
    if (tenant <= LAST_RESERVED) return true;
    const share = this.#shares[(this.#shareOf[tenant] as number) - 1] as Share;
    if (share.itemsLeft < 1 || share.bytesLeft < bytes) return false;
    share.itemsLeft--;
    share.bytesLeft -= bytes;
    share.storedItems++;
    share.storedBytes += bytes;
    return true;
  }

  /** Instead of `take` for each item, where nobody is over a limit. */
  takeAll(): void {
    for (const share of this.#shares) {
      share.storedItems = share.items;
      share.storedBytes = share.bytes;
    }
  }

  /**
   * Charges the tenants with what they took.
   * @returns takes the charge back, for a request that could not be stored in the end
   */
  charge(now: number): () => void {
    const taken = this.#shares.filter(({ storedItems }) => storedItems > 0);
    for (const { tenant, storedItems, storedBytes } of taken) {
      this.#requestsFullAt[tenant] = this.#requests.taken(this.#requestsFullAt[tenant] ?? 0, now, 1);
      this.#itemsFullAt[tenant] = this.#items.taken(this.#itemsFullAt[tenant] ?? 0, now, storedItems);
      this.#bytesFullAt[tenant] = this.#bytes.taken(this.#bytesFullAt[tenant] ?? 0, now, storedBytes);
    }
    const generation = this.#generation;
    return () => {
      // Numbers mean others by now.
      if (generation !== this.#generation) return;
      for (const { tenant, storedItems, storedBytes } of taken) {
        this.#requestsFullAt[tenant] = this.#requests.putBack(this.#requestsFullAt[tenant] ?? 0, 1);
        this.#itemsFullAt[tenant] = this.#items.putBack(this.#itemsFullAt[tenant] ?? 0, storedItems);
        this.#bytesFullAt[tenant] = this.#bytes.putBack(this.#bytesFullAt[tenant] ?? 0, storedBytes);
      }
    };
  }

  /** Which limit a tenant is over before it sends anything; for keys that are bound to one. */
  exhausted(tenant: number, now: number): TenantExhausted | undefined {
    if (tenant <= LAST_RESERVED) return undefined;
    const one = { tenant, items: 1, bytes: 1, itemsLeft: 0, bytesLeft: 0, storedItems: 0, storedBytes: 0 };
    const limit = this.#allow(one, now);
    return limit === undefined ? undefined : { limit, retryAfterSeconds: this.#secondsUntil(one, now) };
  }

  /** @returns the limit that keeps some of it out */
  #allow(share: Share, now: number): TenantLimit | undefined {
    const { tenant, items, bytes } = share;
    const ofRequests = this.#requests.available(this.#requestsFullAt[tenant] ?? 0, now);
    const ofItems = this.#items.available(this.#itemsFullAt[tenant] ?? 0, now);
    const ofBytes = this.#bytes.available(this.#bytesFullAt[tenant] ?? 0, now);
    share.itemsLeft = ofRequests < 1 ? 0 : ofItems;
    share.bytesLeft = ofBytes;
    if (ofRequests < 1) return 'tenant_requests';
    if (ofItems < items) return 'tenant_spans';
    return ofBytes < bytes ? 'tenant_bytes' : undefined;
  }

  #fitsBytes({ bytes }: Share): boolean {
    return this.#bytes.isOff || bytes <= this.#bytes.burst;
  }

  #secondsUntil({ tenant, items, bytes }: Share, now: number): number {
    return Math.max(
      this.#requests.secondsUntil(this.#requestsFullAt[tenant] ?? 0, now, 1),
      this.#items.secondsUntil(this.#itemsFullAt[tenant] ?? 0, now, items),
      this.#bytes.secondsUntil(this.#bytesFullAt[tenant] ?? 0, now, bytes),
    );
  }

  #addReserved(): void {
    for (const name of RESERVED_TENANTS) {
      this.#hash.text(name);
      this.#index.add(this.#hash.a, this.#hash.b);
    }
  }

  #grow(): void {
    const length = this.#shareOf.length * 2;
    const larger = (values: Float64Array<ArrayBuffer>) => {
      const copy = new Float64Array(length);
      copy.set(values);
      return copy;
    };
    this.#requestsFullAt = larger(this.#requestsFullAt);
    this.#itemsFullAt = larger(this.#itemsFullAt);
    this.#bytesFullAt = larger(this.#bytesFullAt);
    const shareOf = new Uint32Array(length);
    shareOf.set(this.#shareOf);
    this.#shareOf = shareOf;
  }
}
