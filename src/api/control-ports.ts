/** What the api needs of control: the red button, the allow-list, and what was decided. */
import type { StaffActor } from '../domain/actor.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { Approval, KnownPeak, NewKnownPeak, PromotionEvidence, Stage, TenantStage } from '../domain/automation.ts';
import type { Backtest, BacktestQuestion } from '../domain/backtest.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';

/** The red button of automation. Times are Unix ms. */
interface KillSwitch {
  state(): KillSwitchState;
  set(actor: StaffActor, on: boolean, reason: string): Promise<KillSwitchState>;
  /** Live app instances, and which of them obey this revision of the flags. */
  reach(actor: StaffActor, revision: number): Promise<readonly ReachedInstance[]>;
}

export interface KillSwitchState {
  readonly on: boolean;
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  readonly source: 'environment' | 'file' | 'shared';
  /** Of the flags, at which it was last set for all servers; null: never, or the database is away since. */
  readonly revision: number | null;
}

/** A tenant that automation leaves alone. Times are Unix ms. */
export interface AllowListEntry {
  readonly tenantId: TenantId;
  readonly owner: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface AllowList {
  list(actor: StaffActor): Promise<readonly AllowListEntry[]>;
  put(
    actor: StaffActor,
    tenantId: TenantId,
    entry: { readonly owner: string; readonly reason: string; readonly expiresInSeconds: number },
  ): Promise<AllowListEntry>;
  /** False if there was none. */
  remove(actor: StaffActor, tenantId: TenantId): Promise<boolean>;
}

/** What automation decided about a tenant, and what came of it. Times are Unix ms. */
export interface DecisionChain {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly at: number;
  readonly kind: 'throttle' | 'alert' | 'lift' | 'ask';
  readonly heldBackBy: readonly string[];
  readonly explanation: string;
  readonly finding: Anomaly | undefined;
  readonly throttle: ThrottleRecord | undefined;
  readonly victimsP95Before: number | null;
  readonly victimsP95After: number | null;
}

/** Where a rule stands, and what its next stage lacks. Times are Unix ms. */
export interface RuleStanding {
  readonly rule: string;
  /** Of all that it is made of today. */
  readonly hash: string;
  readonly stage: Stage;
  readonly since: number;
  /** null: nobody has moved it, it follows the installation's setting. */
  readonly by: string | null;
  readonly reason: string | null;
  readonly approvedBy: string | null;
  /** What it has done since. */
  readonly evidence: PromotionEvidence;
  /** The newest of the rule as it is today. */
  readonly backtest: Backtest | undefined;
  /** Promotions that wait for a second person. */
  readonly pending: readonly {
    readonly id: string;
    readonly stage: Stage;
    readonly by: string;
    readonly expiresAt: number;
  }[];
  /** null at the last stage; `problem` null: it may be taken now. */
  readonly next: { readonly stage: Stage; readonly problem: string | null } | null;
}

/** A step that was taken, or (with an id) one that waits for a second person. */
export interface MovedRule {
  readonly standing: RuleStanding;
  readonly approvalId: string | null;
}

/** One step of a rule as it was taken. Unix ms. */
export interface StageStep {
  readonly stage: Stage;
  readonly by: string;
  readonly at: number;
  readonly reason: string;
  readonly approvedBy: string | null;
  readonly backtestId: string | null;
  readonly unprovenBecause: string | null;
  readonly evidence: PromotionEvidence;
}

export interface PromotionDesk {
  rules(actor: StaffActor): Promise<readonly RuleStanding[]>;
  /** Undefined for a rule that does not run here. */
  rule(actor: StaffActor, rule: string): Promise<RuleStanding | undefined>;
  /** Newest first. */
  steps(actor: StaffActor, rule: string): Promise<readonly StageStep[]>;
  /** Undefined for a rule that does not run here. */
  move(
    actor: StaffActor,
    rule: string,
    asked: { readonly stage: Stage; readonly reason: string; readonly unprovenBecause: string | null },
  ): Promise<MovedRule | undefined>;
}

interface TenantStages {
  tenantStages(actor: StaffActor): Promise<readonly TenantStage[]>;
  putTenantStage(actor: StaffActor, tenantId: TenantId, stage: Stage, reason: string): Promise<TenantStage>;
  /** False if the tenant had none of its own. */
  removeTenantStage(actor: StaffActor, tenantId: TenantId): Promise<boolean>;
}

interface Approvals {
  /** Newest first. */
  list(
    actor: StaffActor,
    filter: { readonly pendingOnly: boolean; readonly limit: number },
  ): Promise<readonly Approval[]>;
  /** Undefined if nothing waits under this id. */
  decide(
    actor: StaffActor,
    id: string,
    verdict: 'approved' | 'denied',
    note: string | null,
  ): Promise<Approval | undefined>;
}

interface KnownPeaks {
  list(actor: StaffActor): Promise<readonly KnownPeak[]>;
  put(actor: StaffActor, id: string, peak: NewKnownPeak): Promise<KnownPeak>;
  /** False if there is none with this id. */
  remove(actor: StaffActor, id: string): Promise<boolean>;
}

interface Backtests {
  /** Newest first. */
  list(actor: StaffActor, filter: { readonly rule?: string; readonly limit: number }): Promise<readonly Backtest[]>;
  get(actor: StaffActor, id: string): Promise<Backtest | undefined>;
  /** Asks for one; it runs as soon as a server has time. */
  ask(actor: StaffActor, rule: string, question: BacktestQuestion): Promise<Backtest>;
  /** False if it is over already or there is none. */
  cancel(actor: StaffActor, id: string): Promise<boolean>;
}

/** An app instance and when it obeyed a revision of the flags (Unix ms); null: not yet. */
interface ReachedInstance {
  readonly service: string;
  readonly instanceId: string;
  readonly ackedAt: number | null;
}

/** What steers automation, and what it did. */
export interface Control {
  readonly killSwitch: KillSwitch;
  readonly allowList: AllowList;
  readonly promotions: PromotionDesk;
  readonly tenants: TenantStages;
  readonly approvals: Approvals;
  readonly peaks: KnownPeaks;
  readonly backtests: Backtests;
  /** Newest first. */
  decisions(
    actor: StaffActor,
    filter: { readonly tenantId?: TenantId; readonly limit: number },
  ): Promise<readonly DecisionChain[]>;
}
