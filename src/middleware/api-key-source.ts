import { createHash } from 'node:crypto';
import { LruCache } from './lru-cache.ts';
import type { Found, SourceRequest, TenantSource } from './tenant-source.ts';

/** Options of `fromApiKey`. */
export interface ApiKeySourceOptions {
  /** The tenant of a key; undefined or null when there is no such key. May ask a database: answers are cached. */
  readonly lookUp: (key: string) => Found | null | Promise<Found | null>;
  /** The header the key stands in. Default `x-api-key`; of `authorization` the token behind `Bearer` is taken. */
  readonly header?: string;
  /** What every key begins with (`sk_`); anything else is no key and is not looked up. Default: nothing. */
  readonly prefix?: string;
  /** How long an answer holds, in milliseconds: a revoked key works that long. Default 60,000. */
  readonly ttlMs?: number;
  /** How long an unknown key is remembered as unknown, in milliseconds. Default 10,000. */
  readonly unknownTtlMs?: number;
  /** Most answers kept for known keys, and as many for unknown ones. Default 10,000. */
  readonly maxEntries?: number;
  /** Most keys looked up at once; beyond it the source fails for further keys. Default 256. */
  readonly maxLookUps?: number;
  /** When a look-up without an answer is given up, in milliseconds. Default 2,000. */
  readonly timeoutMs?: number;
  /** The clock, in milliseconds. Default `performance.now`. */
  readonly now?: () => number;
}

interface Answer {
  readonly found: Found;
  readonly until: number;
}

const MAX_KEY_LENGTH = 512;

class Keys {
  readonly #options: ApiKeySourceOptions;
  readonly #now: () => number;
  // Apart, so that a flood of made-up keys cannot push the real ones out.
  readonly #known: LruCache<Answer>;
  readonly #unknown: LruCache<Answer>;
  readonly #underWay = new Map<string, Promise<Found>>();

  constructor(options: ApiKeySourceOptions) {
    const { maxEntries = 10_000, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#known = new LruCache(maxEntries);
    this.#unknown = new LruCache(maxEntries);
  }

  tenantOf(key: string): Found | Promise<Found> {
    // Not the key itself: caches end up in heap dumps.
    const digest = createHash('sha256').update(key).digest('base64');
    const answer = this.#cached(this.#known, digest) ?? this.#cached(this.#unknown, digest);
    if (answer !== undefined) return answer.found;
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    if (this.#underWay.size >= (this.#options.maxLookUps ?? 256)) throw new Error('Too many keys are being looked up');
    return this.#lookUp(key, digest);
  }

  #cached(cache: LruCache<Answer>, digest: string): Answer | undefined {
    const answer = cache.get(digest);
    if (answer === undefined || answer.until > this.#now()) return answer;
    cache.delete(digest);
    return undefined;
  }

  #lookUp(key: string, digest: string): Found | Promise<Found> {
    const found = this.#options.lookUp(key);
    if (!(found instanceof Promise)) return this.#keep(digest, found);
    const kept = this.#inTime(found)
      .then((value) => this.#keep(digest, value))
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, kept);
    return kept;
  }

  // Without an end, one look-up that never answers would hold up its key for ever: later requests join it.
  async #inTime(looking: Promise<Found | null>): Promise<Found | null> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error('The look-up of a key took too long')),
        this.#options.timeoutMs ?? 2_000,
      );
      timer.unref();
    });
    return await Promise.race([looking, timeout]).finally(() => clearTimeout(timer));
  }

  #keep(digest: string, value: Found | null): Found {
    const { ttlMs = 60_000, unknownTtlMs = 10_000 } = this.#options;
    const found = value ?? undefined;
    const [cache, ttl] = found === undefined ? [this.#unknown, unknownTtlMs] : [this.#known, ttlMs];
    cache.set(digest, { found, until: this.#now() + ttl });
    return found;
  }
}

function keyIn(request: SourceRequest, header: string): string | undefined {
  const value = request.headers[header];
  if (typeof value !== 'string') return undefined;
  return header === 'authorization' ? /^Bearer +(\S+)$/i.exec(value)?.[1] : value;
}

/**
 * The tenant that an API key belongs to, by the app's own look-up. Requests with the same key share one look-up;
 * answers are cached, also that there is no such key (counted as `api_key_rejected`). A look-up that fails is not
 * cached and is a failure of the source.
 */
export function fromApiKey(options: ApiKeySourceOptions): TenantSource {
  const keys = new Keys(options);
  const header = (options.header ?? 'x-api-key').toLowerCase();
  const { prefix = '' } = options;
  return {
    name: 'api_key',
    find(request, count) {
      const key = keyIn(request, header);
      if (key === undefined || key === '' || !key.startsWith(prefix)) return undefined;
      const judge = (found: Found): Found => {
        if (found === undefined) count('api_key_rejected');
        return found;
      };
      if (key.length > MAX_KEY_LENGTH) return judge(undefined);
      const found = keys.tenantOf(key);
      return found instanceof Promise ? found.then(judge) : judge(found);
    },
  };
}
