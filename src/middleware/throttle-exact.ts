import type { CounterName } from './counters.ts';
import type { FlagStore, HeldThrottle } from './flag-store.ts';
import {
  checkThrottle,
  holdsFor,
  refusedBy,
  type ThrottleDecision,
  type ThrottleQuestion,
  weightOf,
} from './throttle.ts';
import { tokensKept } from './throttle-meter.ts';

/** What is used of a limiter of `rate-limiter-flexible` (Redis, Postgres, …). */
export interface SharedLimiter {
  /** Rejects with the same figures when the points are used up, and with an `Error` when the store fails. */
  consume(key: string, points: number): Promise<SharedCount>;
  /** Gives points back: what a batch request took of the part that is kept for interactive ones. */
  reward(key: string, points: number): Promise<unknown>;
}

/** What a limiter answers: points that are left, and milliseconds until the window begins anew. */
export interface SharedCount {
  readonly remainingPoints: number;
  readonly msBeforeNext: number;
}

/** What Tenantry asks of a limiter: `points` in every `duration` seconds, counted under keys that begin with `keyPrefix`. */
export interface SharedLimiterOptions {
  readonly keyPrefix: string;
  readonly points: number;
  readonly duration: number;
}

/** Where limits are counted that must hold exactly over all instances. */
export interface ExactLimits {
  /** Makes a limiter on your store: `(options) => new RateLimiterRedis({ storeClient: redis, ...options })`. */
  readonly limiter: (options: SharedLimiterOptions) => SharedLimiter;
  /** Longest wait for the store, in milliseconds; after it this instance's own share decides. Default 50. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 50;
/** After a failure the store is left alone, so that one that is down delays a request a second and not every one. */
const REST_AFTER_FAILURE_MS = 1_000;

interface Made {
  readonly limiter: SharedLimiter;
  readonly points: number;
}

/** A limit as windows: the shared counters know no buckets. The burst is spread over the window that it would fill. */
function windowOf({ flag: { limit } }: HeldThrottle): { points: number; duration: number } {
  const duration = Math.max(1, Math.ceil(limit.burst / limit.requestsPerSecond));
  return { points: Math.max(1, Math.floor(limit.requestsPerSecond * duration)), duration };
}

function isCount(thrown: unknown): thrown is SharedCount {
  return typeof thrown === 'object' && thrown !== null && 'msBeforeNext' in thrown && !(thrown instanceof Error);
}

/**
 * Throttles counted in a store that all instances share, for limits that must hold exactly whatever the load balancer
 * does. Asks the store only for tenants under an enforcing throttle; falls back to this instance's share of the limit
 * when the store fails or is slow. Concurrency and shadow mode are counted by each instance as ever.
 */
export class ExactThrottles {
  readonly #options: ExactLimits;
  readonly #store: FlagStore;
  readonly #count: (name: CounterName) => void;
  readonly #now: () => number;
  /** By throttle; dropped with it. */
  readonly #limiters = new WeakMap<HeldThrottle['flag'], Made>();
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(options: ExactLimits, store: FlagStore, count: (name: CounterName) => void, now: () => number) {
    this.#options = options;
    this.#store = store;
    this.#count = count;
    this.#now = now;
  }

  /** Never rejects. Synchronous for tenants without an enforcing throttle. */
  check(question: ThrottleQuestion): ThrottleDecision | Promise<ThrottleDecision> {
    const now = this.#now();
    const counted = this.#store
      .throttles(question.tenantId, now)
      .filter((held) => held.enforces && held.limit.requestsPerSecond > 0 && holdsFor(held, question));
    if (counted.length === 0) return checkThrottle(this.#store, question, now);
    if (now < this.#restsUntil) return this.#fallBack(question);
    const decision = checkThrottle(this.#store, question, now, 'counted elsewhere');
    if (!decision.allowed) return decision;
    return this.#inTime(this.#consumeAll(counted, question, decision)).catch(() => {
      decision.release?.();
      this.#restsUntil = this.#now() + REST_AFTER_FAILURE_MS;
      return this.#fallBack(question);
    });
  }

  #fallBack(question: ThrottleQuestion): ThrottleDecision {
    this.#count('throttle_exact_fallback');
    return checkThrottle(this.#store, question, this.#now());
  }

  async #consumeAll(
    counted: readonly HeldThrottle[],
    question: ThrottleQuestion,
    local: ThrottleDecision,
  ): Promise<ThrottleDecision> {
    let decision = local;
    for (const held of counted) {
      const count = await this.#consume(held, question);
      const quota = {
        limit: held.flag.limit,
        remaining: Math.max(0, count.remainingPoints),
        resetSeconds: Math.max(0, count.msBeforeNext) / 1_000,
      };
      if (!count.allowed) {
        local.release?.();
        held.refused += 1;
        return refusedBy(held, 'rate', quota.resetSeconds, quota, this.#now());
      }
      held.allowed += 1;
      if (decision.quota === undefined || quota.remaining < decision.quota.remaining) decision = { ...decision, quota };
    }
    return decision;
  }

  async #consume(held: HeldThrottle, question: ThrottleQuestion): Promise<SharedCount & { readonly allowed: boolean }> {
    const { limiter, points } = this.#limiterOf(held);
    const weight = Math.min(weightOf(question), points);
    try {
      const { remainingPoints, msBeforeNext } = await limiter.consume(question.tenantId, weight);
      const kept = question.priority === 'batch' ? Math.min(tokensKept(points), points - weight) : 0;
      if (remainingPoints >= kept) return { remainingPoints, msBeforeNext, allowed: true };
      await limiter.reward(question.tenantId, weight);
      return { remainingPoints, msBeforeNext, allowed: false };
    } catch (thrown) {
      if (!isCount(thrown)) throw thrown;
      return { remainingPoints: 0, msBeforeNext: thrown.msBeforeNext, allowed: false };
    }
  }

  #limiterOf(held: HeldThrottle): Made {
    const made = this.#limiters.get(held.flag);
    if (made !== undefined) return made;
    const window = windowOf(held);
    const fresh = {
      limiter: this.#options.limiter({ keyPrefix: `tenantry:${held.flag.id}`, ...window }),
      points: window.points,
    };
    this.#limiters.set(held.flag, fresh);
    return fresh;
  }

  async #inTime(work: Promise<ThrottleDecision>): Promise<ThrottleDecision> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the shared limiter is slow')), this.#options.timeoutMs ?? TIMEOUT_MS);
    });
    // What the store says after the time-out is nobody's business any more.
    work.catch(() => undefined);
    return await Promise.race([work, timeout]).finally(() => clearTimeout(timer));
  }
}
