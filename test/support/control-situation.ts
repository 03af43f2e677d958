/** A situation in which every guard lets an enforced throttle pass; tests change one thing of it. */
import type { Finding } from '../../src/control/guard.ts';
import { GUARDS } from '../../src/control/guards.ts';
import { type Action, decide, POLICY_DEFAULTS, type PolicyParams, type Situation } from '../../src/control/policy.ts';
import { NO_EVIDENCE, type PolicyEvidence, type TenantFacts } from '../../src/control/policy-evidence.ts';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import type { RuleStage, TenantStage } from '../../src/domain/automation.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { NewThrottle, ThrottleRecord } from '../../src/domain/throttle-record.ts';

export const NOW = Date.UTC(2026, 10, 2, 12);
export const tenant = (name: string) => name as TenantId;

/** For tests that drive bare counts: nobody's latency is measured, one source reports, nothing has a week of history. */
export const BARE_COUNTS: PolicyParams = {
  ...POLICY_DEFAULTS,
  needsImpact: false,
  minSources: 0,
  minHistorySeconds: 0,
};

export function finding(
  name: string,
  anomaly: Partial<Anomaly> = {},
  usualRequestsPerSecond: number | null = 2,
): Finding {
  return {
    anomaly: {
      id: `finding-${name}`,
      tenantId: tenant(name),
      metric: 'requests',
      startedAt: NOW - 40_000,
      detectedAt: NOW - 10_000,
      endedAt: null,
      value: 9,
      baseline: 2,
      ratio: 4.5,
      rule: 'owner-ratio/1',
      reason: `${name} sent 4.5x its usual requests (9.0/s against 2.0/s) in 3 of the last 5 intervals of 10 s`,
      ...anomaly,
    },
    usualRequestsPerSecond,
  };
}

export function record(
  name: string,
  more: Partial<Omit<ThrottleRecord, 'flag'>> & { expiresAt?: number; mode?: 'enforce' | 'shadow' } = {},
): ThrottleRecord {
  const { expiresAt = NOW + 60_000, mode = 'enforce', ...life } = more;
  return {
    flag: {
      kind: 'throttle',
      id: `throttle-${name}`,
      tenantId: tenant(name),
      scope: {},
      limit: { requestsPerSecond: 3, burst: 6 },
      mode,
      reason: 'because',
      expiresAt,
      revision: 1,
    },
    createdBy: 'detector',
    createdAt: NOW - 60_000,
    liftedAt: null,
    liftedBy: null,
    anomalyId: 'an-earlier-finding',
    acks: [],
    ...life,
  };
}

/** Of long ago, so that nothing about the machine's pace holds back. */
export const LONG_AGO = { createdAt: NOW - 20 * 3_600_000, expiresAt: NOW - 19 * 3_600_000 };

export function facts(name: string, more: Partial<TenantFacts> = {}): TenantFacts {
  return {
    tenantId: tenant(name),
    historySeconds: 30 * 86_400,
    requestsPerSecond: 9,
    sources: ['spans of api-1', 'spans of api-2'],
    guaranteedRequestsPerSecond: null,
    weightShare: 0.02,
    passedCeiling: null,
    guardedBecause: null,
    ...more,
  };
}

export const HEALTHY: PolicyEvidence['health'] = {
  dataUntil: NOW - 3_000,
  completeShare: 1,
  attributedShare: 0.95,
  usualAttributedShare: 0.97,
  rejectedShare: 0,
  schemaChangedAt: null,
};

/** The named tenants are each the culprit on a service of their own. */
export function evidence(names: readonly string[] = ['noisy'], more: Partial<PolicyEvidence> = {}): PolicyEvidence {
  return {
    ...NO_EVIDENCE,
    health: HEALTHY,
    requestsPerSecond: 90,
    tenants: names.map((name) => facts(name)),
    verdicts: names.map((name) => ({
      at: NOW - 90_000,
      resource: `service-of-${name}`,
      kind: 'culprit' as const,
      suspects: [name],
      victims: [{ tenantId: 'a-victim', p95Ms: 900, usualP95Ms: 200 }],
    })),
    ...more,
  };
}

export function situation(more: Partial<Situation> = {}): Situation {
  const findings = more.findings ?? [finding('noisy')];
  return {
    findings,
    throttles: [],
    activeTenants: 40,
    mode: 'enforce',
    now: NOW,
    wasSuspended: false,
    params: POLICY_DEFAULTS,
    evidence: evidence([...new Set(findings.map(({ anomaly }) => anomaly.tenantId))]),
    ...more,
  };
}

export const throttlesOf = (actions: readonly Action[]): NewThrottle[] =>
  actions.flatMap((action) => (action.kind === 'throttle' ? [action.throttle] : []));
export const heldBack = (actions: readonly Action[]) =>
  actions.flatMap((action) => (action.kind === 'alert' ? [`${action.tenantId}: ${action.heldBackBy}`] : []));

export const ruleStage = (more: Partial<RuleStage> = {}): RuleStage => ({
  rule: 'owner-ratio/1',
  stage: 'enforce',
  by: 'ann',
  at: NOW - 86_400_000,
  reason: 'watched for a week',
  approvedBy: 'bob',
  backtest: { at: NOW - 90_000_000, precision: 0.99, falsePerThousandTenantDays: 0.2 },
  unprovenBecause: null,
  ...more,
});
export const tenantStage = (more: Partial<TenantStage> = {}): TenantStage => ({
  tenantId: tenant('noisy'),
  stage: 'shadow',
  by: 'ann',
  at: NOW - 86_400_000,
  reason: 'a new customer',
  ...more,
});
/** The setting is `shadow`; the rule is promoted, and tenants follow it unless somebody holds them back. */
export const promoted = (rule: Partial<RuleStage> = {}, tenants: readonly TenantStage[] = []) =>
  situation({
    mode: 'shadow',
    evidence: evidence(['noisy'], { ruleStages: [ruleStage(rule)], tenantStages: tenants }),
  });
/** What came of the tenant `noisy` (or the unknown one), in one line. */
export function outcome(of: Situation, guards = GUARDS): string {
  const action = decide(of, guards).actions.find(
    (one) =>
      (one.kind === 'alert' || one.kind === 'throttle' || one.kind === 'ask') &&
      /noisy|unknown/.test(JSON.stringify(one)),
  );
  if (action?.kind === 'alert') return `alert: ${action.heldBackBy}`;
  if (action?.kind === 'ask') return `ask: ${action.heldBackBy}`;
  if (action?.kind !== 'throttle') return 'nothing';
  const { mode, limit, expiresInSeconds } = action.throttle;
  return `${mode} ${limit.requestsPerSecond}/s ${expiresInSeconds} s`;
}

export const FULL = 'enforce 3/s 300 s';
export const SHADOW = 'shadow 3/s 300 s';
