import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import { usageCompute } from './queries/across-tenants/usage-compute.ts';
import { tenantUsageCompute } from './queries/tenant-usage-compute.ts';
import type { UsageComputeRow } from './usage-compute-sql.ts';

/** How a service's compute is told: by CPU time if it reported any in the window, else by how long requests took. */
export type ComputeBasis = 'cpu_time' | 'request_time';

export interface TenantCompute {
  readonly tenantId: TenantId;
  /** CPU time in services that report it; null: the tenant used none of them. */
  readonly cpuNs: bigint | null;
  /** Request time in all other services; null: the tenant used none of them. */
  readonly requestNs: bigint | null;
  /** Services that the tenant used. */
  readonly services: readonly string[];
}

/**
 * What tenants used of the processes that serve them. CPU time and request time are never added: one is time of a core,
 * the other time on the wall.
 * @param basisOf of each service, by what it reported for anybody
 */
export async function readCompute(
  reader: AnalyticsReader,
  question: { readonly window: Window; readonly tenants?: readonly TenantId[] | undefined },
  basisOf: (service: string) => ComputeBasis,
): Promise<TenantCompute[]> {
  const { window, tenants } = question;
  if (tenants?.length === 0) return [];
  const [only] = tenants ?? [];
  const query =
    only !== undefined && tenants?.length === 1
      ? tenantUsageCompute(only, window)
      : usageCompute(window, tenants === undefined ? 'everybody' : { tenants });
  const rows = await reader.rows<UsageComputeRow>(query);
  return rows.map((row) => computeOf(row, basisOf));
}

function computeOf(row: UsageComputeRow, basisOf: (service: string) => ComputeBasis): TenantCompute {
  const sumOf = (basis: ComputeBasis, times: readonly string[]) => {
    const parts = row.services.flatMap((service, index) =>
      basisOf(service) === basis ? [BigInt(times[index] ?? 0)] : [],
    );
    return parts.length === 0 ? null : parts.reduce((sum, part) => sum + part, 0n);
  };
  return {
    tenantId: row.tenant_id as TenantId,
    cpuNs: sumOf('cpu_time', row.cpu),
    requestNs: sumOf('request_time', row.busy),
    services: row.services.toSorted(),
  };
}
