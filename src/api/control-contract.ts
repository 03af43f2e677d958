/** Wire types of what steers automation; times are RFC 3339. Part of `contract.ts`. */
export interface KillSwitchItem {
  on: boolean;
  reason: string;
  by: string | null;
  at: string | null;
  /** environment: set for the process, and only a restart without it ends it. */
  source: 'environment' | 'file';
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
  kind: 'throttle' | 'alert' | 'lift';
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
