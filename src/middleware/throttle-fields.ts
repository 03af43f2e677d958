import type { ThrottleLimit } from '../domain/flags.ts';
import type { Quota } from './throttle-meter.ts';

/** Seconds in which a bucket that was emptied is full again: the window over which the burst is the quota. */
function windowSeconds({ requestsPerSecond, burst }: ThrottleLimit): number {
  return Math.max(1, Math.round(burst / requestsPerSecond));
}

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10 for a tenant that is held back, on
 * allowed and refused answers alike. The policy is the limit as it was set; what remains is what this instance would
 * let through, so a client that trusts it is never refused for it.
 * @param retryAfterSeconds set on a refusal: nothing remains until then
 */
export function rateLimitFields(
  { limit, remaining, resetSeconds }: Quota,
  retryAfterSeconds?: number,
): Readonly<Record<string, string>> {
  const { requestsPerSecond: rate, burst, maxConcurrent } = limit;
  const left = retryAfterSeconds === undefined ? remaining : 0;
  const reset = retryAfterSeconds ?? Math.ceil(resetSeconds);
  const quota = rate === 0 ? 0 : Math.floor(burst);
  const window = rate === 0 ? Math.max(1, reset) : windowSeconds(limit);
  const concurrency = maxConcurrent === undefined ? '' : `, "concurrent";q=${maxConcurrent};qu="concurrent-requests"`;
  return {
    'ratelimit-policy': `"tenant";q=${quota};w=${window}${concurrency}`,
    ratelimit: `"tenant";r=${left};t=${reset}`,
  };
}
