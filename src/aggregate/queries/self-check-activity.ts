import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { timeCondition } from '../rollup-source.ts';

export interface SelfCheckActivityRow {
  /** Unix seconds: start of the step. */
  readonly at: number;
  readonly requests: number;
  readonly ai_tokens: number;
}

/** What the detector's table holds of one self-check: SelfCheckActivityRow. */
export function selfCheckActivity(window: Window, tenant: TenantId): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  return {
    question: 'self-check-activity',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, toUInt32(Time) AS at, sum(Requests) AS requests,
                 sum(AiTokens) AS ai_tokens
          FROM activity_by_ten_seconds WHERE TenantId = {tenant:String} AND ${time.sql} GROUP BY tenant_id, at`,
    params: { ...time.params, tenant },
    scope: { tenant },
  };
}
