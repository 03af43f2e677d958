import type { ThrottleLimit } from '../domain/flags.ts';

/**
 * How long a smaller fleet must have been reported before this instance takes a larger share. After an outage of the
 * server its count starts at one and grows as instances come back; the slowest of them takes the longest back-off, 30 s.
 */
const SHRINK_AFTER_MS = 45_000;

/**
 * How many instances of this service share a limit, as the server sees them. A larger number counts at once, a smaller
 * one only after it has held for a while: every error of the count then lets too little through, not too much.
 * What was told last is kept while the server is away. Pure; the clock must be monotonic.
 */
export class FleetSize {
  #instances = 1;
  /** The largest number told since smaller ones began to come. */
  #smaller = 0;
  #smallerSince: number | undefined;

  /** The server's count, with this instance. */
  tell(instances: number, now: number): void {
    if (instances >= this.at(now)) {
      this.#instances = instances;
      this.#smallerSince = undefined;
      return;
    }
    this.#smaller = this.#smallerSince === undefined ? instances : Math.max(this.#smaller, instances);
    this.#smallerSince ??= now;
  }

  /** Instances to divide a limit by; at least 1. */
  at(now: number): number {
    if (this.#smallerSince !== undefined && now - this.#smallerSince >= SHRINK_AFTER_MS) {
      this.#instances = this.#smaller;
      this.#smallerSince = undefined;
    }
    return this.#instances;
  }
}

/** This instance's part of the sustained rate. Parts below one request a second are whole: a token takes longer. */
export function rateShare({ requestsPerSecond }: ThrottleLimit, instances: number): number {
  return requestsPerSecond / instances;
}

/**
 * This instance's part of the burst. Never below 1, or a small limit would become a refusal of everything: with more
 * instances than burst, the fleet may let one request of each through at once.
 */
export function burstShare({ burst }: ThrottleLimit, instances: number): number {
  return Math.max(1, burst / instances);
}

/** This instance's part of the requests under way at once: whole, at least 1; undefined when there is no such limit. */
export function concurrencyShare({ maxConcurrent }: ThrottleLimit, instances: number): number | undefined {
  return maxConcurrent === undefined ? undefined : Math.max(1, Math.floor(maxConcurrent / instances));
}
