import type { ThrottleLimit } from '../domain/flags.ts';

/** A bucket as it was at one moment. Pure data; `decide` returns the next one. */
export interface BucketState {
  readonly tokens: number;
  /** Milliseconds on the clock that `decide` is called with. */
  readonly at: number;
}

export interface BucketDecision {
  readonly allowed: boolean;
  /** The bucket after this request: with a token less if it was allowed. */
  readonly state: BucketState;
  /** Seconds until one token is there; 0 when allowed, Infinity when the rate is 0. */
  readonly retryAfterSeconds: number;
}

/**
 * Token bucket: holds at most `burst` tokens, gains `requestsPerSecond` a second, each request takes one. A rate of 0
 * refuses everything, the burst included.
 * @param state undefined for a bucket never used: it starts full
 * @param now milliseconds on a clock that never goes back
 */
export function decide(state: BucketState | undefined, limit: ThrottleLimit, now: number): BucketDecision {
  const { requestsPerSecond, burst } = limit;
  if (requestsPerSecond === 0) {
    return { allowed: false, state: { tokens: 0, at: now }, retryAfterSeconds: Number.POSITIVE_INFINITY };
  }
  const elapsedSeconds = state === undefined ? 0 : Math.max(0, now - state.at) / 1_000;
  const tokens = Math.min(burst, (state?.tokens ?? burst) + elapsedSeconds * requestsPerSecond);
  if (tokens >= 1) return { allowed: true, state: { tokens: tokens - 1, at: now }, retryAfterSeconds: 0 };
  return { allowed: false, state: { tokens, at: now }, retryAfterSeconds: (1 - tokens) / requestsPerSecond };
}
