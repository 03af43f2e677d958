import type { EnforcementMode, ThrottleLimit, ThrottleScope } from '../domain/flags.ts';
import type { FlagStore, HeldThrottle } from './flag-store.ts';
import { type BucketDecision, decide } from './token-bucket.ts';

/** One request as throttles see it. */
export interface ThrottleQuestion {
  readonly tenantId: string;
  readonly service?: string | undefined;
  /** The router's template (`/orders/:id`). */
  readonly route?: string | undefined;
  readonly method?: string | undefined;
}

export interface ThrottleDecision {
  /** False only when an enforcing throttle refuses. */
  readonly allowed: boolean;
  /** Whole seconds, at least 1, when refused; else 0. */
  readonly retryAfterSeconds: number;
  /** The throttle that refuses, or in shadow mode would have; undefined when none does. */
  readonly flagId?: string;
  readonly mode?: EnforcementMode;
  readonly limit?: ThrottleLimit;
}

/** The answer while no throttle is in the way. */
export const ALLOWED: ThrottleDecision = Object.freeze({ allowed: true, retryAfterSeconds: 0 });

function inScope(scope: ThrottleScope, question: ThrottleQuestion): boolean {
  return (
    (scope.service === undefined || scope.service === question.service) &&
    // Dashboards show routes with their method (`GET /orders/:id`), routers name them without: a scope may be either.
    (scope.route === undefined ||
      scope.route === question.route ||
      scope.route === `${question.method} ${question.route}`)
  );
}

interface Verdict {
  readonly held: HeldThrottle;
  readonly decision: BucketDecision;
}

function longestWait(verdicts: readonly Verdict[], mode: EnforcementMode): Verdict | undefined {
  return verdicts
    .filter(({ held, decision }) => held.flag.mode === mode && !decision.allowed)
    .sort((a, b) => b.decision.retryAfterSeconds - a.decision.retryAfterSeconds)[0];
}

function refusal({ held, decision }: Verdict, allowed: boolean, now: number): ThrottleDecision {
  // Nobody has to wait longer than the throttle lives.
  const remaining = (held.endsAt - now) / 1_000;
  return {
    allowed,
    retryAfterSeconds: Math.max(1, Math.ceil(Math.min(decision.retryAfterSeconds, remaining))),
    flagId: held.flag.id,
    mode: held.flag.mode,
    limit: held.flag.limit,
  };
}

/**
 * Takes a token for one request from every throttle it falls under, and says whether it may go on. With several
 * throttles the one that asks for the longest wait answers. A refused request takes no token from the others.
 * @param now milliseconds on the monotonic clock that the store's flags are held on
 */
export function checkThrottle(store: FlagStore, question: ThrottleQuestion, now: number): ThrottleDecision {
  const verdicts = store
    .throttles(question.tenantId, now)
    .filter(({ flag }) => inScope(flag.scope, question))
    .map((held) => ({ held, decision: decide(held.bucket, held.flag.limit, now) }));
  const refusing = longestWait(verdicts, 'enforce');
  for (const { held, decision } of verdicts) {
    // Shadow buckets go on as if they enforced alone, so that their count is what enforcing them would have done.
    if (refusing === undefined || held.flag.mode === 'shadow' || !decision.allowed) held.bucket = decision.state;
  }
  if (refusing !== undefined) return refusal(refusing, false, now);
  const shadow = longestWait(verdicts, 'shadow');
  return shadow === undefined ? ALLOWED : refusal(shadow, true, now);
}
