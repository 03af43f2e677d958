import type { TenantId } from './tenant-id.ts';

/**
 * What a tenant can use, and the unit in which it is counted. Every value is a whole number (bigint where it may be
 * multiplied with money), so that sums, shares and bills are exact; words like "seconds" and "GB" are for pages only.
 */
export const USAGE_UNITS = {
  requests: 'requests',
  errors: 'requests',
  /** Wall time of the tenant's requests; what compute is shared by where no CPU time is known. */
  busy_ns: 'ns',
  cpu_ns: 'ns',
  db_calls: 'calls',
  db_ns: 'ns',
  db_rows: 'rows',
  db_slow_calls: 'calls',
  request_bytes: 'bytes',
  response_bytes: 'bytes',
  cache_hits: 'lookups',
  cache_misses: 'lookups',
  ai_calls: 'calls',
  ai_input_tokens: 'tokens',
  ai_output_tokens: 'tokens',
  ai_cache_read_tokens: 'tokens',
  ai_cache_write_tokens: 'tokens',
  ai_reasoning_tokens: 'tokens',
  /** Search units, as rerank calls are charged. */
  ai_search_units: 'units',
  integration_calls: 'calls',
  integration_errors: 'calls',
  /** What was stored, times how long: 1 GB for a day is 24e9. */
  storage_byte_hours: 'byte-hours',
  spans: 'spans',
} as const;

export type UsageMetric = keyof typeof USAGE_UNITS;

/** A metric of ours, or one of the operator's own meters (`meter:` and its slug). */
export type UsageKey = UsageMetric | `meter:${string}`;

/** What one tenant used over a window. A key that is absent was not measured, which is not zero. */
export interface TenantUsage {
  readonly tenantId: TenantId;
  readonly values: ReadonlyMap<UsageKey, bigint>;
}
