import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { OTHER_TENANTS, RESERVED_TENANTS, type TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { figuresSelect } from '../../figures-sql.ts';
import { rowsInWindow } from '../../rollup-source.ts';

export interface TenantTopRow {
  readonly tenant_id: string;
  readonly requests: number;
  readonly errors: number;
  /** null: no request. */
  readonly p95_ms: number | null;
  readonly db_ns: number;
  readonly ai_input_tokens: number;
  readonly ai_output_tokens: number;
}

/**
 * A row for each tenant that is named, one for each name that is no tenant, and `(other)` for all the rest together, so
 * that every sum is whole. The sketch of the rest is merged from theirs: a percentile cannot be subtracted.
 */
export function tenantTop(window: Window, named: readonly TenantId[]): AnalyticsQuery {
  const sums = figuresSelect(window, 'everybody', false);
  const requests = rowsInWindow('requests', window, 'everybody', { columns: ['TenantId', 'Latency'] });
  const group = 'if(TenantId IN {named:Array(String)}, TenantId, {other:String})';
  return {
    question: 'tenant-top',
    sql: `SELECT {nonce:String} AS nonce, sums.*, if(empty(latency.percentiles), NULL, latency.percentiles[2]) AS p95_ms
          FROM (SELECT ${group} AS tenant_id, sum(all_sums.requests) AS requests, sum(all_sums.errors) AS errors,
                       sum(all_sums.db_ns) AS db_ns, sum(all_sums.ai_input_tokens) AS ai_input_tokens,
                       sum(all_sums.ai_output_tokens) AS ai_output_tokens
                FROM (${sums.sql}) AS all_sums GROUP BY tenant_id) AS sums
          LEFT JOIN (SELECT ${group} AS tenant_id, quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency) AS percentiles
                     FROM ${requests.sql} GROUP BY tenant_id) AS latency USING (tenant_id)
          ORDER BY tenant_id`,
    params: { ...sums.params, ...requests.params, named: [...named, ...RESERVED_TENANTS], other: OTHER_TENANTS },
    scope: 'across-tenants',
  };
}
