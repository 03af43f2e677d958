import { ERROR_CLASS_PATTERN } from '../domain/breaker.ts';
import { statusOf } from './breaker-rules.ts';

/** Thrown instead of calling an integration that fails for this tenant, or that was switched off for it. */
export class BreakerOpenError extends Error {
  readonly code = 'TENANTRY_BREAKER_OPEN';
  readonly integration: string;
  /** True when a flag opened it, false when the calls' own failures did. */
  readonly byFlag: boolean;
  /** Milliseconds until a call may probe the integration again; undefined: not known (a probe is under way, or a flag). */
  readonly retryAfterMs: number | undefined;

  constructor(integration: string, byFlag: boolean, retryAfterMs?: number) {
    super(`The breaker for ${integration} is open${byFlag ? ' by order of a flag' : ' after repeated failures'}`);
    this.name = 'BreakerOpenError';
    this.integration = integration;
    this.byFlag = byFlag;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Thrown when a call took longer than the breaker's `timeoutMs`; the call's signal is aborted with it. */
export class BreakerTimeoutError extends Error {
  readonly code = 'TENANTRY_BREAKER_TIMEOUT';
  readonly integration: string;

  constructor(integration: string, timeoutMs: number) {
    super(`${integration} did not answer within ${timeoutMs} ms`);
    this.name = 'BreakerTimeoutError';
    this.integration = integration;
  }
}

/**
 * What kind of error it was, for the server: a status, a code of the system, or the name of the class. Never any part
 * of its message: that may carry a customer's data.
 */
export function errorClassOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return `thrown_${error === null ? 'null' : typeof error}`;
  const status = statusOf(error);
  if (status !== undefined && Number.isInteger(status) && status >= 100 && status <= 599) return `http_${status}`;
  const { name, code, cause } = error as { name?: unknown; code?: unknown; cause?: unknown };
  // fetch hides ECONNREFUSED and the like in the cause of a TypeError.
  const inner = typeof cause === 'object' && cause !== null ? (cause as { code?: unknown }).code : undefined;
  const words = [code, inner, name].filter((word): word is string => typeof word === 'string');
  return words.find((word) => ERROR_CLASS_PATTERN.test(word)) ?? 'Error';
}
