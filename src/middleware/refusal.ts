import { ERRORS } from '../domain/errors.ts';
import type { SuspensionEffect, SuspensionReason } from '../domain/tenant-state.ts';
import type { ThrottleDecision } from './throttle.ts';
import { rateLimitFields } from './throttle-fields.ts';

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
  const { requestsPerSecond = 0, burst = 1, maxConcurrent } = decision.limit ?? {};
  const quota = decision.quota ?? { limit: { requestsPerSecond, burst }, remaining: 0, resetSeconds: seconds };
  return problem(
    ERRORS.RATE_LIMITED.status,
    { 'retry-after': String(seconds), ...rateLimitFields(quota, seconds) },
    {
      title: ERRORS.RATE_LIMITED.title,
      code: 'RATE_LIMITED',
      detail:
        decision.exceeded === 'concurrency'
          ? `This tenant is limited to ${maxConcurrent} requests at the same time for the time being.`
          : `This tenant is limited to ${requestsPerSecond} requests a second for the time being.`,
      hint: `Try again in ${seconds} s.`,
      retry_after_seconds: seconds,
    },
  );
}

/**
 * 401 for a request without a tenant where the app requires one: no credential named any, or the one that did does not
 * hold. RFC 9110 asks for a challenge.
 */
export function tenantMissing(rejected: boolean): Refusal {
  return problem(
    ERRORS.UNAUTHENTICATED.status,
    { 'www-authenticate': rejected ? 'Bearer error="invalid_token"' : 'Bearer' },
    {
      title: ERRORS.UNAUTHENTICATED.title,
      code: 'TENANT_REQUIRED',
      detail: rejected
        ? 'The credentials that should say for which tenant the request is do not hold.'
        : 'The request does not say for which tenant it is.',
    },
  );
}

/** 403 for a tenant that is malformed, or that the caller may not name. Does not repeat what was named. */
export function tenantNotAllowed(): Refusal {
  return problem(
    ERRORS.FORBIDDEN.status,
    {},
    {
      title: 'Not allowed for this tenant',
      code: 'TENANT_NOT_ALLOWED',
      detail: 'The request is not allowed for the tenant that it names.',
    },
  );
}

/** What a refusal for a tenant's state says of it. */
interface Held {
  readonly status: 'suspended' | 'closed';
  readonly effect: SuspensionEffect;
  readonly reasonCode: SuspensionReason;
}

/**
 * 403 for a tenant that is suspended or closed. Tells the reason's code, by which the app can say more; the reason itself
 * is the operator's.
 */
export function tenantHeld({ status, effect, reasonCode }: Held): Refusal {
  const code = status === 'closed' ? 'TENANT_CLOSED' : 'TENANT_SUSPENDED';
  const why = status === 'closed' ? {} : { effect, reason_code: reasonCode };
  return problem(
    ERRORS[code].status,
    {},
    {
      title: ERRORS[code].title,
      code,
      detail:
        status === 'closed'
          ? 'This tenant is closed.'
          : effect === 'read_only'
            ? 'This tenant is suspended for the time being: it can read and change nothing.'
            : 'This tenant is suspended for the time being.',
      ...why,
    },
  );
}

/** 503 where the app wants no request whose tenant could not be found out. */
export function tenantUnknown(): Refusal {
  return problem(
    ERRORS.STORE_UNAVAILABLE.status,
    { 'retry-after': '1' },
    {
      title: 'The tenant cannot be told right now',
      code: 'TENANT_UNAVAILABLE',
      detail: 'What tells for which tenant a request is did not answer.',
      hint: 'Try again.',
    },
  );
}
