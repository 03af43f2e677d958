/** Wire types of what steers automation; times are RFC 3339. Part of `contract.ts`. */
export interface KillSwitchItem {
  on: boolean;
  reason: string;
  by: string | null;
  at: string | null;
  /** environment: set for the process, and only a restart without it ends it. */
  /** shared: set for all servers on another one. */
  source: 'environment' | 'file' | 'shared';
  /** Of the flags, at which it was last set for all servers; null: it holds here alone, or was never set. */
  revision: number | null;
}

/** Live app instances, and when each obeyed a revision of the flags; null: not yet. */
export interface ReachItem {
  revision: number;
  items: { service: string; instance_id: string; acked_at: string | null }[];
}

type StageName = 'off' | 'shadow' | 'canary' | 'enforce';

export interface PromotionEvidenceItem {
  held_seconds: number;
  shadow_throttles: number;
  enforced_throttles: number;
}

export interface RuleStageItem {
  rule: string;
  rule_hash: string;
  stage: StageName;
  since: string;
  by: string | null;
  reason: string | null;
  approved_by: string | null;
  evidence: PromotionEvidenceItem;
  backtest: BacktestItem | null;
  pending: { approval_id: string; stage: StageName; by: string; expires_at: string }[];
  next: { stage: StageName; problem: string | null } | null;
}

export interface BacktestItem {
  id: string;
  rule: string;
  rule_hash: string;
  source: 'api' | 'command';
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** 0 to 1. */
  progress: number;
  from: string;
  to: string;
  draft: {
    min_ratio?: number;
    needs_impact?: boolean;
    headroom?: number;
    min_requests_per_minute?: number;
    throttle_seconds?: number;
  };
  /** How many there were; null: none were given. */
  labels: number | null;
  result: {
    minutes: number;
    tenants: number;
    findings: number;
    held_back: Record<string, number>;
    throttles: number;
    examples: {
      tenant_id: string;
      at: string;
      metric: string;
      requests_per_second: number;
      /** How long it would have held; null: not kept. */
      seconds: number | null;
      reason: string;
      right: boolean | null;
    }[];
    precision: number | null;
    recall: number | null;
    false_per_thousand_tenant_days: number | null;
  } | null;
  error: string | null;
  asked_by: string;
  asked_at: string;
  ended_at: string | null;
}

export interface NewBacktest {
  rule: string;
  /** At most 31 days before `to`. */
  from: string;
  to: string;
  draft?: BacktestItem['draft'];
  labels?: { tenant_id: string; metric?: string; started_at: number; ended_at: number }[];
}

export interface BacktestList {
  items: BacktestItem[];
}

export interface ApprovalItem {
  id: string;
  kind: 'throttle' | 'promotion';
  /** null: it is about a rule. */
  tenant_id: string | null;
  explanation: string;
  throttle: {
    anomaly_id: string;
    requests_per_second: number;
    burst: number;
    expires_in_seconds: number;
    service: string | null;
    route: string | null;
    reason: string;
  } | null;
  promotion: { rule: string; stage: StageName; reason: string; evidence: PromotionEvidenceItem } | null;
  asked_by: string;
  asked_at: string;
  expires_at: string;
  state: 'pending' | 'approved' | 'denied' | 'expired';
  decided_by: string | null;
  decided_at: string | null;
  note: string | null;
}

export interface ApprovalList {
  items: ApprovalItem[];
}

export interface KnownPeakItem {
  id: string;
  /** null: of every tenant. */
  tenant_id: string | null;
  name: string;
  note: string;
  from: string | null;
  to: string | null;
  weekly: { time_zone: string; weekdays: number[]; start: string; length_minutes: number } | null;
  created_by: string;
  created_at: string;
}

export interface NewKnownPeak {
  tenant_id?: string;
  name: string;
  note?: string;
  from?: string;
  to?: string;
  weekly?: { time_zone: string; weekdays: number[]; start: string; length_minutes: number };
}

export interface TenantStageItem {
  tenant_id: string;
  stage: StageName;
  by: string;
  at: string;
  reason: string;
}

export interface KnownPeakList {
  items: KnownPeakItem[];
}

export interface AllowListItem {
  tenant_id: string;
  owner: string;
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
}

export interface AllowListList {
  items: AllowListItem[];
}

/** finding → decision → flag revision → obeyed by → effect → end, of one decision. */
export interface DecisionItem {
  id: string;
  tenant_id: string;
  at: string;
  kind: 'throttle' | 'alert' | 'lift' | 'ask';
  /** Guards that held back, in the order in which they spoke. */
  held_back_by: string[];
  explanation: string;
  finding: {
    id: string;
    metric: string;
    value: number;
    baseline: number;
    ratio: number;
    rule: string;
    reason: string;
    started_at: string;
    ended_at: string | null;
  } | null;
  throttle: {
    id: string;
    revision: number;
    mode: 'enforce' | 'shadow';
    requests_per_second: number;
    expires_at: string;
    acks: { instance_id: string; service: string; acked_at: string }[];
    status: 'active' | 'expired' | 'lifted';
    ended_at: string | null;
    lifted_by: string | null;
  } | null;
  /** P95 of the tenant that suffers most, when it was decided and as last seen while the throttle was in force. */
  effect: { victims_p95_before_ms: number | null; victims_p95_after_ms: number | null };
}

export interface DecisionList {
  items: DecisionItem[];
}
