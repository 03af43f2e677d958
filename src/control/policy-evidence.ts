import type { ApprovalState, RuleStage, TenantStage } from '../domain/automation.ts';
import type { TenantId } from '../domain/tenant-id.ts';

/** What is known of one tenant beside the finding; null: not known, which never counts in favour of a throttle. */
export interface TenantFacts {
  readonly tenantId: TenantId;
  /** How long it has been known. */
  readonly historySeconds: number | null;
  /** Now, of all kinds. */
  readonly requestsPerSecond: number | null;
  /** Independent places that show its load: app instances, keys, spans beside resource metrics. */
  readonly sources: readonly string[];
  /** What its plan grants in any case. */
  readonly guaranteedRequestsPerSecond: number | null;
  /** Its share of the weight (revenue, plan) of all tenants, 0 to 1. */
  readonly weightShare: number | null;
  /** The operator wants a person to decide about it in any case; the sentence says why. null: they do not. */
  readonly guardedBecause: string | null;
  /** The plan's ceiling that it passes, as a sentence; null: none. */
  readonly passedCeiling: string | null;
}

/** Who harms whom on a service or resource, in one minute. `at`: Unix ms, its start. */
export interface ImpactVerdict {
  readonly at: number;
  readonly resource: string;
  readonly kind: 'culprit' | 'global_slowdown' | 'unclear';
  /** Most suspect first. */
  readonly suspects: readonly string[];
  readonly victims: readonly { readonly tenantId: string; readonly p95Ms: number; readonly usualP95Ms: number }[];
}

export interface DataHealth {
  /** Unix ms up to which everything that arrived is counted. */
  readonly dataUntil: number | null;
  /** Counted against received, 0 to 1; null: nothing was received that it could be compared with. */
  readonly completeShare: number | null;
  /** Share of the load that names its tenant, now and usually, 0 to 1; null: nothing was counted. */
  readonly attributedShare: number | null;
  readonly usualAttributedShare: number | null;
  /** Share of the requests for ingestion that were refused lately, 0 to 1; null: there were none. */
  readonly rejectedShare: number | null;
  /** Unix ms of the last change of the data's shape; null: none is known. */
  readonly schemaChangedAt: number | null;
}

/** Automation leaves this tenant alone. Unix ms. */
export interface AllowEntry {
  readonly tenantId: TenantId;
  readonly owner: string;
  readonly reason: string;
  readonly expiresAt: number;
}

/** A time in the operator's calendar in which much load is expected. Unix ms, half-open. */
interface ExpectedLoad {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  /** Of whom; null: of everybody. */
  readonly tenantId: string | null;
}

/** What a person was asked about a finding. Unix ms. */
interface AskedApproval {
  readonly anomalyId: string;
  readonly state: ApprovalState;
  readonly by: string | null;
}

/** How the victims of a throttled tenant fare. P95 over all of them, ms; null: not measured. */
export interface ThrottleEffect {
  readonly throttleId: string;
  readonly victimsP95BeforeMs: number | null;
  readonly victimsP95NowMs: number | null;
}

/** All that a decision is made from beside findings and throttles. Plain data, so that it can be stored and replayed. */
export interface PolicyEvidence {
  readonly health: DataHealth;
  /** Of all tenants now; null: not known. */
  readonly requestsPerSecond: number | null;
  readonly tenants: readonly TenantFacts[];
  readonly verdicts: readonly ImpactVerdict[];
  readonly allowList: readonly AllowEntry[];
  readonly peaks: readonly ExpectedLoad[];
  /** Tenants that are suspended or closed; absent in what was recorded before there was such a thing. */
  readonly heldTenants?: readonly TenantId[];
  readonly approvals: readonly AskedApproval[];
  readonly ruleStages: readonly RuleStage[];
  readonly tenantStages: readonly TenantStage[];
  readonly effects: readonly ThrottleEffect[];
  readonly killSwitch: { readonly on: boolean; readonly reason: string };
}

/** Nothing is known: every guard that asks for proof holds back. */
export const NO_EVIDENCE: PolicyEvidence = {
  health: {
    dataUntil: null,
    completeShare: null,
    attributedShare: null,
    usualAttributedShare: null,
    rejectedShare: null,
    schemaChangedAt: null,
  },
  requestsPerSecond: null,
  tenants: [],
  verdicts: [],
  allowList: [],
  peaks: [],
  approvals: [],
  ruleStages: [],
  tenantStages: [],
  effects: [],
  killSwitch: { on: false, reason: '' },
};
