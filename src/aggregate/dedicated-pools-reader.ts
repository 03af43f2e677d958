import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { PoolDay } from '../domain/dedicated.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS, type Window } from '../domain/window.ts';
import { dedicatedPoolDays, type PoolDayRow } from './queries/across-tenants/dedicated-pool-days.ts';

/** What large tenants used of each pool, day by day; `window` in whole days. */
export async function readPoolDays(
  reader: AnalyticsReader,
  window: Window,
  whose: { readonly percent: number } | { readonly tenants: readonly TenantId[] },
): Promise<readonly PoolDay[]> {
  if ('tenants' in whose && whose.tenants.length === 0) return [];
  const rows = await reader.rows<PoolDayRow>(dedicatedPoolDays(window, whose));
  return rows.map(({ pool, day, tenant_id, amount, total }) => ({
    ...{ pool, day: day * SECOND_MS, tenantId: tenant_id as TenantId },
    ...{ amount: BigInt(amount), total: BigInt(total) },
  }));
}
