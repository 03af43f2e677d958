import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/window.ts';

/**
 * Why it was not told: the address may not be reached; no connection; no answer in time; an answer that says no; a
 * message that no receiver takes; something that the operator has to set right first.
 */
export type FailureReason = 'address' | 'connection' | 'timeout' | 'answer' | 'message' | 'setup';

/** What came of an attempt to tell. `detail` is for people and holds no part of the target. */
export type SendOutcome =
  /** `shortfall`: it was taken, but not for everybody whom it was for. */
  | { readonly kind: 'sent'; readonly shortfall?: string }
  | {
      readonly kind: 'retry';
      readonly reason: FailureReason;
      readonly detail: string;
      readonly retryAfterMs?: number;
    }
  /** Would fail the same way every time. */
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly detail: string };

export type NextStep =
  | { readonly kind: 'sent' }
  | { readonly kind: 'again'; readonly dueAt: number }
  | { readonly kind: 'dead' };

export const RETRY = {
  firstMs: 2 * SECOND_MS,
  longestMs: 10 * MINUTE_MS,
  /** Reached after about an hour and a half of failures. */
  maxAttempts: 18,
  /** News older than this is no news; also bounds what a receiver's Retry-After can hold up. */
  oldestMs: 6 * HOUR_MS,
} as const;

/**
 * What to do after an attempt: the wait doubles, with up to a quarter taken off at random so that many notices do not
 * come back at one moment, and is never shorter than the receiver asked for.
 * @param chance uniform in [0, 1)
 * @param now Unix milliseconds, as is `firstDueAt`
 */
export function nextStep(
  outcome: SendOutcome,
  { attempts, firstDueAt }: { readonly attempts: number; readonly firstDueAt: number },
  { now, chance }: { readonly now: number; readonly chance: number },
): NextStep {
  if (outcome.kind === 'sent') return { kind: 'sent' };
  if (outcome.kind === 'refused' || attempts >= RETRY.maxAttempts) return { kind: 'dead' };
  const doubled = Math.min(RETRY.firstMs * 2 ** (attempts - 1), RETRY.longestMs);
  const dueAt = now + Math.max(Math.round(doubled * (1 - chance / 4)), outcome.retryAfterMs ?? 0);
  return dueAt > firstDueAt + RETRY.oldestMs ? { kind: 'dead' } : { kind: 'again', dueAt };
}
