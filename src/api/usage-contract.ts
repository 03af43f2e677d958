/** Wire types of usage and query volume; see contract.ts. */

/** A whole number: as a JSON number while it is exact (to 2^53 - 1), as decimal text beyond. null: not measured. */
export type UsageValue = number | string | null;

export interface TenantUsageItem {
  tenant_id: string;
  /** Every metric that was asked for. null was not measured, which is not zero. */
  values: Record<string, UsageValue>;
  /** null where nothing was counted that it could be a share of, or its metrics were not asked for. */
  ratios: {
    error_rate: number | null;
    cache_hit_rate: number | null;
    integration_error_rate: number | null;
    slow_db_call_rate: number | null;
  };
  /** null if neither busy_ns nor cpu_ns was asked for. */
  compute: {
    /** CPU time in services that report it; null: the tenant used none of them. */
    cpu_ns: UsageValue;
    /** Request time in all other services. */
    request_ns: UsageValue;
    /** Of the same time of all tenants; null for tenant callers and where one tenant is asked for. */
    cpu_share: number | null;
    request_time_share: number | null;
  } | null;
  /** null without a step. A step in which nobody sent anything is absent. */
  series: { at: string; values: Record<string, UsageValue> }[] | null;
}

interface UsageServiceItem {
  service: string;
  /** Of the metrics that were asked for. In all other services they were not measured. */
  measures: string[];
  compute_basis: 'cpu_time' | 'request_time';
}

export interface UsageList {
  from: string;
  to: string;
  step: 'minute' | 'hour' | 'day' | 'month' | null;
  /** Unit of each metric. */
  units: Record<string, string>;
  items: TenantUsageItem[];
  next_cursor: string | null;
  total: number;
  /** Services that sent anything on the days of the window; tenant callers see those that they used. */
  services: UsageServiceItem[];
}

export interface QueryItem {
  /** null: all tenants together. */
  tenant_id: string | null;
  query_hash: string;
  /** The statement without its values, or its summary; `(other)`: what is beyond the number that is told apart. */
  query: string;
  db_system: string;
  services: string[];
  tenants: number;
  calls: number;
  errors: number;
  slow_calls: number;
  total_ms: number;
  mean_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  /** null: no call said how many rows it returned or changed. */
  rows: number | null;
  time_share: number;
}

export interface QueryList {
  /** Whole hours. */
  from: string;
  to: string;
  items: QueryItem[];
  /** Statements in the window, those beyond the limit too. */
  total: number;
}

export interface SlowQueryItem {
  tenant_id: string;
  trace_id: string;
  span_id: string;
  started_at: string;
  duration_ms: number;
  service: string;
  db_system: string;
  query_hash: string;
  query: string;
  failed: boolean;
  rows: number | null;
}

export interface SlowQueryList {
  from: string;
  to: string;
  min_duration_ms: number;
  items: SlowQueryItem[];
}
