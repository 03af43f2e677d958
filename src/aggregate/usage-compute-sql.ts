import type { Window } from '../domain/window.ts';
import { type Fragment, rowsInWindow, type Whose } from './rollup-source.ts';

/** One row a tenant; the arrays run in parallel, one element a service. Sums are decimal texts of nanoseconds. */
export interface UsageComputeRow {
  readonly tenant_id: string;
  readonly services: readonly string[];
  readonly cpu: readonly string[];
  readonly busy: readonly string[];
}

export function usageComputeSelect(window: Window, whose: Whose): Fragment {
  const cpu = rowsInWindow('resource_use', window, whose, { columns: ['TenantId', 'ServiceName', 'CpuNs'] });
  const busy = rowsInWindow('requests', window, whose, { columns: ['TenantId', 'ServiceName', 'DurationNs'] });
  return {
    sql: `SELECT tenant_id, groupArray(service) AS services, groupArray(toString(cpu_ns)) AS cpu, groupArray(toString(busy_ns)) AS busy
          FROM (SELECT TenantId AS tenant_id, ServiceName AS service, sum(used_cpu) AS cpu_ns, sum(used_time) AS busy_ns
                FROM (SELECT TenantId, ServiceName, CpuNs AS used_cpu, toUInt64(0) AS used_time FROM ${cpu.sql}
                      UNION ALL
                      SELECT TenantId, ServiceName, toUInt64(0), DurationNs FROM ${busy.sql})
                GROUP BY tenant_id, service)
          GROUP BY tenant_id`,
    params: { ...cpu.params, ...busy.params },
  };
}
