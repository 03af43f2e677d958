import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS } from '../../../domain/tenant-id.ts';
import { SECOND_MS, type Window } from '../../../domain/window.ts';
import { rowsInWindow } from '../../rollup-source.ts';
import { levelForStep } from '../../time-levels.ts';

export interface AttributionStepRow {
  readonly service: string;
  /** Unix seconds: start of the step. */
  readonly at: number;
  readonly spans: number;
  readonly attributed: number;
  /** Of those attributed: spans that have the tenant of their trace. */
  readonly adopted: number;
}

/** Spans and those of them that name a tenant, by service and step. Steps without a span are absent. */
export function attributionSteps(window: Window, stepSeconds: number): AnalyticsQuery {
  const rows = rowsInWindow('spans', window, 'everybody', {
    columns: ['TenantId', 'ServiceName', 'Time', 'Spans', 'AdoptedSpans'],
    coarsest: levelForStep(stepSeconds),
  });
  return {
    question: 'attribution-steps',
    sql: `SELECT {nonce:String} AS nonce, ServiceName AS service,
                 toUInt32({start:UInt32} + intDiv(toUInt32(Time) - {start:UInt32}, {step:UInt32}) * {step:UInt32}) AS at,
                 sum(Spans) AS spans, sumIf(Spans, TenantId NOT IN {reserved:Array(String)}) AS attributed,
                 sum(AdoptedSpans) AS adopted
          FROM ${rows.sql} GROUP BY service, at ORDER BY service, at`,
    params: {
      ...rows.params,
      ...{ reserved: RESERVED_TENANTS, start: Math.floor(window.from / SECOND_MS), step: stepSeconds },
    },
    scope: 'across-tenants',
  };
}
