import type { KeyHolder } from './key-check.ts';
import type { IngestLimits } from './limits.ts';
import { Rate } from './limits-rate.ts';

/** What one key may still do. As many as there are valid keys. */
interface KeyState {
  inWork: number;
  requestsFullAt: number;
  itemsFullAt: number;
  bytesFullAt: number;
}

type KeyLimit = 'key_requests' | 'key_spans' | 'key_bytes' | 'key_concurrency';

/** The limit that stands against a key, and how long. */
export interface KeyRefusal {
  readonly limit: KeyLimit;
  readonly perSecond: number;
  readonly retryAfterSeconds: number;
}

/**
 * The rates of the keys. A request is refused before its body is read when its key has nothing left; the one that uses up
 * the rest is still taken and paid off before the next. So nothing is decompressed and checked only to be refused, and
 * over time the rate holds to the span.
 */
export class KeyRates {
  readonly #requests: Rate;
  readonly #items: Rate;
  readonly #bytes: Rate;
  readonly #concurrency: number;
  readonly #keys = new Map<string, KeyState>();

  constructor({ key, keyConcurrency, burstSeconds }: Pick<IngestLimits, 'key' | 'keyConcurrency' | 'burstSeconds'>) {
    this.#requests = new Rate(key.requests, burstSeconds);
    this.#items = new Rate(key.items, burstSeconds);
    this.#bytes = new Rate(key.bytes, burstSeconds);
    this.#concurrency = keyConcurrency === 0 ? Number.POSITIVE_INFINITY : keyConcurrency;
  }

  /** What stands against another request; undefined: it is let in, and `leave` has to be called behind it. */
  enter(holder: KeyHolder, now: number): KeyRefusal | undefined {
    const key = this.#of(holder);
    if (key.inWork >= this.#concurrency) {
      return { limit: 'key_concurrency', perSecond: this.#concurrency, retryAfterSeconds: 1 };
    }
    const refusal = refusalBy('key_requests', this.#requests, key.requestsFullAt, now) ?? this.#exhausted(key, now);
    if (refusal !== undefined) return refusal;
    key.requestsFullAt = this.#requests.taken(key.requestsFullAt, now, 1);
    key.inWork++;
    return undefined;
  }

  leave(holder: KeyHolder): void {
    this.#of(holder).inWork--;
  }

  forgive(holder: KeyHolder): void {
    const key = this.#of(holder);
    key.requestsFullAt = this.#requests.putBack(key.requestsFullAt, 1);
  }

  /** Whether others used up the rest while the body of a request was read. */
  exhausted(holder: KeyHolder, now: number): KeyRefusal | undefined {
    return this.#exhausted(this.#of(holder), now);
  }

  /** @returns takes the charge back */
  charge(holder: KeyHolder, items: number, bytes: number, now: number): () => void {
    const key = this.#of(holder);
    key.itemsFullAt = this.#items.taken(key.itemsFullAt, now, items);
    key.bytesFullAt = this.#bytes.taken(key.bytesFullAt, now, bytes);
    return () => {
      key.itemsFullAt = this.#items.putBack(key.itemsFullAt, items);
      key.bytesFullAt = this.#bytes.putBack(key.bytesFullAt, bytes);
    };
  }

  #exhausted(key: KeyState, now: number): KeyRefusal | undefined {
    return (
      refusalBy('key_spans', this.#items, key.itemsFullAt, now) ??
      refusalBy('key_bytes', this.#bytes, key.bytesFullAt, now)
    );
  }

  #of({ keyId }: KeyHolder): KeyState {
    const known = this.#keys.get(keyId);
    if (known !== undefined) return known;
    const key = { inWork: 0, requestsFullAt: 0, itemsFullAt: 0, bytesFullAt: 0 };
    this.#keys.set(keyId, key);
    return key;
  }
}

function refusalBy(limit: KeyLimit, rate: Rate, fullAt: number, now: number): KeyRefusal | undefined {
  if (rate.available(fullAt, now) >= 1) return undefined;
  return { limit, perSecond: rate.perSecond, retryAfterSeconds: rate.secondsUntil(fullAt, now, 1) };
}
