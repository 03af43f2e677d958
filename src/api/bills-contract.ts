/** Wire types of `/v1/bills` and `/v1/allocation-rules`; part of `contract.ts`. Money is in micro-units. */
type ChargeCategoryName = 'Usage' | 'Purchase' | 'Tax' | 'Credit' | 'Adjustment';

interface AllocationWire {
  bill_micro: number;
  /** Ascending by tenant id. */
  tenants: { tenant_id: string; cost_micro: number }[];
  shared_micro: number;
  idle_micro: number;
  unallocated_micro: number;
  /** bill - tenants - shared - idle - unallocated: 0, or it is a fault. */
  residual_micro: number;
  unallocated: { reason: string; cost_micro: number; lines: number }[];
}

export interface BillItem {
  id: string;
  /** `importing`: its lines are coming in, and count nowhere. */
  state: 'importing' | 'current' | 'superseded' | 'removed';
  format: 'focus' | 'aws-cur' | 'simple';
  focus_version: string | null;
  file_name: string;
  sha256: string;
  measure: 'billed' | 'effective';
  currency: string;
  /** Currency -> what one is in the bill's. */
  rates: { [currency: string]: string };
  bill_micro: number;
  /** Of an import under way: those that are in. */
  lines: number;
  rounded_lines: number;
  from: string;
  to: string;
  identities: { issuer: string; account: string; invoice: string; currency: string; from: string; to: string }[];
  correction: boolean;
  replaces: string[];
  created_by: string;
  created_at: string;
  ended_at: string | null;
}

export interface BillList {
  items: BillItem[];
}

export interface BillDetail extends BillItem {
  allocation: AllocationWire;
}

export interface BillImportReport {
  /** Nothing was kept. */
  dry_run: boolean;
  rules_version: number;
  bills: (AllocationWire & {
    id: string;
    currency: string;
    lines: number;
    rounded_lines: number;
    from: string;
    to: string;
    correction: boolean;
    replaced: string[];
  })[];
}

export interface AllocationChange {
  bill_id: string;
  rules_version: number;
  before: AllocationWire;
  after: AllocationWire;
  differences: { tenant_id: string; before_micro: number; after_micro: number }[];
}

interface IdleWire {
  key: string;
  capacity: { per_hour: string } | { key: string };
  treatment: 'own_line' | 'spread';
}

export interface AllocationRuleItem {
  id: string;
  part: string | null;
  match: {
    provider?: string[];
    issuer?: string[];
    account?: string[];
    sub_account?: string[];
    service?: string[];
    category?: string[];
    region?: string[];
    resource?: string[];
    sku?: string[];
    description?: string[];
    charge_categories?: ChargeCategoryName[];
    tags?: { [key: string]: string[] };
  };
  method:
    | { kind: 'direct'; from: { tag: string } | 'sub_account' | 'resource'; tenants: { [value: string]: string } }
    | { kind: 'proportional'; key: string; without_tenant: 'unallocated' | 'spread'; idle: IdleWire | null }
    | {
        kind: 'weighted';
        keys: { key: string; weight: number }[];
        without_tenant: 'unallocated' | 'spread';
        idle: IdleWire | null;
      }
    | { kind: 'even'; plans: string[] | null }
    | {
        kind: 'fixed';
        shares: ({ tenant_id: string; percent: number } | { tenant_id: string; amount_micro: number })[];
        rest: 'shared' | 'unallocated';
      }
    | { kind: 'shared' }
    | { kind: 'follow'; scope: 'service' | 'bill' };
}

export interface AllocationRuleSet {
  version: number;
  rules: AllocationRuleItem[];
  comment: string | null;
  created_by: string;
  /** null: there were never any. */
  created_at: string | null;
}

export interface AllocationRuleVersionList {
  items: { version: number; comment: string | null; created_by: string; created_at: string }[];
}
