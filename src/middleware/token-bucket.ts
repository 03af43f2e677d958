/** Token buckets differ from the exact sum by rounding only; without this a caller on the dot would be refused. */
export const ROUNDING = 1e-9;

/**
 * Token bucket: holds at most `burst` tokens, gains `rate` a second, starts full. Changed in place and made of two
 * numbers: tens of thousands are held, and each is asked once a request. The rate and the size come with every
 * question, as the share of an instance changes while the bucket lives.
 */
export class TokenBucket {
  /** NaN until the first question, which finds it full. */
  #tokens = Number.NaN;
  #at = 0;

  /** Tokens that are there now. @param now milliseconds on a clock that never goes back */
  fill(rate: number, burst: number, now: number): number {
    const elapsedSeconds = Math.max(0, now - this.#at) / 1_000;
    const tokens = Number.isNaN(this.#tokens) ? burst : this.#tokens + elapsedSeconds * rate;
    this.#tokens = Math.min(tokens, burst);
    if (now > this.#at) this.#at = now;
    return this.#tokens;
  }

  /** Seconds until `wanted` tokens are there; 0 when they are, Infinity at a rate of 0, which refuses everything. */
  wait(wanted: number, rate: number, burst: number, now: number): number {
    if (rate === 0) return Number.POSITIVE_INFINITY;
    const missing = wanted - this.fill(rate, burst, now);
    return missing <= ROUNDING ? 0 : missing / rate;
  }

  /** Takes tokens that `wait` has just found there. */
  take(tokens: number): void {
    this.#tokens = Math.max(0, this.#tokens - tokens);
  }
}
