import type { ThrottleLimit } from '../domain/flags.ts';
import type { Quota } from './throttle-meter.ts';

/** Seconds in which a bucket that was emptied is full again: the window over which the burst is the quota. */
function windowSeconds({ requestsPerSecond, burst }: ThrottleLimit): number {
  return Math.max(1, Math.round(burst / requestsPerSecond));
}

/** One text for each limit that is held, made once: a new one for each answer has to be checked by Node for each. */
const policies = new WeakMap<ThrottleLimit, string>();

function policyOf(limit: ThrottleLimit, window: number): string {
  const { requestsPerSecond: rate, burst, maxConcurrent } = limit;
  const concurrency = maxConcurrent === undefined ? '' : `, "concurrent";q=${maxConcurrent};qu="concurrent-requests"`;
  return `"tenant";q=${rate === 0 ? 0 : Math.floor(burst)};w=${window}${concurrency}`;
}

function heldPolicyOf(limit: ThrottleLimit): string {
  const held = policies.get(limit);
  if (held !== undefined) return held;
  const made = policyOf(limit, windowSeconds(limit));
  policies.set(limit, made);
  return made;
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
  const left = retryAfterSeconds === undefined ? remaining : 0;
  const reset = retryAfterSeconds ?? Math.ceil(resetSeconds);
  return {
    // Nothing is let through at a rate of 0, for as long as the throttle lasts.
    'ratelimit-policy': limit.requestsPerSecond === 0 ? policyOf(limit, Math.max(1, reset)) : heldPolicyOf(limit),
    ratelimit: `"tenant";r=${left};t=${reset}`,
  };
}
