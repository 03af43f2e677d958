import type { Anomaly } from '../domain/anomaly.ts';
import type { EnforcementMode, ThrottleLimit } from '../domain/flags.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import type { NewThrottle, ThrottleRecord } from '../domain/throttle-record.ts';
import { SECOND_MS } from '../domain/window.ts';

/** Name and version of the policy; part of every reason, so that a decision can be replayed. */
const POLICY = 'policy/1';

export interface PolicyParams {
  /** Life of an automatic throttle. */
  readonly throttleSeconds: number;
  /** A limit is this many times the tenant's own usual rate: the usual itself varies, and must never be refused. */
  readonly headroom: number;
  /** No limit is lower than this, however little the tenant usually does. */
  readonly minRequestsPerSecond: number;
  /** A burst of this many seconds at the limit passes at once. */
  readonly burstSeconds: number;
  /** At most this share of the active tenants, ... */
  readonly maxTenantShare: number;
  /** ... and at most so many, is throttled by the machine at a time; one always may. */
  readonly maxTenants: number;
  /** From this share of anomalous tenants on the cause is not a tenant, and the machine stops. */
  readonly suspendShare: number;
  /** After somebody lifted an automatic throttle its tenant is left alone for so long. */
  readonly leaveAloneSeconds: number;
  /** Subject under which the machine itself writes and lifts; everybody else is a human who wins. */
  readonly automaticSubject: string;
}

export const POLICY_DEFAULTS: PolicyParams = {
  throttleSeconds: 300,
  headroom: 1.5,
  minRequestsPerSecond: 1,
  burstSeconds: 2,
  maxTenantShare: 0.1,
  maxTenants: 5,
  suspendShare: 0.3,
  leaveAloneSeconds: 3_600,
  automaticSubject: 'detector',
};

/** An open finding, and what the tenant usually requests per second (null: not known). */
export interface Finding {
  readonly anomaly: Anomaly;
  readonly usualRequestsPerSecond: number | null;
}

export interface Situation {
  readonly findings: readonly Finding[];
  /** Throttles in force, and those that were lifted within `leaveAloneSeconds`. */
  readonly throttles: readonly ThrottleRecord[];
  /** How many tenants are active now. */
  readonly activeTenants: number;
  readonly mode: 'off' | EnforcementMode;
  /** Unix ms. */
  readonly now: number;
  /** Whether the last decision was a suspension: it is announced once, when it begins. */
  readonly wasSuspended: boolean;
  readonly params: PolicyParams;
}

/** Why a finding stays an alert. */
type HeldBackBy =
  | 'mode-off'
  | 'suspended'
  | 'unknown-tenant'
  | 'no-neighbours'
  | 'human-throttle'
  | 'human-lift'
  | 'no-usual-rate'
  | 'too-many-throttled';

export type Action =
  /** Write this throttle; its reason tells people figure, baseline, rule and limit. */
  | { readonly kind: 'throttle'; readonly throttle: NewThrottle }
  /** Tell people, do nothing. Repeated with every decision while it holds: tell once per finding and cause. */
  | {
      readonly kind: 'alert';
      readonly tenantId: TenantId;
      readonly anomalyId: string;
      readonly heldBackBy: HeldBackBy;
      readonly explanation: string;
    }
  /** The machine stops acting by itself: wake somebody. */
  | { readonly kind: 'page'; readonly explanation: string };

export interface Decision {
  readonly actions: readonly Action[];
  readonly suspended: boolean;
}

/**
 * What to do about the open findings. Pure: the same situation gives the same decision. It only ever adds throttles;
 * they end by their own expiry, and are renewed after it only while a finding is still open on fresh data.
 *
 * Findings in AI tokens limit requests too, as the policy does not know which routes call a model: at the tenant's
 * usual request rate, so that what it usually sends passes and only a surge that comes with more requests is cut.
 */
export function decide(situation: Situation): Decision {
  const { activeTenants, params, wasSuspended } = situation;
  const findings = strongestPerTenant(situation.findings);
  const suspended = isEverybody(findings, activeTenants, params);
  const actions: Action[] = [];
  if (suspended && !wasSuspended) actions.push(page(findings.length, activeTenants));

  const held = heldThrottles(situation);
  let free = maxThrottled(activeTenants, params) - held.byMachine.size;
  for (const finding of findings) {
    if (held.byMachine.has(finding.anomaly.tenantId)) continue;
    const verdict = suspended ? 'suspended' : judge(finding, situation, held, free);
    if (typeof verdict === 'string') {
      actions.push(alert(finding, verdict));
    } else {
      actions.push({ kind: 'throttle', throttle: verdict });
      free -= 1;
    }
  }
  return { actions, suspended };
}

/** At least one, else small estates would have no protection; never more than a small share of all tenants. */
function maxThrottled(activeTenants: number, params: PolicyParams): number {
  return Math.max(1, Math.min(Math.floor(params.maxTenantShare * activeTenants), params.maxTenants));
}

/** One tenant alone is never "everybody", whatever its share of a small estate. */
function isEverybody(findings: readonly Finding[], activeTenants: number, params: PolicyParams): boolean {
  return findings.length >= 2 && findings.length >= params.suspendShare * activeTenants;
}

function judge(finding: Finding, situation: Situation, held: HeldThrottles, free: number): NewThrottle | HeldBackBy {
  const { anomaly, usualRequestsPerSecond } = finding;
  const { mode, activeTenants, params } = situation;
  if (mode === 'off') return 'mode-off';
  if (anomaly.tenantId === UNKNOWN_TENANT) return 'unknown-tenant';
  if (!(activeTenants >= 2)) return 'no-neighbours';
  if (held.byHuman.has(anomaly.tenantId)) return 'human-throttle';
  if (held.liftedByHuman.has(anomaly.tenantId)) return 'human-lift';
  if (usualRequestsPerSecond === null || !Number.isFinite(usualRequestsPerSecond)) return 'no-usual-rate';
  if (free <= 0) return 'too-many-throttled';
  return newThrottle(anomaly, usualRequestsPerSecond, mode, params);
}

function newThrottle(anomaly: Anomaly, usual: number, mode: EnforcementMode, params: PolicyParams): NewThrottle {
  const limit = limitFor(usual, params);
  return {
    tenantId: anomaly.tenantId,
    scope: {},
    limit,
    mode,
    expiresInSeconds: params.throttleSeconds,
    reason:
      `${anomaly.reason}; limited to ${limit.requestsPerSecond} requests/s (usual: ${usual.toFixed(2)}/s) ` +
      `for ${params.throttleSeconds} s by ${anomaly.rule} and ${POLICY}`,
    anomalyId: anomaly.id,
  };
}

/** Rounded up to a tenth, so that rounding never takes a tenant below its usual rate. */
function limitFor(usual: number, params: PolicyParams): ThrottleLimit {
  const requestsPerSecond = Math.max(params.minRequestsPerSecond, Math.ceil(usual * params.headroom * 10) / 10);
  return { requestsPerSecond, burst: Math.max(1, Math.ceil(requestsPerSecond * params.burstSeconds)) };
}

/** One finding for each tenant, the farthest out of line first: the few throttles go to those. */
function strongestPerTenant(findings: readonly Finding[]): readonly Finding[] {
  const strongest = new Map<TenantId, Finding>();
  for (const finding of [...findings].sort(byRank)) {
    const { tenantId, endedAt } = finding.anomaly;
    if (endedAt === null && !strongest.has(tenantId)) strongest.set(tenantId, finding);
  }
  return [...strongest.values()];
}

/** Ids last, so that the order does not depend on that of the input. */
function byRank({ anomaly: a }: Finding, { anomaly: b }: Finding): number {
  return b.ratio - a.ratio || compare(a.tenantId, b.tenantId) || compare(a.metric, b.metric) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Tenants with a throttle in force, by who set it, and those whose automatic throttle a human lifted lately. */
interface HeldThrottles {
  readonly byMachine: ReadonlySet<TenantId>;
  readonly byHuman: ReadonlySet<TenantId>;
  readonly liftedByHuman: ReadonlySet<TenantId>;
}

function heldThrottles({ throttles, now, params }: Situation): HeldThrottles {
  const tenantsOf = (records: readonly ThrottleRecord[]) => new Set(records.map(({ flag }) => flag.tenantId));
  const inForce = throttles.filter(({ flag, liftedAt }) => liftedAt === null && flag.expiresAt > now);
  const leftAlone = throttles.filter(({ anomalyId, liftedAt, liftedBy }) => {
    if (anomalyId === null || liftedAt === null || liftedBy === params.automaticSubject) return false;
    return now < liftedAt + params.leaveAloneSeconds * SECOND_MS;
  });
  return {
    // The machine's throttles carry the finding that led to them, people's do not.
    byMachine: tenantsOf(inForce.filter(({ anomalyId }) => anomalyId !== null)),
    byHuman: tenantsOf(inForce.filter(({ anomalyId }) => anomalyId === null)),
    liftedByHuman: tenantsOf(leftAlone),
  };
}

const HELD_BACK: Readonly<Record<HeldBackBy, string>> = {
  'mode-off': 'automatic throttling is off',
  suspended: 'automatic throttling is suspended, because too many tenants are out of line at once',
  'unknown-tenant': 'requests without a tenant are never throttled',
  'no-neighbours': 'no other tenant is active, so nobody is protected by a throttle',
  'human-throttle': 'somebody set a throttle for this tenant',
  'human-lift': 'somebody lifted an automatic throttle of this tenant a short while ago',
  'no-usual-rate': 'its usual request rate is not known, so no fair limit is',
  'too-many-throttled': 'as many tenants as may be are throttled automatically already',
};

function alert({ anomaly }: Finding, heldBackBy: HeldBackBy): Action {
  const { tenantId, id, reason, rule } = anomaly;
  const explanation = `${reason} (${rule}); not throttled: ${HELD_BACK[heldBackBy]}`;
  return { kind: 'alert', tenantId, anomalyId: id, heldBackBy, explanation };
}

function page(anomalous: number, activeTenants: number): Action {
  return {
    kind: 'page',
    explanation:
      `${anomalous} of ${activeTenants} active tenants are out of line at once: automatic throttling is suspended, ` +
      'because a cause that all of them share is more likely. Look at the service and at the data before the tenants.',
  };
}
