import type { Window } from '../domain/window.ts';
import { type Fragment, rowsInWindow, type Whose } from './rollup-source.ts';

/** A row of the figures of one tenant, as the engine answers it. */
export interface FiguresRow {
  readonly tenant_id: string;
  readonly requests: number;
  readonly errors: number;
  readonly request_bytes: number;
  readonly response_bytes: number;
  readonly db_calls: number;
  readonly db_ms: number;
  readonly db_slow_calls: number;
  readonly cache_hits: number;
  readonly cache_misses: number;
  readonly ai_calls: number;
  readonly ai_input_tokens: number;
  readonly ai_output_tokens: number;
  readonly ai_cache_read_tokens: number;
  readonly ai_cache_write_tokens: number;
  readonly ai_reasoning_tokens: number;
  /** null: none was measured. */
  readonly cpu_seconds: number | null;
  readonly cpu_samples: number;
  /** P50, P95 and P99 in milliseconds; empty when there was no request. */
  readonly percentiles_ms: readonly number[];
}

/**
 * Every column of the figures and where it comes from. `spans` adds nothing but the tenant: who sent any span at all is
 * in the list, with zeros.
 */
const SUMS = {
  requests: ['requests', 'Requests'],
  errors: ['requests', 'Errors'],
  request_bytes: ['requests', 'RequestBytes'],
  response_bytes: ['requests', 'ResponseBytes'],
  db_calls: ['db_calls', 'Calls'],
  db_ns: ['db_calls', 'DurationNs'],
  db_slow_calls: ['db_calls', 'SlowCalls'],
  cache_hits: ['cache_lookups', 'Hits'],
  cache_misses: ['cache_lookups', 'Misses'],
  ai_calls: ['ai_usage', 'Calls'],
  ai_input_tokens: ['ai_usage', 'InputTokens'],
  ai_output_tokens: ['ai_usage', 'OutputTokens'],
  ai_cache_read_tokens: ['ai_usage', 'CacheReadTokens'],
  ai_cache_write_tokens: ['ai_usage', 'CacheWriteTokens'],
  ai_reasoning_tokens: ['ai_usage', 'ReasoningTokens'],
  cpu_ns: ['resource_use', 'CpuNs'],
  cpu_samples: ['resource_use', 'CpuSamples'],
} as const;

/** What the api gets instead of a sum as it is. */
const DERIVED: Readonly<Record<string, string>> = {
  db_ns: 'db_ns / 1e6 AS db_ms',
  cpu_ns: 'nullIf(cpu_ns, 0) / 1e9 AS cpu_seconds',
};

const FAMILIES = ['requests', 'db_calls', 'cache_lookups', 'ai_usage', 'resource_use', 'spans'] as const;

export type FigureSum = keyof typeof SUMS;
const ALL_SUMS = Object.keys(SUMS) as FigureSum[];

/**
 * One row a tenant with the sums asked for; whoever is in any of the rollups is there. Latency sketches are merged only
 * where asked: they cost most.
 */
export function figuresSelect(
  window: Window,
  whose: Whose,
  withPercentiles: boolean,
  names: readonly FigureSum[] = ALL_SUMS,
): Fragment {
  const params: Record<string, Fragment['params'][string]> = {};
  const sources = FAMILIES.map((family) => {
    const own = names.filter((name) => SUMS[name][0] === family).map((name) => SUMS[name][1]);
    const rows = rowsInWindow(family, window, whose, { columns: ['TenantId', ...own] });
    Object.assign(params, rows.params);
    const columns = names.map((name) => {
      const [from, column] = SUMS[name];
      return `, ${from === family ? `sum(${column})` : 'toUInt64(0)'} AS ${name}`;
    });
    return `SELECT TenantId${columns.join('')} FROM ${rows.sql} GROUP BY TenantId`;
  });
  const sums = names.map((name) => `, sum(all_figures.${name}) AS ${name}`);
  const figures = `SELECT TenantId${sums.join('')} FROM (${sources.join(' UNION ALL ')}) AS all_figures GROUP BY TenantId`;
  if (!withPercentiles) return { sql: figures, params };
  const requests = rowsInWindow('requests', window, whose, { columns: ['TenantId', 'Latency'] });
  return {
    sql: `SELECT figures.*, latency.percentiles_ms AS percentiles_ms
          FROM (${figures}) AS figures
          LEFT JOIN (SELECT TenantId, quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency) AS percentiles_ms
                     FROM ${requests.sql} GROUP BY TenantId) AS latency USING (TenantId)`,
    params: { ...params, ...requests.params },
  };
}

/** The columns of FiguresRow out of `figuresSelect`, in the order that the api lists them. */
export const FIGURES_COLUMNS = ALL_SUMS.map((name) => DERIVED[name] ?? name).join(', ');
