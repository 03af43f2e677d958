import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import type { Whose } from '../../rollup-source.ts';
import { usageComputeSelect } from '../../usage-compute-sql.ts';

/** CPU time and request time of some tenants, or everybody, by service: UsageComputeRow. */
export function usageCompute(window: Window, whose: Whose): AnalyticsQuery {
  const compute = usageComputeSelect(window, whose);
  return {
    question: 'usage-compute',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${compute.sql})`,
    params: compute.params,
    scope: 'across-tenants',
  };
}
