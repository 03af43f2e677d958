import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS } from '../../../domain/tenant-id.ts';

/** Every tenant that sent a span in the days that ingest accepts: `{ tenant_id }`. Day rows, so it stays cheap. */
export function seenTenants(days: number): AnalyticsQuery {
  return {
    question: 'seen-tenants',
    sql: `SELECT DISTINCT {nonce:String} AS nonce, TenantId AS tenant_id FROM spans_by_day
          WHERE Time >= toStartOfDay(now() - toIntervalDay({days:UInt16})) AND TenantId NOT IN {reserved:Array(String)}`,
    params: { days, reserved: RESERVED_TENANTS },
    scope: 'across-tenants',
  };
}
