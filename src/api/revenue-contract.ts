/** Wire types of `/v1/revenue`, `/v1/margins` and `/v1/forecasts`; part of `contract.ts`. */

/** Micro-units of a currency: a number, or its digits as text where a JSON number would lose some. */
type Micro = number | string;

export interface NewRevenueImport {
  file_name: string;
  /** The file as text: a CSV export, or JSON of Stripe's API. */
  content: string;
  /** The moment that the file tells of; absent: now. */
  as_of?: string;
  /** What coupons are worth, by name: exports of Stripe's dashboard say only how they are called. */
  coupons?: Record<string, { percent: number } | { amount_micro: number }>;
  /** true: say what it would do, and keep nothing. */
  dry_run?: boolean;
}

export interface RevenueImportItem {
  id: string;
  /** false: this very file was imported before, and nothing was done. */
  is_new: boolean;
  subscriptions: number;
  invoices: number;
  added: number;
  changed: number;
  unchanged: number;
  /** Customers that are no tenant yet, of all imports. */
  unmapped_customers: number;
}

export interface RevenueImportList {
  items: {
    id: string;
    file_name: string;
    format: string;
    as_of: string;
    subscriptions: number;
    invoices: number;
    added: number;
    changed: number;
    unchanged: number;
    created_by: string;
    created_at: string;
  }[];
}

export interface RevenueAnswer {
  from: string;
  to: string;
  items: {
    tenant_id: string;
    /** Plans that are paid for at the end; null: none. */
    plan: string | null;
    currency: string;
    /** At the end; null: no subscription is known, or one whose price or discount is not. */
    mrr_micro: Micro | null;
    /** Recognised in the window. */
    revenue_micro: Micro;
  }[];
  /** before + new + reactivation + expansion - contraction - churn = after */
  movements: {
    currency: string;
    before_micro: Micro;
    new_micro: Micro;
    reactivation_micro: Micro;
    expansion_micro: Micro;
    contraction_micro: Micro;
    churn_micro: Micro;
    after_micro: Micro;
    unknown_tenants: number;
  }[];
  /** Customers whose subscriptions and invoices are in no tenant's figures. */
  unmapped_customers: number;
}

export interface UnmappedCustomerList {
  items: { customer_id: string; subscriptions: number; invoices: number }[];
}

export interface CustomerTenant {
  customer_id: string;
  tenant_id: string;
}

interface MarginFields {
  revenue_micro: Micro | null;
  cost_micro: Micro | null;
  margin_micro: Micro | null;
  /** Of the revenue; null also where the revenue is 0. */
  margin_percent: number | null;
  /** Why the margin is unknown. */
  gap: 'no_revenue' | 'no_costs' | 'unpriced_ai' | 'currency' | null;
}

interface MarginSumFields extends MarginFields {
  tenants: number;
  unknown_tenants: number;
  unknown_revenue_micro: Micro;
  unknown_cost_micro: Micro;
}

export interface MarginAnswerBody {
  from: string;
  to: string;
  currency: string;
  group_by: 'tenant' | 'plan' | 'feature';
  total: MarginSumFields;
  tenants: (MarginFields & { tenant_id: string; plan: string | null })[];
  plans: (MarginSumFields & { plan: string | null })[];
  features: (MarginFields & { feature: string })[];
}

export interface FeatureList {
  items: { name: string; routes: { service: string; route: string }[]; plans: string[] }[];
}

export interface ForecastBody {
  of: 'cost' | 'revenue';
  tenant_id: string | null;
  currency: string | null;
  month_from: string;
  month_to: string;
  known_until: string;
  to_date_micro: Micro;
  expected_micro: Micro | null;
  low_micro: Micro | null;
  high_micro: Micro | null;
  /** Share of months whose result lies in the range. */
  coverage: number;
  basis_days: number;
  /** Why there is no range. */
  gap: string | null;
}
