import { PROTECTED_ROUTES } from '../domain/protected-routes.ts';

/** Every setting of the policy. Defaults are the cautious ones: nothing is held back unless it is proven that it should be. */
export interface PolicyParams {
  /** Life of a tenant's first automatic throttle. */
  readonly throttleSeconds: number;
  /** It doubles with each further finding that led to one, up to this, ... */
  readonly maxThrottleSeconds: number;
  /** ... counting findings of so far back. */
  readonly repeatWindowSeconds: number;
  /** Findings in other metrics only alert: a tenant whose latency rose is a victim as a rule. */
  readonly throttledMetrics: readonly string[];
  /** A limit is this many times the tenant's own usual rate: the usual itself varies, and must never be refused. */
  readonly headroom: number;
  /** No limit is lower than this, however little the tenant usually does, ... */
  readonly minRequestsPerSecond: number;
  /** ... or lower than this share of its usual rate, or than what its plan guarantees. */
  readonly floorShare: number;
  /** A burst of this many seconds at the limit passes at once. */
  readonly burstSeconds: number;
  /** First segments of routes that no automatic throttle names: without them a tenant could not help itself. */
  readonly protectedRoutes: readonly string[];
  /** At most this share of the active tenants, ... */
  readonly maxTenantShare: number;
  /** ... and at most so many, is throttled by the machine at a time; one always may. */
  readonly maxTenants: number;
  /** Tenants throttled by the machine have at most this share of the weight (revenue, plan) of all. */
  readonly maxWeightShare: number;
  /** From this share of anomalous tenants on the cause is not a tenant, and the machine stops ... */
  readonly suspendShare: number;
  /** ... until the share is below this one: a share that wavers must not page again and again. */
  readonly resumeShare: number;
  /** After somebody lifted an automatic throttle its tenant is left alone for so long. */
  readonly leaveAloneSeconds: number;
  /** Subject under which the machine itself writes and lifts; everybody else is a human who wins. */
  readonly automaticSubject: string;
  /** Of what is above the limit, the share that is cut while a rule or tenant is in stage `canary`. */
  readonly rampShare: number;
  /** Less than this is no load worth acting on, ... */
  readonly minRequestsPerMinute: number;
  /** ... nor is less than this share of all requests, ... */
  readonly minLoadShare: number;
  /** ... nor less than this many times the baseline, however sure the rule is. */
  readonly minRatio: number;
  /** A tenant that is known for less, or ... */
  readonly minHistorySeconds: number;
  /** ... that has fewer active neighbours, is throttled in shadow only. */
  readonly minPeers: number;
  /** Throttle only a tenant that is shown to harm others, or that passes a ceiling of its plan. */
  readonly needsImpact: boolean;
  /** A verdict about who harms whom counts for so long: they come once a minute, a minute or two late. */
  readonly verdictSeconds: number;
  /** Between the beginnings of two automatic throttles of one tenant for two findings. */
  readonly settleSeconds: number;
  /** A throttle for a finding that is still open goes on if it ended no longer ago than this. */
  readonly renewSeconds: number;
  /** Between two automatic throttles of the whole estate; renewals are not counted. */
  readonly secondsBetweenActions: number;
  readonly maxActionsPerHour: number;
  /** Independent sources that must show a tenant's load. */
  readonly minSources: number;
  /** Older data says nothing about now. */
  readonly maxDataAgeSeconds: number;
  /** Counted requests against those that the apps say they answered; below it the picture has holes. */
  readonly minCompleteShare: number;
  /** After the shape of the data changed, figures of before and after are not comparable for so long. */
  readonly schemaQuietSeconds: number;
  /** A rule that is promoted by itself must have been replayed on history with this precision ... */
  readonly minPrecision: number;
  /** ... and no more false throttles than this. */
  readonly maxFalsePerThousandTenantDays: number;
  /** Each stage of a rule is watched for so long before the next. */
  readonly minStageSeconds: number;
  /** An older replay of history says too little about now. */
  readonly maxBacktestAgeSeconds: number;
  /** A throttle that cuts more than this share of what a tenant sends needs a person, ... */
  readonly approvalCutShare: number;
  /** ... as does one of a tenant with this share of the weight (revenue, plan) of all. */
  readonly approvalWeightShare: number;
  /** Whoever is asked has so long to answer. */
  readonly approvalSeconds: number;
  /** The share of the load that names its tenant may fall to this share of its usual; below, figures are partial. */
  readonly minAttributedShare: number;
  /** More refused requests for ingestion than this share, and the picture has holes. */
  readonly maxRejectedShare: number;
  /** A throttle that has not helped its victims after so long is lifted, ... */
  readonly revertAfterSeconds: number;
  /** ... helped being a P95 of at most this share of that before, ... */
  readonly improvedShare: number;
  /** ... and its tenant's next one waits for so long. */
  readonly revertWaitSeconds: number;
}

const DAY_SECONDS = 86_400;

export const POLICY_DEFAULTS: PolicyParams = {
  throttleSeconds: 300,
  maxThrottleSeconds: 3_600,
  repeatWindowSeconds: 6 * 3_600,
  throttledMetrics: [
    'requests',
    'db_calls',
    'db_ms',
    'cpu_ms',
    'bytes',
    'ai_calls',
    'ai_tokens',
    'tokens',
    'ai_cost_micro',
    'plan_ceiling',
  ],
  headroom: 1.5,
  minRequestsPerSecond: 1,
  floorShare: 0.5,
  burstSeconds: 2,
  protectedRoutes: PROTECTED_ROUTES,
  maxTenantShare: 0.1,
  maxTenants: 5,
  maxWeightShare: 0.2,
  suspendShare: 0.3,
  resumeShare: 0.15,
  leaveAloneSeconds: 3_600,
  automaticSubject: 'detector',
  rampShare: 0.1,
  minRequestsPerMinute: 100,
  minLoadShare: 0.01,
  minRatio: 3,
  minHistorySeconds: 7 * DAY_SECONDS,
  minPeers: 5,
  needsImpact: true,
  verdictSeconds: 300,
  settleSeconds: 900,
  renewSeconds: 60,
  secondsBetweenActions: 30,
  maxActionsPerHour: 10,
  minSources: 2,
  maxDataAgeSeconds: 60,
  minCompleteShare: 0.95,
  schemaQuietSeconds: 3_600,
  minPrecision: 0.95,
  maxFalsePerThousandTenantDays: 1,
  minStageSeconds: 7 * DAY_SECONDS,
  maxBacktestAgeSeconds: 30 * DAY_SECONDS,
  approvalCutShare: 0.95,
  approvalWeightShare: 0.1,
  approvalSeconds: 900,
  minAttributedShare: 0.8,
  maxRejectedShare: 0.05,
  revertAfterSeconds: 240,
  improvedShare: 0.8,
  revertWaitSeconds: 1_800,
};
