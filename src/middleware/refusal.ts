import { ERRORS } from '../domain/errors.ts';
import type { ThrottleDecision } from './throttle.ts';

/** An answer in place of the app's own: RFC 9457 problem details. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function problem(status: number, headers: Record<string, string>, members: Record<string, unknown>): Refusal {
  const body = JSON.stringify({ type: 'about:blank', status, ...members });
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    body,
  };
}

/**
 * 429 for a request that a throttle refuses, with `Retry-After` and the RateLimit fields of
 * draft-ietf-httpapi-ratelimit-headers. Says what the limit is; why it was set is the operator's to tell.
 */
export function throttleRefusal(decision: ThrottleDecision): Refusal {
  const seconds = decision.retryAfterSeconds;
  const rate = decision.limit?.requestsPerSecond ?? 0;
  const burst = decision.limit?.burst ?? 1;
  const windowSeconds = rate === 0 ? seconds : Math.max(1, Math.round(burst / rate));
  return problem(
    ERRORS.RATE_LIMITED.status,
    {
      'retry-after': String(seconds),
      'ratelimit-policy': `"tenant";q=${rate === 0 ? 0 : Math.floor(burst)};w=${windowSeconds}`,
      ratelimit: `"tenant";r=0;t=${seconds}`,
    },
    {
      title: ERRORS.RATE_LIMITED.title,
      code: 'RATE_LIMITED',
      detail: `This tenant is limited to ${rate} requests a second for the time being.`,
      hint: `Try again in ${seconds} s.`,
      retry_after_seconds: seconds,
    },
  );
}

/** 400 for a request without a tenant, where the app requires one. */
export function tenantRefusal(): Refusal {
  return problem(
    ERRORS.BAD_REQUEST.status,
    {},
    {
      title: ERRORS.BAD_REQUEST.title,
      code: 'TENANT_REQUIRED',
      detail: 'The request does not say for which tenant it is.',
    },
  );
}
