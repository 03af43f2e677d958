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
}

export interface DirectoryList {
  items: DirectoryItem[];
  next_cursor: string | null;
  /** Tenants that match, over all pages. */
  total: number;
  /** false: telemetry cannot be read right now, so `last_seen` is null for everybody. */
  last_seen_known: boolean;
}
