/** Wire types of the list of tenants; part of `contract.ts`. */
export interface TenantFigures {
  tenant_id: string;
  plan: string | null;
  requests: number;
  errors: number;
  /** null: no request in the window. */
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  request_bytes: number;
  response_bytes: number;
  db_calls: number;
  db_ms: number;
  db_slow_calls: number;
  cache_hits: number;
  cache_misses: number;
  ai_calls: number;
  ai_input_tokens: number;
  ai_output_tokens: number;
  ai_cache_read_tokens: number;
  ai_cache_write_tokens: number;
  ai_reasoning_tokens: number;
  /** Micro-units of US dollars for what could be priced; null: nothing could (never 0 for an unknown price). */
  ai_cost_micro: number | null;
  /** AI calls whose model has no known price; their cost is missing from ai_cost_micro. */
  ai_unpriced_calls: number;
  /** CPU time charged to the tenant by sampling; null: none was measured. */
  cpu_seconds: number | null;
  /** Relative standard error of cpu_seconds: 1 / sqrt(samples); null: no sample. */
  cpu_error_ratio: number | null;
  /** Requests per step of the window, oldest first; for the sparkline. */
  requests_spark: number[];
  /** Throttles in force now. */
  throttles: { id: string; mode: 'enforce' | 'shadow'; expires_at: string }[];
}

export type TenantSort =
  | 'requests'
  | 'errors'
  | 'p95_ms'
  | 'db_calls'
  | 'db_ms'
  | 'ai_input_tokens'
  | 'ai_output_tokens'
  | 'ai_cost_micro'
  | 'cpu_seconds'
  | 'tenant_id';

export interface TenantList {
  items: TenantFigures[];
  next_cursor: string | null;
  /** Tenants that match, over all pages. */
  total: number;
  from: string;
  to: string;
  spark_step_seconds: number;
  /** Share of spans in the window that carried a tenant, 0 to 1; null: no spans. */
  attributed_share: number | null;
  /** End of the newest minute with data, Unix ms; null: no data yet. Missing data is not zero usage. */
  data_until: number | null;
}
