import type { ThrottleScope } from '../domain/flags.ts';
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

interface DataHealth {
  /** Unix ms up to which everything that arrived is counted. */
  readonly dataUntil: number | null;
  /** Counted against told by the apps, 0 to 1; null: they tell nothing that it could be compared with. */
  readonly completeShare: number | null;
  /** Unix ms of the last change of the data's shape; null: none is known. */
  readonly schemaChangedAt: number | null;
}

/** How far automation may go: each step is a human act, and one step back is one call. */
export const STAGES = ['off', 'shadow', 'ramp', 'full'] as const;
export type Stage = (typeof STAGES)[number];

interface HumanAct {
  readonly stage: Stage;
  readonly by: string;
  /** Unix ms. */
  readonly at: number;
  readonly reason: string;
  /** The second person who agreed. */
  readonly approvedBy: string | null;
}

export interface TenantStage extends HumanAct {
  readonly tenantId: TenantId;
}

/** Result of replaying stored history through a rule. */
interface BacktestResult {
  readonly at: number;
  readonly precision: number;
  readonly falsePerThousandTenantDays: number;
}

export interface RuleStage extends HumanAct {
  /** Name and version, as in findings. */
  readonly rule: string;
  readonly backtest: BacktestResult | null;
  /** Why it may act without one; null: it may not. */
  readonly unprovenBecause: string | null;
}

/** Automation leaves this tenant alone. Unix ms. */
export interface AllowEntry {
  readonly tenantId: TenantId;
  readonly owner: string;
  readonly reason: string;
  readonly expiresAt: number;
}

/** A time in the operator's calendar in which much load is expected. Unix ms, half-open. */
interface KnownPeak {
  readonly from: number;
  readonly to: number;
  readonly name: string;
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
  readonly peaks: readonly KnownPeak[];
  readonly ruleStages: readonly RuleStage[];
  readonly tenantStages: readonly TenantStage[];
  readonly effects: readonly ThrottleEffect[];
  readonly killSwitch: { readonly on: boolean; readonly reason: string };
}

/** Nothing is known: every guard that asks for proof holds back. */
export const NO_EVIDENCE: PolicyEvidence = {
  health: { dataUntil: null, completeShare: null, schemaChangedAt: null },
  requestsPerSecond: null,
  tenants: [],
  verdicts: [],
  allowList: [],
  peaks: [],
  ruleStages: [],
  tenantStages: [],
  effects: [],
  killSwitch: { on: false, reason: '' },
};

/** First segment of the scope's route, lower case, without a version such as /v1 or a prefix /api before it. */
export function routeSegment({ route }: ThrottleScope): string | undefined {
  return route
    ?.toLowerCase()
    .split('/')
    .find((segment) => segment !== '' && segment !== 'api' && !/^v\d+$/.test(segment));
}
