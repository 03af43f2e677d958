import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import { alignOutwards, MINUTE_MS, type Window } from '../domain/window.ts';
import { type PoolUseRow, poolUse } from './queries/across-tenants/pool-use.ts';
import { type ServiceRow, services } from './queries/across-tenants/services.ts';

/** What one tenant did in one minute; CPU and database time are 0 where they are not metered. */
interface MinuteUse {
  readonly requests: number;
  readonly cpuMs: number;
  readonly dbMs: number;
  /** null without requests. */
  readonly p95Ms: number | null;
}

export interface UsedMinute {
  /** Unix ms of the minute's start. */
  readonly at: number;
  readonly uses: ReadonlyMap<string, MinuteUse>;
}

export interface PoolUseQuestion {
  readonly service: string;
  readonly window: Window;
  /** Tenants are those that used the service most in this part of the window. */
  readonly newest: Window;
}

/** More could not be drawn or blamed one by one, and would be some 100 MB of figures. */
const MAX_TENANTS = 500;
const MAX_SERVICES = 50;

/**
 * Every measured minute of one service, oldest first. A minute in which nobody did anything is left out: the pipeline
 * may have stood still, and missing is not zero.
 */
export async function readPoolUse(
  reader: AnalyticsReader,
  { service, window, newest }: PoolUseQuestion,
): Promise<UsedMinute[]> {
  const whole = alignOutwards(window, MINUTE_MS);
  const rows = await reader.rows<PoolUseRow>(poolUse(service, whole, alignOutwards(newest, MINUTE_MS), MAX_TENANTS));
  const minutes = new Map<number, Map<string, MinuteUse>>();
  for (const row of rows) {
    if (!isTenantId(row.tenant_id)) continue;
    for (const [index, at] of row.at.entries()) {
      const uses = minutes.get(at) ?? new Map<string, MinuteUse>();
      minutes.set(at, uses);
      const requests = row.requests[index] ?? 0;
      uses.set(row.tenant_id, {
        requests,
        cpuMs: row.cpuMs[index] ?? 0,
        dbMs: row.dbMs[index] ?? 0,
        p95Ms: requests === 0 ? null : (row.p95Ms[index] ?? null),
      });
    }
  }
  return [...minutes]
    .toSorted(([left], [right]) => left - right)
    .map(([index, uses]) => ({ at: whole.from + index * MINUTE_MS, uses }));
}

/** Services that answered requests in the window, the busiest first. */
export async function readServices(reader: AnalyticsReader, window: Window): Promise<string[]> {
  const rows = await reader.rows<ServiceRow>(services(alignOutwards(window, MINUTE_MS), MAX_SERVICES));
  return rows.map(({ service }) => service);
}
