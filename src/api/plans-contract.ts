/** Wire types of plans; times are RFC 3339, money micro-units. Part of `contract.ts`. */
export interface PlanQuotaItem {
  /** A usage metric, `meter:<slug>`, `ai_tokens`, `ai_cost`, `seats` or `storage_bytes`. */
  key: string;
  unit: string;
  period: 'day' | 'month';
  limit: number;
  kind: 'hard' | 'soft';
  burst: { accrual_percent: number; capacity: number; expires_after_days: number } | null;
}

export interface PlanVersionItem {
  effective_from: string;
  /** null: until a later version begins. */
  effective_to: string | null;
  quotas: PlanQuotaItem[];
  guarantee_rps: number | null;
  ceiling_rps: number | null;
  weight: number;
  features: string[] | null;
  /** Of Tenantry's own; null: all of them. */
  tenantry_features: ('scim' | 'audit_log' | 'traces' | 'queries' | 'sql' | 'embed')[] | null;
  price: { amount_micro: number; currency: string } | null;
  set_by: string;
  set_at: string;
}

export interface PlanItem {
  plan: string;
  tenants: number;
  /** What holds now; null: nobody has said anything but the name. */
  terms: PlanVersionItem | null;
  /** Oldest first. */
  versions: PlanVersionItem[];
}

export interface PlanList {
  items: PlanItem[];
}

export interface NewPlanTerms {
  quotas?: {
    key: string;
    period: 'day' | 'month';
    limit: number;
    kind?: 'hard' | 'soft';
    burst?: { accrual_percent: number; capacity: number; expires_after_days: number } | null;
  }[];
  guarantee_rps?: number | null;
  ceiling_rps?: number | null;
  weight?: number;
  features?: string[] | null;
  tenantry_features?: ('scim' | 'audit_log' | 'traces' | 'queries' | 'sql' | 'embed')[] | null;
  price?: { amount_micro: number; currency: string } | null;
  effective_from?: string;
}
