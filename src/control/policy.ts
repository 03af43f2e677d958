import type { EnforcementMode } from '../domain/flags.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { NewThrottle, ThrottleRecord } from '../domain/throttle-record.ts';
import { HOUR_MS, SECOND_MS } from '../domain/window.ts';
import type { Draft, EstateTally, Finding, Guard, GuardCase, TenantPast } from './guard.ts';
import { GUARDS } from './guards.ts';
import { NO_EVIDENCE, type PolicyEvidence, type TenantFacts } from './policy-evidence.ts';
import { limitAt, limitFor } from './policy-limit.ts';
import { usageMetric } from './policy-metric.ts';
import type { PolicyParams } from './policy-params.ts';
import { type Lift, reverts } from './policy-revert.ts';

export { POLICY_DEFAULTS, type PolicyParams } from './policy-params.ts';

/** Name and version of the policy; part of every reason, so that a decision can be replayed. */
export const POLICY = 'policy/3';

/** The column's bound; the figures come first in a reason, so its end is what can be missed. */
const REASON_MAX = 1_000;

export interface Situation {
  readonly findings: readonly Finding[];
  /** Throttles in force, and those that began or ended within `lookBackMs`. */
  readonly throttles: readonly ThrottleRecord[];
  /** How many tenants are active now. */
  readonly activeTenants: number;
  readonly mode: 'off' | EnforcementMode;
  /** Unix ms. */
  readonly now: number;
  /** Whether the last decision was a suspension: it is announced once, when it begins. */
  readonly wasSuspended: boolean;
  readonly params: PolicyParams;
  /** Absent: nothing is known beside the findings, so every guard that asks for proof holds back. */
  readonly evidence?: PolicyEvidence;
}

export type Action =
  /** Write this throttle; its reason tells people figure, baseline, rule and limit. */
  | {
      readonly kind: 'throttle';
      readonly throttle: NewThrottle;
      /** Guards that made it milder, shadow or longer. */
      readonly heldBackBy: readonly string[];
    }
  /** Tell people, do nothing. Repeated with every decision while it holds: tell once per finding and cause. */
  | {
      readonly kind: 'alert';
      readonly tenantId: TenantId;
      readonly anomalyId: string;
      /** Name of the guard. */
      readonly heldBackBy: string;
      readonly explanation: string;
    }
  /** Nothing is written until a person agrees. Once for each finding, as the evidence then says that it was asked. */
  | {
      readonly kind: 'ask';
      readonly tenantId: TenantId;
      readonly anomalyId: string;
      /** Name of the guard. */
      readonly heldBackBy: string;
      readonly throttle: NewThrottle;
      readonly explanation: string;
    }
  | Lift
  /** The machine stops acting by itself: wake somebody. */
  | { readonly kind: 'page'; readonly explanation: string };

export interface Decision {
  readonly actions: readonly Action[];
  readonly suspended: boolean;
}

/** How far back `Situation.throttles` must reach, ms: the longest memory of any guard. */
export function lookBackMs(params: PolicyParams): number {
  const { leaveAloneSeconds, repeatWindowSeconds, settleSeconds, revertWaitSeconds } = params;
  const seconds = Math.max(leaveAloneSeconds, repeatWindowSeconds, settleSeconds, revertWaitSeconds);
  return Math.max(HOUR_MS, seconds * SECOND_MS);
}

/**
 * What to do about the open findings. Pure: the same situation gives the same decision. Throttles end by their own
 * expiry, and are renewed after it only while a finding is still open on fresh data; one that does not help is lifted.
 *
 * Findings in AI tokens limit requests too, as the policy does not know which routes call a model: at the tenant's
 * usual request rate, so that what it usually sends passes and only a surge that comes with more requests is cut.
 * @param guards all of them; fewer only to show what one of them is for
 */
export function decide(situation: Situation, guards: readonly Guard[] = GUARDS): Decision {
  const { activeTenants, params, wasSuspended, evidence = NO_EVIDENCE, mode, now } = situation;
  const findings = strongestPerTenant(situation.findings, params);
  // Slow tenants are no sign of a cause that all share: one that takes everything makes all others slow.
  const surging = findings.filter((finding) => isUsage(finding, params)).length;
  const suspended = isEverybody(surging, activeTenants, params, wasSuspended);
  const actions: Action[] = [];
  if (suspended && !wasSuspended) actions.push(page(surging, activeTenants));
  actions.push(...reverts({ ...situation, evidence }));

  const pasts = pastsOf(situation);
  const facts = new Map(evidence.tenants.map((one) => [one.tenantId, one]));
  let estate = tally(situation, facts, surging, suspended);
  for (const finding of findings) {
    const { tenantId } = finding.anomaly;
    const past = pasts.get(tenantId) ?? NO_PAST;
    if (past.automatic.some((record) => isInForce(record, now))) continue;
    const the: GuardCase = {
      ...{
        finding,
        draft: draftOf(finding, params),
        facts: facts.get(tenantId),
        past,
        estate,
      },
      ...{ evidence, activeTenants, mode, now, params },
    };
    const action = pass(the, guards);
    actions.push(action);
    if (action.kind === 'throttle') estate = added(estate, the);
  }
  return { actions, suspended };
}

/** One finding through all guards: an alert from the first that allows no more, else the throttle that is left. */
function pass(start: GuardCase, guards: readonly Guard[]): Action {
  let { draft } = start;
  const heldBackBy: string[] = [];
  const notes: string[] = [];
  for (const guard of guards) {
    const answer = guard.check({ ...start, draft });
    if (answer === undefined) continue;
    if (answer.effect === 'alert') return alert(start.finding, guard.name, answer.because);
    if (answer.effect === 'ask')
      return ask(start.finding, guard.name, newThrottle(start.finding, draft, notes), answer);
    heldBackBy.push(guard.name);
    if (answer.effect === 'shadow') {
      if (draft.mode === 'enforce') notes.push(`in shadow: ${answer.because}`);
      draft = { ...draft, mode: 'shadow' };
      continue;
    }
    notes.push(answer.because);
    draft = {
      ...draft,
      limit: answer.limit ?? draft.limit,
      expiresInSeconds: answer.expiresInSeconds ?? draft.expiresInSeconds,
    };
  }
  return { kind: 'throttle', throttle: newThrottle(start.finding, draft, notes), heldBackBy };
}

/** A promoted rule and tenant go beyond the setting `shadow`; so the draft enforces, and shadow is what guards make of it. */
function draftOf(
  { usualRequestsPerSecond, scope = {}, ceilingRequestsPerSecond }: Finding,
  params: PolicyParams,
): Draft {
  const usual = Number.isFinite(usualRequestsPerSecond) ? (usualRequestsPerSecond ?? 0) : 0;
  const limit =
    ceilingRequestsPerSecond === undefined ? limitFor(usual, params) : limitAt(ceilingRequestsPerSecond, params);
  return { scope, limit, mode: 'enforce', expiresInSeconds: params.throttleSeconds };
}

function newThrottle(
  { anomaly, usualRequestsPerSecond }: Finding,
  draft: Draft,
  notes: readonly string[],
): NewThrottle {
  const { limit, expiresInSeconds } = draft;
  const reason =
    `${anomaly.reason}; limited to ${limit.requestsPerSecond} requests/s (usual: ${(usualRequestsPerSecond ?? 0).toFixed(2)}/s) ` +
    `for ${expiresInSeconds} s by ${[anomaly.rule, ...notes].join('; ')} and ${POLICY}`;
  return { tenantId: anomaly.tenantId, ...draft, reason: reason.slice(0, REASON_MAX), anomalyId: anomaly.id };
}

/** One tenant alone is never "everybody", whatever its share of a small estate; nor is a share of an unknown number. */
function isEverybody(anomalous: number, activeTenants: number, params: PolicyParams, was: boolean): boolean {
  if (!(activeTenants >= 1)) return false;
  return anomalous >= 2 && anomalous >= (was ? params.resumeShare : params.suspendShare) * activeTenants;
}

/**
 * One finding for each tenant, the farthest out of line first: the few throttles go to those. What a tenant does comes
 * before what happens to it, or its own slowness would hide its surge.
 */
function strongestPerTenant(findings: readonly Finding[], params: PolicyParams): readonly Finding[] {
  const strongest = new Map<TenantId, Finding>();
  const rank = (finding: Finding) => Number(isUsage(finding, params));
  for (const finding of [...findings].sort((a, b) => rank(b) - rank(a) || byRank(a, b))) {
    const { tenantId, endedAt } = finding.anomaly;
    if (endedAt === null && !strongest.has(tenantId)) strongest.set(tenantId, finding);
  }
  return [...strongest.values()];
}

/** Whether it is about what its tenant does, and not about what happens to it. */
function isUsage({ anomaly }: Finding, { throttledMetrics }: PolicyParams): boolean {
  return throttledMetrics.includes(usageMetric(anomaly.metric));
}

/** Ids last, so that the order does not depend on that of the input. */
function byRank({ anomaly: a }: Finding, { anomaly: b }: Finding): number {
  return (
    b.ratio - a.ratio ||
    compareText(a.tenantId, b.tenantId) ||
    compareText(a.metric, b.metric) ||
    compareText(a.id, b.id)
  );
}

const NO_PAST: TenantPast = { human: undefined, automatic: [] };

function isInForce({ flag, liftedAt }: ThrottleRecord, now: number): boolean {
  return liftedAt === null && flag.expiresAt > now;
}

/** By tenant, newest first. The machine's throttles carry the finding that led to them, people's do not. */
function pastsOf({ throttles, now }: Situation): ReadonlyMap<TenantId, TenantPast> {
  const pasts = new Map<TenantId, { human: ThrottleRecord | undefined; automatic: ThrottleRecord[] }>();
  for (const record of [...throttles].sort((a, b) => b.createdAt - a.createdAt || compareText(a.flag.id, b.flag.id))) {
    const past = pasts.get(record.flag.tenantId) ?? { human: undefined, automatic: [] };
    pasts.set(record.flag.tenantId, past);
    if (record.anomalyId !== null) past.automatic.push(record);
    else if (isInForce(record, now)) past.human ??= record;
  }
  return pasts;
}

function tally(
  { throttles, now }: Situation,
  facts: ReadonlyMap<TenantId, TenantFacts>,
  anomalous: number,
  suspended: boolean,
): EstateTally {
  const automatic = throttles.filter(({ anomalyId }) => anomalyId !== null);
  const held = new Set(automatic.filter((record) => isInForce(record, now)).map(({ flag }) => flag.tenantId));
  const began = new Map<string, number>();
  for (const { anomalyId, createdAt } of automatic) {
    const known = began.get(anomalyId ?? '') ?? Number.POSITIVE_INFINITY;
    began.set(anomalyId ?? '', Math.min(known, createdAt));
  }
  const weights = [...held].map((tenantId) => facts.get(tenantId)?.weightShare ?? 0);
  return {
    ...{ anomalous, suspended, throttled: held.size },
    throttledWeight: weights.reduce((sum, weight) => sum + weight, 0),
    actedAt: [...began.values()],
  };
}

function added(estate: EstateTally, { facts, now }: GuardCase): EstateTally {
  return {
    ...estate,
    throttled: estate.throttled + 1,
    throttledWeight: estate.throttledWeight + (facts?.weightShare ?? 0),
    actedAt: [...estate.actedAt, now],
  };
}

function alert({ anomaly }: Finding, heldBackBy: string, because: string): Action {
  const { tenantId, id, reason, rule } = anomaly;
  return {
    ...{ kind: 'alert', tenantId, anomalyId: id, heldBackBy },
    explanation: `${reason} (${rule}); not throttled: ${because}`,
  };
}

function ask(
  { anomaly }: Finding,
  heldBackBy: string,
  throttle: NewThrottle,
  { because }: { readonly because: string },
): Action {
  const { tenantId, id, reason, rule } = anomaly;
  const { requestsPerSecond } = throttle.limit;
  return {
    ...{ kind: 'ask', tenantId, anomalyId: id, heldBackBy, throttle },
    explanation: `${reason} (${rule}); a limit of ${requestsPerSecond} requests/s waits: ${because}`,
  };
}

function page(anomalous: number, activeTenants: number): Action {
  return {
    kind: 'page',
    explanation:
      `${anomalous} of ${activeTenants} active tenants are out of line at once: automatic throttling is suspended, ` +
      'because a cause that all of them share is more likely. Look at the service and at the data before the tenants.',
  };
}
