import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { MeterDefinition } from '../../../domain/meter.ts';
import { alignOutwards, MINUTE_MS, type Window } from '../../../domain/window.ts';
import { tenantCondition, timeCondition, type Whose } from '../../rollup-source.ts';

export interface MeterRejectedRow {
  readonly tenant_id: string;
  readonly source: string;
  readonly id: string;
  /** Unix ms. */
  readonly time: number;
}

/** Events of the meter's type that have no value for it, newest first. */
export function meterRejected(question: {
  readonly meter: MeterDefinition;
  readonly window: Window;
  readonly whose: Whose;
  readonly limit: number;
}): AnalyticsQuery {
  const { meter, window, whose, limit } = question;
  const time = timeCondition(alignOutwards(window, MINUTE_MS), 'w');
  const tenant = tenantCondition(whose);
  const values = meter.aggregation === 'unique_count' ? 'Texts' : 'Numbers';
  return {
    question: 'meter-rejected',
    sql: `SELECT {nonce:String} AS nonce, toString(TenantId) AS tenant_id, Source AS source, Id AS id,
                 toUnixTimestamp64Milli(Time) AS time
          FROM usage_events
          WHERE Type = {type:String} AND ${time.sql} AND ${tenant.sql} AND NOT mapContains(${values}, {path:String})
          ORDER BY Time DESC, Source, Id LIMIT {most:UInt32}`,
    params: { ...time.params, ...tenant.params, type: meter.eventType, path: meter.valuePath ?? '', most: limit },
    scope: 'across-tenants',
  };
}
