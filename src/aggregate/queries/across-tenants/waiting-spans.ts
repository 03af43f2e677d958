import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';

export interface WaitingSpansRow {
  readonly service: string;
  readonly spans: number;
}

/** Spans that wait for the tenant of their trace and are in no figure yet, by service. */
export function waitingSpans(limit: number): AnalyticsQuery {
  return {
    question: 'waiting-spans',
    sql: `SELECT {nonce:String} AS nonce, ServiceName AS service, count() AS spans
          FROM spans_waiting GROUP BY service ORDER BY spans DESC, service LIMIT {limit:UInt32}`,
    params: { limit },
    scope: 'across-tenants',
  };
}
