import type { EnforcementMode, ThrottleLimit, ThrottleScope } from '../domain/flags.ts';
import type { FlagStore, HeldThrottle } from './flag-store.ts';
import type { Priority, ThrottleMeter } from './throttle-meter.ts';

/** One request as throttles see it. */
export interface ThrottleQuestion {
  readonly tenantId: string;
  readonly service?: string | undefined;
  /** The router's template (`/orders/:id`). */
  readonly route?: string | undefined;
  readonly method?: string | undefined;
  /** The app's name for a kind of expensive request (`report`); throttles may be scoped to it. */
  readonly costClass?: string | undefined;
  /** Tokens that the request takes; default 1. */
  readonly weight?: number | undefined;
  /** Default `interactive`. */
  readonly priority?: Priority | undefined;
  /**
   * Whether limits of concurrent requests hold for it. Then the decision has a `release`, to be called once when the
   * request is over. Default false: who does not release must not hold.
   */
  readonly holdsSlot?: boolean | undefined;
}

/** How much of a limit is left, for the `RateLimit` fields of the answer. */
export interface Quota {
  readonly limit: ThrottleLimit;
  /** Whole requests that this instance would still let through at once. */
  readonly remaining: number;
  /** Seconds until this instance lets a whole burst through again. */
  readonly resetSeconds: number;
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
  /** What was exceeded: the rate, or the number of requests under way at once. */
  readonly exceeded?: 'rate' | 'concurrency';
  /** Of the enforcing throttle with the least left; undefined when none holds for the request. */
  readonly quota?: Quota;
  /** Set when slots are held: to be called when the request is over. Further calls do nothing. */
  readonly release?: () => void;
}

/** The answer while no throttle is in the way. */
export const ALLOWED: ThrottleDecision = Object.freeze({ allowed: true, retryAfterSeconds: 0 });

/** A weight that is no positive number is one request: a mistake in a label must not open the gate or close it. */
export function weightOf({ weight = 1 }: ThrottleQuestion): number {
  return weight > 0 && Number.isFinite(weight) ? weight : 1;
}

function isRoute(scoped: string, { route, method }: ThrottleQuestion): boolean {
  if (scoped === route) return true;
  // Dashboards show routes with their method (`GET /orders/:id`), routers name them without: a scope may be either.
  // Routers answer HEAD with the handler of GET, so it is no way round a throttle of that.
  return route !== undefined && scoped === `${method === 'HEAD' ? 'GET' : method} ${route}`;
}

export function inScope(scope: ThrottleScope, question: ThrottleQuestion): boolean {
  return (
    (scope.service === undefined || scope.service === question.service) &&
    (scope.costClass === undefined || scope.costClass === question.costClass) &&
    (scope.route === undefined || isRoute(scope.route, question))
  );
}

/** What is the same for every throttle that one request is asked about. */
interface Moment {
  readonly instances: number;
  readonly now: number;
  readonly rates: RateCount;
}

/** What was found out about one request, one throttle after the other. */
interface Findings {
  refusing: HeldThrottle | undefined;
  refusingWait: number;
  shadow: HeldThrottle | undefined;
  shadowWait: number;
}

/** Where the rate of enforcing throttles is counted: in this process, or in a store that all instances share. */
type RateCount = 'counted here' | 'counted elsewhere';

function isCountedElsewhere({ flag: { mode, limit } }: HeldThrottle, rates: RateCount): boolean {
  return rates === 'counted elsewhere' && mode === 'enforce' && limit.requestsPerSecond > 0;
}

function waitOf(held: HeldThrottle, question: ThrottleQuestion, { instances, now, rates }: Moment): number {
  const { limit } = held.flag;
  const priority = question.priority ?? 'interactive';
  const slot = question.holdsSlot === true ? held.meter.slotWait(limit, priority, instances) : 0;
  held.exceeded = slot > 0 ? 'concurrency' : 'rate';
  // A request without a slot must not reserve tokens that it could not use.
  if (slot > 0 || isCountedElsewhere(held, rates)) return slot;
  return held.meter.rateWait(limit, weightOf(question), priority, instances, now);
}

/** Asks every throttle that the request falls under; `held.wait` is what each said, -1 where it does not hold. */
function ask(throttles: readonly HeldThrottle[], question: ThrottleQuestion, moment: Moment): Findings {
  const found: Findings = { refusing: undefined, refusingWait: 0, shadow: undefined, shadowWait: 0 };
  for (const held of throttles) {
    held.wait = inScope(held.flag.scope, question) ? waitOf(held, question, moment) : -1;
    if (held.wait <= 0) continue;
    held.refused += 1;
    if (held.flag.mode === 'shadow' && held.wait > found.shadowWait) {
      found.shadow = held;
      found.shadowWait = held.wait;
    } else if (held.flag.mode === 'enforce' && held.wait > found.refusingWait) {
      found.refusing = held;
      found.refusingWait = held.wait;
    }
  }
  return found;
}

/** The decision of one throttle that refuses, or in shadow mode would have. @param wait seconds */
export function refusedBy(
  held: HeldThrottle,
  exceeded: 'rate' | 'concurrency',
  wait: number,
  quota: Quota,
  now: number,
): ThrottleDecision {
  const { id, mode, limit } = held.flag;
  // Nobody has to wait longer than the throttle lives.
  const remaining = (held.endsAt - now) / 1_000;
  return {
    allowed: mode === 'shadow',
    retryAfterSeconds: Math.max(1, Math.ceil(Math.min(wait, remaining))),
    flagId: id,
    mode,
    limit,
    exceeded,
    // What a shadow throttle would do is for the operator to know.
    ...(mode === 'enforce' ? { quota } : {}),
  };
}

function quotaOf({ flag: { limit }, meter }: HeldThrottle, { instances, now }: Moment): Quota {
  return {
    limit,
    remaining: meter.remaining(limit, instances, now),
    resetSeconds: meter.secondsToFull(limit, instances, now),
  };
}

function releaseOf(meters: readonly ThrottleMeter[]): () => void {
  for (const meter of meters) meter.enter();
  let isHeld = true;
  return () => {
    if (isHeld) for (const meter of meters) meter.leave();
    isHeld = false;
  };
}

/** Slots of every throttle that limits concurrency and lets the request through; undefined when there is none. */
function holdSlots(throttles: readonly HeldThrottle[]): (() => void) | undefined {
  let meters: ThrottleMeter[] | undefined;
  for (const { wait, flag, meter } of throttles) {
    if (wait !== 0 || flag.limit.maxConcurrent === undefined) continue;
    meters ??= [];
    meters.push(meter);
  }
  return meters === undefined ? undefined : releaseOf(meters);
}

/** Takes the tokens of a request, from all throttles or, when it is refused, from those in shadow mode alone. */
function takeTokens(throttles: readonly HeldThrottle[], weight: number, moment: Moment, isRefused: boolean): void {
  for (const held of throttles) {
    // Shadow buckets go on as if they enforced alone, so that their count is what enforcing them would have done.
    if (held.wait !== 0 || (isRefused && held.flag.mode === 'enforce')) continue;
    if (isCountedElsewhere(held, moment.rates)) continue;
    held.meter.take(held.flag.limit, weight, moment.instances);
    held.allowed += 1;
  }
}

function tightestQuota(throttles: readonly HeldThrottle[], moment: Moment): Quota | undefined {
  let tightest: Quota | undefined;
  for (const held of throttles) {
    if (held.wait !== 0 || held.flag.mode !== 'enforce' || isCountedElsewhere(held, moment.rates)) continue;
    const quota = quotaOf(held, moment);
    if (tightest === undefined || quota.remaining < tightest.remaining) tightest = quota;
  }
  return tightest;
}

/**
 * Takes a token for one request from every throttle it falls under, and says whether it may go on. With several
 * throttles the one that asks for the longest wait answers. A refused request takes no token from the others.
 * Costs nothing but a look-up for tenants without a throttle.
 * @param now milliseconds on the monotonic clock that the store's flags are held on
 */
export function checkThrottle(
  store: FlagStore,
  question: ThrottleQuestion,
  now: number,
  rates: RateCount = 'counted here',
): ThrottleDecision {
  const throttles = store.throttles(question.tenantId, now);
  if (throttles.length === 0) return ALLOWED;
  const moment: Moment = { instances: store.fleet.at(now), now, rates };
  const { refusing, shadow } = ask(throttles, question, moment);
  takeTokens(throttles, weightOf(question), moment, refusing !== undefined);
  const decide = (held: HeldThrottle) => refusedBy(held, held.exceeded, held.wait, quotaOf(held, moment), now);
  if (refusing !== undefined) return decide(refusing);
  const quota = tightestQuota(throttles, moment);
  const release = question.holdsSlot === true ? holdSlots(throttles) : undefined;
  if (quota === undefined && release === undefined && shadow === undefined) return ALLOWED;
  return {
    ...(shadow === undefined ? ALLOWED : decide(shadow)),
    ...(quota === undefined ? {} : { quota }),
    ...(release === undefined ? {} : { release }),
  };
}
