import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { spanTime } from '../../trace-sql.ts';

export interface OtherSpansRow {
  readonly spans: number;
}

/** How many spans of a trace are not this tenant's, never whose: for staff, who would else think a gap lost. */
export function traceOtherSpans(tenantId: TenantId, traceId: string, window: Window): AnalyticsQuery {
  const time = spanTime(window);
  return {
    question: 'trace-other-spans',
    sql: `SELECT {nonce:String} AS nonce, count() AS spans FROM spans
          WHERE TenantId != {tenant:String} AND TraceId = toFixedString(unhex({trace:String}), 16) AND ${time.sql}`,
    params: { ...time.params, tenant: tenantId, trace: traceId },
    scope: 'across-tenants',
  };
}
