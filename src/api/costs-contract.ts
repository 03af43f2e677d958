/** Wire types of `/v1/costs`; part of `contract.ts`. Money is in micro-units of `currency`. */
interface TenantCostItem {
  tenant_id: string;
  cost_micro: number;
  /** How much of it no bill covers: AI usage at the price book's prices. */
  estimated_micro: number;
  /** AI calls without a known price, which cost something that is not in here. */
  unpriced_calls: number;
  parts: { [part: string]: number };
}

interface CostGroupItem {
  name: string;
  bill_micro: number;
  tenants_micro: number;
  shared_micro: number;
  idle_micro: number;
  unallocated_micro: number;
}

export interface CostList {
  currency: string;
  /** Whole days in UTC. */
  from: string;
  to: string;
  group_by: 'tenant' | 'part' | 'service' | 'rule' | 'day' | 'month';
  bill_micro: number;
  estimated_micro: number;
  /** The most expensive first. Empty unless grouped by tenant. */
  items: TenantCostItem[];
  /** Tenants beyond `limit`, and what they cost together. */
  more_tenants: number;
  more_micro: number;
  /** Bills by something else than tenants, without estimates; empty when grouped by tenant. */
  groups: CostGroupItem[];
  shared_micro: number;
  idle_micro: number;
  unallocated_micro: number;
  /** bill + estimated - all the rest: 0, or it is a fault. null: only some tenants were asked for. */
  residual_micro: number | null;
  other_currencies: string[];
  notes: string[];
}

export interface ExplainedCostItem {
  bill_id: string;
  rules_version: number;
  rule: string;
  part: string;
  provider: string;
  service: string;
  charge_category: string;
  from: string;
  to: string;
  /** The day on which it counts. */
  booked: string;
  group_micro: number;
  idle_micro: number;
  cost_micro: number;
  /** Whole numbers as text: byte-hours of a month exceed what JSON numbers hold. */
  usage: { key: string; weight: number; tenant: string; total: string }[];
  formula: string;
  line_count: number;
  lines: { line: number; amount: string; currency: string; description: string; resource: string }[];
}

export interface CostExplanation {
  tenant_id: string;
  currency: string;
  from: string;
  to: string;
  items: ExplainedCostItem[];
  next_cursor: string | null;
}

export interface CostTrend {
  currency: string;
  /** `2026-10`, oldest first. */
  months: string[];
  /** Whether any bill or priced call tells of the month: where not, nothing is 0. */
  known: boolean[];
  /** By tenant id; of each month, null where the month is not known. */
  items: { tenant_id: string; costs_micro: (number | null)[] }[];
}
