import { seenTenants } from '../aggregate/queries/across-tenants/seen-tenants.ts';
import type { Config } from '../config/config.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { TenantMemory } from './deletion-memory.ts';

export interface TenantRegister {
  /** @returns those that are not to be entered */
  remember(tenants: Iterable<TenantId>): Promise<ReadonlySet<TenantId>>;
}

/** Enters every tenant into the directory soon after its first span; each one is written once per process, until it is forgotten. */
export function rememberSeenTenants(
  reader: AnalyticsReader,
  directory: TenantRegister,
  config: Config,
): (() => Promise<void>) & TenantMemory {
  const remembered = new Set<TenantId>();
  const days = Math.ceil(config.TENANTRY_ACCEPT_PAST_HOURS / 24) + 1;
  const run = async () => {
    const rows = await reader.rows<{ tenant_id: string }>(seenTenants(days));
    const fresh = rows
      .map(({ tenant_id }) => tenant_id)
      .filter((id): id is TenantId => isTenantId(id) && !remembered.has(id));
    if (fresh.length === 0) return;
    const refused = await directory.remember(fresh);
    for (const tenant of fresh) if (!refused.has(tenant)) remembered.add(tenant);
  };
  const forget: TenantMemory['forget'] = (isGone) => {
    for (const tenant of remembered) if (isGone(tenant)) remembered.delete(tenant);
  };
  return Object.assign(run, { forget });
}
