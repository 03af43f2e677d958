import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { rowsInWindow } from '../../rollup-source.ts';

export interface BareRouteRow {
  readonly service: string;
  readonly route: string;
  readonly requests: number;
}

/** Routes whose requests named no tenant, the busiest few of each service. */
export function routesWithoutTenant(window: Window, perService: number, limit: number): AnalyticsQuery {
  const rows = rowsInWindow('requests', window, 'everybody', {
    columns: ['TenantId', 'ServiceName', 'Route', 'Requests'],
  });
  return {
    question: 'routes-without-tenant',
    sql: `SELECT {nonce:String} AS nonce, ServiceName AS service, Route AS route, sum(Requests) AS requests
          FROM ${rows.sql} WHERE TenantId IN {reserved:Array(String)}
          GROUP BY service, route ORDER BY requests DESC, service, route
          LIMIT {per_service:UInt32} BY service LIMIT {limit:UInt32}`,
    params: { ...rows.params, reserved: RESERVED_TENANTS, per_service: perService, limit },
    scope: 'across-tenants',
  };
}
