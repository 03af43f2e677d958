import type { EnforcementMode, ThrottleLimit, ThrottleScope } from '../domain/flags.ts';
import { routeSegment } from '../domain/protected-routes.ts';
import type { FlagStore, HeldThrottle } from './flag-store.ts';
import type { Priority, Quota, ThrottleMeter } from './throttle-meter.ts';

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

/** Whether a request may go on, and what to tell its client. */
export interface ThrottleDecision {
  /** False only when an enforcing throttle refuses. */
  readonly allowed: boolean;
  /** Whole seconds, at least 1, when refused; else 0. */
  readonly retryAfterSeconds: number;
  /** The throttle that refuses, or in shadow mode would have; undefined when none does. */
  readonly flagId?: string | undefined;
  readonly mode?: EnforcementMode | undefined;
  readonly limit?: ThrottleLimit | undefined;
  /** What was exceeded: the rate, or the number of requests under way at once. */
  readonly exceeded?: 'rate' | 'concurrency' | undefined;
  /** Of the enforcing throttle with the least left; undefined when none holds for the request. */
  readonly quota?: Quota | undefined;
  /** Set when slots are held: to be called when the request is over. Further calls do nothing. */
  readonly release?: (() => void) | undefined;
}

/** The answer while no throttle is in the way. */
export const ALLOWED: ThrottleDecision = Object.freeze({ allowed: true, retryAfterSeconds: 0 });

/** With every field: all decisions have one shape, which is twice as fast to make and to read as several. */
function allowedWith(quota: Quota | undefined, release: (() => void) | undefined): ThrottleDecision {
  return {
    allowed: true,
    retryAfterSeconds: 0,
    flagId: undefined,
    mode: undefined,
    limit: undefined,
    exceeded: undefined,
    quota,
    release,
  };
}

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

/** @param ownService the service of a question that names none: this process's */
export function inScope(scope: ThrottleScope | undefined, question: ThrottleQuestion, ownService?: string): boolean {
  if (scope === undefined) return true;
  return (
    (scope.service === undefined || scope.service === (question.service ?? ownService)) &&
    (scope.costClass === undefined || scope.costClass === question.costClass) &&
    (scope.route === undefined || isRoute(scope.route, question))
  );
}

/** Whether a throttle is about the request: within its scope, and no route that it spares. */
export function holdsFor({ scope, spares }: HeldThrottle, question: ThrottleQuestion, ownService?: string): boolean {
  if (!inScope(scope, question, ownService)) return false;
  return spares === undefined || !spares.has(routeSegment(question.route) ?? '');
}

/** What is the same for every throttle that one request is asked about. */
interface Moment {
  readonly instances: number;
  readonly now: number;
  readonly rates: RateCount;
  readonly ownService: string | undefined;
}

/** Where the rate of enforcing throttles is counted: in this process, or in a store that all instances share. */
type RateCount = 'counted here' | 'counted elsewhere';

function isCountedElsewhere({ enforces, limit }: HeldThrottle, rates: RateCount): boolean {
  return rates === 'counted elsewhere' && enforces && limit.requestsPerSecond > 0;
}

function waitOf(held: HeldThrottle, question: ThrottleQuestion, { instances, now, rates }: Moment): number {
  const { limit } = held;
  const priority = question.priority ?? 'interactive';
  const slot = question.holdsSlot === true ? held.meter.slotWait(limit, priority, instances) : 0;
  held.exceeded = slot > 0 ? 'concurrency' : 'rate';
  // A request without a slot must not reserve tokens that it could not use.
  if (slot > 0 || isCountedElsewhere(held, rates)) return slot;
  return held.meter.rateWait(limit, weightOf(question), priority, instances, now);
}

/** Asks every throttle that the request falls under; `held.wait` is what each said, -1 where it does not hold. */
function ask(throttles: readonly HeldThrottle[], question: ThrottleQuestion, moment: Moment): void {
  for (const held of throttles) {
    held.wait = holdsFor(held, question, moment.ownService) ? waitOf(held, question, moment) : -1;
    if (held.wait > 0) held.refused += 1;
  }
}

/** Of the throttles in this mode that refuse, the one that asks for the longest wait. */
function longestWait(throttles: readonly HeldThrottle[], enforces: boolean): HeldThrottle | undefined {
  let longest: HeldThrottle | undefined;
  for (const held of throttles) {
    if (held.wait > 0 && held.enforces === enforces && held.wait > (longest?.wait ?? 0)) longest = held;
  }
  return longest;
}

/** The decision of one throttle that refuses, or in shadow mode would have. @param wait seconds */
export function refusedBy(
  held: HeldThrottle,
  exceeded: 'rate' | 'concurrency',
  wait: number,
  quota: Quota | undefined,
  now: number,
): ThrottleDecision {
  const { id, mode, limit } = held.flag;
  // Nobody has to wait longer than the throttle lives.
  const remaining = (held.endsAt - now) / 1_000;
  const retryAfterSeconds = Math.max(1, Math.ceil(Math.min(wait, remaining)));
  return {
    allowed: mode === 'shadow',
    retryAfterSeconds,
    flagId: id,
    mode,
    limit,
    exceeded,
    quota,
    release: undefined,
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
  for (const { wait, limit, meter } of throttles) {
    if (wait !== 0 || limit.maxConcurrent === undefined) continue;
    meters ??= [];
    meters.push(meter);
  }
  return meters === undefined ? undefined : releaseOf(meters);
}

/** Takes the tokens of a request, from all throttles or, when it is refused, from those in shadow mode alone. */
function takeTokens(throttles: readonly HeldThrottle[], weight: number, moment: Moment, isRefused: boolean): void {
  for (const held of throttles) {
    // Shadow buckets go on as if they enforced alone, so that their count is what enforcing them would have done.
    if (held.wait !== 0 || (isRefused && held.enforces)) continue;
    if (isCountedElsewhere(held, moment.rates)) continue;
    held.meter.pass(held.limit, weight, moment.instances);
    held.allowed += 1;
  }
}

function tightestQuota(throttles: readonly HeldThrottle[], moment: Moment): Quota | undefined {
  let tightest: Quota | undefined;
  for (const held of throttles) {
    if (held.wait !== 0 || !held.enforces || isCountedElsewhere(held, moment.rates)) continue;
    const quota = held.meter.quota(held.limit, moment.instances, moment.now);
    if (tightest === undefined || quota.remaining < tightest.remaining) tightest = quota;
  }
  return tightest;
}

/**
 * Takes a token for one request from every throttle it falls under, and says whether it may go on. With several
 * throttles the one that asks for the longest wait answers. A refused request takes no token from the others.
 * Costs nothing but a look-up for tenants without a throttle.
 * @param now milliseconds on the monotonic clock that the store's flags are held on
 * @param ownService the service of a question that names none
 */
export function checkThrottle(
  store: FlagStore,
  question: ThrottleQuestion,
  now: number,
  rates: RateCount = 'counted here',
  ownService?: string,
): ThrottleDecision {
  const throttles = store.throttles(question.tenantId, now);
  if (throttles.length === 0) return ALLOWED;
  const moment: Moment = { instances: store.fleet.at(now), now, rates, ownService };
  ask(throttles, question, moment);
  const refusing = longestWait(throttles, true);
  takeTokens(throttles, weightOf(question), moment, refusing !== undefined);
  if (refusing !== undefined) {
    const quota = refusing.meter.quota(refusing.limit, moment.instances, now);
    return refusedBy(refusing, refusing.exceeded, refusing.wait, quota, now);
  }
  const quota = tightestQuota(throttles, moment);
  const release = question.holdsSlot === true ? holdSlots(throttles) : undefined;
  const shadow = longestWait(throttles, false);
  // What a shadow throttle would do is for the operator to know: the quota is that of the enforcing ones.
  if (shadow !== undefined) {
    return { ...refusedBy(shadow, shadow.exceeded, shadow.wait, quota, now), release };
  }
  if (quota === undefined && release === undefined) return ALLOWED;
  return allowedWith(quota, release);
}
