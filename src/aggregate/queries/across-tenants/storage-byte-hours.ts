import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Whose } from '../../rollup-source.ts';
import { storageSegments } from '../../storage-segments.ts';
import { storageRows } from '../../storage-sql.ts';
import type { UsageSourceQuestion, UsageStep } from '../../usage-source.ts';

export interface StorageByteHoursRow {
  readonly tenant_id: string;
  /** Unix s. */
  readonly at: number;
  readonly byte_ms: string;
}

const STEP_START: Readonly<Record<UsageStep, string>> = {
  // Nothing finer than an hour is known.
  minute: 'toStartOfHour(Time)',
  hour: 'toStartOfHour(Time)',
  day: 'toStartOfDay(Time)',
  month: "toDateTime(toStartOfMonth(Time), 'UTC')",
};

/** Byte-milliseconds of each tenant over all stores. */
export function storageByteHours({ window, tenants, step }: UsageSourceQuestion): AnalyticsQuery {
  const whose: Whose = tenants === undefined ? 'everybody' : { tenants };
  const rows = storageRows(storageSegments(window, step), whose);
  const at = step === undefined ? `{at:UInt32}` : `toUnixTimestamp(${STEP_START[step]})`;
  return {
    question: 'storage-byte-hours',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, ${at} AS at, toString(sum(r.ByteMs)) AS byte_ms
          FROM ${rows.sql} AS r GROUP BY TenantId, at HAVING sum(r.CoveredMs) > 0`,
    params: { ...rows.params, ...(step === undefined ? { at: Math.floor(window.from / 1_000) } : {}) },
    scope: 'across-tenants',
  };
}
