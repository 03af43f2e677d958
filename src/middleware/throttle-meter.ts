import type { ThrottleLimit } from '../domain/flags.ts';
import { burstShare, concurrencyShare, rateShare } from './fleet.ts';
import { ROUNDING, TokenBucket } from './token-bucket.ts';

/** `batch` gives way: it is refused while `interactive` requests could still be let through. */
export type Priority = 'interactive' | 'batch';

/** How much of a limit is left, for the `RateLimit` fields of the answer. */
export interface Quota {
  readonly limit: ThrottleLimit;
  /** Whole requests that this instance would still let through at once. */
  readonly remaining: number;
  /** Seconds until this instance lets a whole burst through again; 0 at a rate of 0. */
  readonly resetSeconds: number;
}

/** Part of burst and slots that only interactive requests may use. Stripe keeps the same share for critical calls. */
const INTERACTIVE_RESERVE = 0.2;
/** After a refused interactive request its retry must find a token, also when it comes a little late. */
const RETRY_GRACE_MS = 1_000;
/** Nobody knows when a request under way will end; sooner asks would be polling. */
const SLOT_RETRY_SECONDS = 1;

/** Tokens that a batch request has to leave. At least one whole one, or an interactive request would find none. */
export function tokensKept(burst: number): number {
  return burst < 2 ? 0 : Math.min(burst - 1, Math.max(1, burst * INTERACTIVE_RESERVE));
}

function slotsFor(priority: Priority, slots: number): number {
  if (priority === 'interactive' || slots < 2) return slots;
  return slots - Math.max(1, Math.floor(slots * INTERACTIVE_RESERVE));
}

/**
 * What one throttle has let through: its bucket and its requests under way. Survives new revisions of the throttle, or
 * every correction would hand out a fresh burst and forget what is running. Is its bucket instead of having one: with
 * 10,000 tenants a decision costs what it has to fetch from memory, object by object.
 */
export class ThrottleMeter extends TokenBucket {
  #underWay = 0;
  /** Until then every token is kept for an interactive request that was refused. */
  #reservedUntil = Number.NEGATIVE_INFINITY;

  get underWay(): number {
    return this.#underWay;
  }

  /** Seconds until the rate lets a request of this weight through; 0: now. A weight above the burst needs a full bucket. */
  rateWait(limit: ThrottleLimit, weight: number, priority: Priority, instances: number, now: number): number {
    const rate = rateShare(limit, instances);
    const burst = burstShare(limit, instances);
    if (priority === 'interactive') {
      const wait = this.wait(Math.min(weight, burst), rate, burst, now);
      if (wait > 0 && rate > 0) this.#reservedUntil = now + wait * 1_000 + RETRY_GRACE_MS;
      return wait;
    }
    const kept = tokensKept(burst);
    const wait = this.wait(kept + Math.min(weight, burst - kept), rate, burst, now);
    return Math.max(wait, (this.#reservedUntil - now) / 1_000, 0);
  }

  /** Seconds until it is worth asking for a slot again; 0: one is free, or there is no limit of concurrent requests. */
  slotWait(limit: ThrottleLimit, priority: Priority, instances: number): number {
    const slots = concurrencyShare(limit, instances);
    return slots === undefined || this.#underWay < slotsFor(priority, slots) ? 0 : SLOT_RETRY_SECONDS;
  }

  pass(limit: ThrottleLimit, weight: number, instances: number): void {
    this.take(Math.min(weight, burstShare(limit, instances)));
  }

  enter(): void {
    this.#underWay += 1;
  }

  leave(): void {
    this.#underWay = Math.max(0, this.#underWay - 1);
  }

  /** What is left of the limit, as a client is told it. */
  quota(limit: ThrottleLimit, instances: number, now: number): Quota {
    const rate = rateShare(limit, instances);
    if (rate === 0) return { limit, remaining: 0, resetSeconds: 0 };
    const burst = burstShare(limit, instances);
    const tokens = this.fill(rate, burst, now);
    return { limit, remaining: Math.floor(tokens + ROUNDING), resetSeconds: (burst - tokens) / rate };
  }
}
