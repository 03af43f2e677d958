import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

export interface LoadSignalsRow {
  readonly tenant_id: string;
  readonly requests: number;
  readonly sources: readonly string[];
}

/** More would not make a load more certain. */
const MOST_SOURCES = 20;

/**
 * How much the given tenants send, and which places say so: app instances by key in spans, services in metrics of what
 * their processes use. Beside them a row with an empty tenant: what all tenants send.
 */
export function loadSignals(window: Window, tenants: readonly string[]): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const spans = time.sql.replaceAll(/\bTime\b/g, 'Timestamp');
  return {
    question: 'load-signals',
    sql: `SELECT {nonce:String} AS nonce, tenant_id, sum(n) AS requests, groupUniqArrayArray(${MOST_SOURCES})(named) AS sources
          FROM (
            SELECT TenantId AS tenant_id, count() AS n, groupUniqArray(${MOST_SOURCES})(concat('spans of ', ServiceName, ' ',
                     ResourceAttributes['service.instance.id'], ' by key ', KeyId)) AS named
            FROM spans WHERE ${spans} AND SpanKind = 'Server' AND TenantId IN {tenants:Array(String)} GROUP BY tenant_id
            UNION ALL
            SELECT TenantId AS tenant_id, 0 AS n, groupUniqArray(${MOST_SOURCES})(concat('metrics of ', ServiceName)) AS named
            FROM resource_use_by_minute
            WHERE ${time.sql} AND TenantId IN {tenants:Array(String)} AND CpuNs + EventLoopNs > 0 GROUP BY tenant_id
            UNION ALL
            SELECT '' AS tenant_id, sum(Requests) AS n, emptyArrayString() AS named FROM requests_by_minute WHERE ${time.sql}
          ) GROUP BY tenant_id`,
    params: { ...time.params, tenants },
    scope: 'across-tenants',
  };
}
