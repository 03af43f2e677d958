/** Against the error of adding up fractions: a unit that is there but for a millionth is there. */
const ALMOST = 1e-6;
/** Looked at for one that can be forgotten whenever a new bucket finds no room. */
const SWEPT_AT_A_TIME = 16;
/** What all newcomers share while there is no room for buckets of their own. */
const CROWD = '\u0000crowd';

export interface RatePolicy {
  /** Tells callers which limit it was; a short word. */
  readonly name: string;
  /** 0: no limit. */
  readonly perSecond: number;
  /** So many seconds' worth may come at once. */
  readonly burstSeconds: number;
  /** Buckets that are kept at most; about 150 bytes each. */
  readonly maxBuckets: number;
}

/** How one bucket stands. */
export interface Standing {
  readonly policy: RatePolicy;
  readonly capacity: number;
  readonly remaining: number;
  /** Seconds until the bucket is full again. */
  readonly fullAfterSeconds: number;
  /** Seconds until the next unit; 0 when one is there. */
  readonly waitSeconds: number;
}

/**
 * Token buckets by name, each kept as one number: the time at which it is full again. Asking and taking are one
 * synchronous step apart, so that requests at the same moment cannot both take the last unit. Libraries that count in
 * windows let twice the limit through at their edges and keep a timer for each caller.
 *
 * Memory is bounded: a full bucket is as good as none and is forgotten when room is needed; when none is full,
 * newcomers share one bucket, so that a flood of made-up names neither grows memory nor gets a fresh start each.
 */
export class RateLimiter {
  readonly policy: RatePolicy;
  readonly #capacity: number;
  readonly #msPerUnit: number;
  readonly #fullAt = new Map<string, number>();

  constructor(policy: RatePolicy) {
    this.policy = policy;
    this.#capacity = Math.max(1, Math.floor(policy.perSecond * policy.burstSeconds));
    this.#msPerUnit = policy.perSecond === 0 ? 0 : 1_000 / policy.perSecond;
  }

  get isOff(): boolean {
    return this.policy.perSecond === 0;
  }

  get buckets(): number {
    return this.#fullAt.size;
  }

  /** @param now milliseconds of a clock that only goes forward */
  standing(name: string, now: number): Standing {
    const owedMs = Math.max(0, (this.#fullAt.get(this.#bucketOf(name, now)) ?? 0) - now);
    const remaining = Math.floor(this.#capacity - owedMs / this.#msPerUnit + ALMOST);
    const waitMs = remaining >= 1 ? 0 : owedMs - (this.#capacity - 1) * this.#msPerUnit;
    return {
      policy: this.policy,
      capacity: this.#capacity,
      remaining: Math.max(0, remaining),
      fullAfterSeconds: owedMs / 1_000,
      waitSeconds: Math.max(0, waitMs) / 1_000,
    };
  }

  /** Takes one unit that `standing` has just found there. */
  take(name: string, now: number): void {
    const bucket = this.#bucketOf(name, now);
    this.#fullAt.set(bucket, Math.max(this.#fullAt.get(bucket) ?? 0, now) + this.#msPerUnit);
  }

  #bucketOf(name: string, now: number): string {
    if (this.#fullAt.has(name) || this.#hasRoom()) return name;
    for (const [oldest, fullAt] of [...this.#oldest()]) {
      this.#fullAt.delete(oldest);
      if (fullAt <= now && this.#hasRoom()) return name;
      // Still in use: to the end of the line, so that the next look finds others.
      this.#fullAt.set(oldest, fullAt);
    }
    return CROWD;
  }

  #hasRoom(): boolean {
    return this.#fullAt.size - (this.#fullAt.has(CROWD) ? 1 : 0) < this.policy.maxBuckets;
  }

  *#oldest(): Generator<[string, number]> {
    let looked = 0;
    for (const entry of this.#fullAt) {
      looked += 1;
      if (looked > SWEPT_AT_A_TIME) return;
      yield entry;
    }
  }
}
