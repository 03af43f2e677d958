import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import { alignOutwards, MINUTE_MS, type Window } from '../domain/window.ts';
import { type MinuteValueRow, minuteValues } from './queries/across-tenants/minute-values.ts';

export interface MinuteOfTenants {
  /** Unix minutes. */
  readonly minute: number;
  /** Tenant -> metric -> value. */
  readonly tenants: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Longest name of a series; a route that is longer is not watched by itself. */
const LONGEST_METRIC = 100;

/**
 * Every measured minute of the window, oldest first. A minute in which nobody did anything is left out: the pipeline may
 * have stood still, and missing is not zero.
 */
export async function readMinuteValues(reader: AnalyticsReader, window: Window): Promise<MinuteOfTenants[]> {
  const whole = alignOutwards(window, MINUTE_MS);
  const rows = await reader.rows<MinuteValueRow>(minuteValues(whole));
  const minutes = new Map<number, Map<string, ReadonlyMap<string, number>>>();
  for (const { tenant_id: tenantId, at, metrics, amounts } of rows) {
    if (!isTenantId(tenantId)) continue;
    const tenants = minutes.get(at) ?? new Map<string, ReadonlyMap<string, number>>();
    minutes.set(at, tenants);
    const values = new Map<string, number>();
    for (const [index, metric] of metrics.entries()) {
      const amount = amounts[index] ?? Number.NaN;
      if (metric.length <= LONGEST_METRIC && Number.isFinite(amount)) values.set(metric, amount);
    }
    tenants.set(tenantId, values);
  }
  const first = whole.from / MINUTE_MS;
  return [...minutes]
    .toSorted(([left], [right]) => left - right)
    .map(([index, tenants]) => ({ minute: first + index, tenants }));
}
