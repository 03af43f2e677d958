import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { FIGURES_COLUMNS, figuresSelect } from '../../figures-sql.ts';

/** All figures of the named tenants (one page of the list): FiguresRow. */
export function figures(window: Window, tenants: readonly TenantId[]): AnalyticsQuery {
  const select = figuresSelect(window, { tenants }, true);
  return {
    question: 'figures',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, ${FIGURES_COLUMNS}, percentiles_ms FROM (${select.sql})`,
    params: select.params,
    scope: 'across-tenants',
  };
}
