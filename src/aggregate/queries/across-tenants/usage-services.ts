import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import { type RollupMetric, usageServicesSelect } from '../../usage-sql.ts';

/** Which services measured which of the metrics, whoever they served: UsageServiceRow. */
export function usageServices(window: Window, metrics: readonly RollupMetric[]): AnalyticsQuery {
  const services = usageServicesSelect(window, metrics);
  return {
    question: 'usage-services',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${services.sql}) ORDER BY service`,
    params: services.params,
    scope: 'across-tenants',
  };
}
