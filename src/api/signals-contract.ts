/** Wire types of signals and placement; times are RFC 3339, money micro-units. Part of `contract.ts`. */
export interface SignalItem {
  id: string;
  tenant_id: string;
  kind: 'near_quota' | 'growth' | 'beyond_plan' | 'negative_margin' | 'limited_experience' | 'shrinking';
  subject: string;
  status: 'open' | 'dismissed' | 'ended';
  since: string;
  seen_at: string;
  ended_at: string | null;
  strength: number;
  sentence: string;
  evidence: { figures: Record<string, number | string | null>; links: string[] };
  dismissed: { at: string; by: string; reason: string; until: string | null } | null;
}

export interface SignalList {
  items: SignalItem[];
  next_cursor: string | null;
}

export interface DedicatedOffers {
  currency: string;
  share_percent: number;
  days: number;
  at_least_days: number;
  headroom_percent: number;
  horizon_months: number;
  offers: {
    name: string;
    price_micro: number;
    migration_micro: number;
    cpu_cores: number | null;
    storage_bytes: number | null;
  }[];
  pools: { pool: string; units: number; unit_capacity: number; unit_price_micro: number }[];
}

export interface PlacementAdviceItem {
  tenant_id: string;
  verdict: 'worth_it' | 'not_worth_it' | 'unknown';
  sentence: string;
  days: number;
  pools: {
    pool: string;
    large_days: number;
    share: number;
    mean_rate: number;
    peak_rate: number;
    freed_units: number | null;
  }[];
  currency: string;
  pooled_cost_micro: number | null;
  offer: DedicatedOffers['offers'][number] | null;
  pool_saves_micro: number | null;
  monthly_saving_micro: number | null;
  break_even_months: number | null;
}

export interface PlacementAdviceList {
  items: PlacementAdviceItem[];
}
