import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { TENANT_SOURCE_ATTRIBUTE } from '../../../domain/attributes.ts';
import type { Window } from '../../../domain/window.ts';

export interface TenantSourceRow {
  readonly service: string;
  readonly source: string;
  readonly spans: number;
}

/** Said of requests that have the tenant of another span of their trace. */
const SOURCE_TRACE = 'trace';

/**
 * How the tenants of requests were found, by what the middleware wrote on their spans. No rollup holds it, so give a short
 * window: server spans alone are read.
 */
export function tenantSources(window: Window, limit: number): AnalyticsQuery {
  return {
    question: 'tenant-sources',
    sql: `SELECT {nonce:String} AS nonce, ServiceName AS service, if(IsAdopted, {trace:String}, SpanAttributes[{attribute:String}]) AS source, count() AS spans
          FROM spans
          WHERE SpanKind = 'Server' AND Timestamp >= fromUnixTimestamp64Milli({from:Int64})
            AND Timestamp < fromUnixTimestamp64Milli({to:Int64})
          GROUP BY service, source ORDER BY spans DESC, service, source LIMIT {limit:UInt32}`,
    params: { attribute: TENANT_SOURCE_ATTRIBUTE, trace: SOURCE_TRACE, from: window.from, to: window.to, limit },
    scope: 'across-tenants',
  };
}
