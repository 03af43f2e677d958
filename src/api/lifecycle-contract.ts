/** Wire types of the directory of tenants; part of `contract.ts`. */
export interface DirectoryItem {
  tenant_id: string;
  display_name: string | null;
  status: 'active' | 'suspended' | 'closed';
  plan: string | null;
  /** null: it never was on a plan. */
  plan_since: string | null;
  /** When telemetry or a person first named the tenant. */
  first_seen_at: string;
  /** The start of the newest minute, hour or day with a span; null: none is known. */
  last_seen: { at: string; step_seconds: number } | null;
  placement: 'pooled' | 'dedicated';
  placement_reason: string | null;
  /** null: the calendar's months. */
  billing_day: number | null;
  /** null: nobody said. */
  seats: number | null;
  trial_ends_at: string | null;
  scheduled_plan: { plan: string | null; effective_from: string } | null;
  /** null: it appeared by itself, or somebody named it. */
  onboarded_at: string | null;
  /** null: nobody ever decided where it stands. */
  state: {
    version: number;
    effect: 'refuse' | 'read_only' | null;
    reason_code: 'payment' | 'abuse' | 'security' | 'request' | 'other' | null;
    reason: string;
    until: string | null;
    since: string;
    by: string;
  } | null;
}

export interface DirectoryList {
  items: DirectoryItem[];
  next_cursor: string | null;
  /** Tenants that match, over all pages. */
  total: number;
  /** false: telemetry cannot be read right now, so `last_seen` is null for everybody. */
  last_seen_known: boolean;
}
