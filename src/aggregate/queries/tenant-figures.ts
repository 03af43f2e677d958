import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { FIGURES_COLUMNS, figuresSelect } from '../figures-sql.ts';

/** All figures of one tenant: one FiguresRow, or none if nothing is known of it in the window. */
export function tenantFigures(tenant: TenantId, window: Window): AnalyticsQuery {
  const figures = figuresSelect(window, { tenant }, true);
  return {
    question: 'tenant-figures',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, ${FIGURES_COLUMNS}, percentiles_ms
          FROM (${figures.sql}) WHERE TenantId = {tenant:String}`,
    params: figures.params,
    scope: { tenant },
  };
}
