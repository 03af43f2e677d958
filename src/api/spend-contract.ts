/** Wire types of spend caps; part of `contract.ts`, whose words on times and intervals hold here too. */

/** A cap of a tenant or plan, as it was set. */
interface CapTerms {
  period: 'day' | 'month';
  /** Micro-units of the currency. */
  amount_micro: number;
  currency: string;
  /** null: every key, every model. */
  key: string | null;
  model: string | null;
  time_zone: string;
  /** From which share of the amount on AI is degraded to which step. */
  ladder: { percent: number; step: 'ok' | 'warn' | 'cached_only' | 'blocked' }[];
  on_unavailable: 'open' | 'closed';
  on_unpriced: 'allow' | 'refuse';
  updated_at: string;
  updated_by: string;
}

/** A cap in force for a tenant, and what its current period has cost. */
export interface CapItem extends CapTerms {
  tenant_id: string;
  source: 'tenant' | 'plan';
  plan: string | null;
  period_start: string;
  period_end: string;
  /** Settled by the apps; given out and not settled yet; charged because no settlement came. */
  spent_micro: number;
  reserved_micro: number;
  presumed_micro: number;
  /** What spans say; null: not known for this scope. */
  observed_micro: number | null;
  observed_at: string | null;
  difference_micro: number | null;
  /** What counts: the larger of what apps and what spans say. */
  used_micro: number;
  /** null: this cap refuses nothing. */
  limit_micro: number | null;
  available_micro: number | null;
  step: 'ok' | 'warn' | 'cached_only' | 'blocked';
  calls: number;
  unpriced_calls: number;
  excess_calls: number;
  excess_micro: number;
  unreserved_micro: number;
  refusals: number;
  /** null for tenant roles. */
  in_flight_calls: number | null;
  /** By how much the calls that run now may pass limit_micro. */
  overshoot_bound_micro: number;
  alerts: {
    percent: number;
    step: 'ok' | 'warn' | 'cached_only' | 'blocked';
    used_micro: number;
    at: string;
    reason: string;
  }[];
  forecast: {
    kind: 'met' | 'not_before_period_end' | 'already_met' | 'unknown';
    at: string | null;
    earliest: string | null;
    latest: string | null;
    basis_hours: number;
  } | null;
}

export interface CapList {
  items: CapItem[];
  next_cursor: string | null;
}

export interface PlanCapItem extends CapTerms {
  plan: string;
}

export interface PlanCapList {
  items: PlanCapItem[];
}

export interface NewCap {
  period: 'day' | 'month';
  amount_micro: number;
  currency: 'USD';
  key?: string;
  model?: string;
  time_zone?: string;
  ladder?: { percent: number; step: 'warn' | 'cached_only' | 'blocked' }[];
  on_unavailable?: 'open' | 'closed';
  on_unpriced?: 'allow' | 'refuse';
}
