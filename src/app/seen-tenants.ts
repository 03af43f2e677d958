import { seenTenants } from '../aggregate/queries/across-tenants/seen-tenants.ts';
import type { Config } from '../config/config.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';

export interface TenantRegister {
  remember(tenants: Iterable<TenantId>): Promise<void>;
}

/** Enters every tenant into the directory soon after its first span; each one is written once per process. */
export function rememberSeenTenants(
  reader: AnalyticsReader,
  directory: TenantRegister,
  config: Config,
): () => Promise<void> {
  const remembered = new Set<TenantId>();
  const days = Math.ceil(config.TENANTRY_ACCEPT_PAST_HOURS / 24) + 1;
  return async () => {
    const rows = await reader.rows<{ tenant_id: string }>(seenTenants(days));
    const fresh = rows
      .map(({ tenant_id }) => tenant_id)
      .filter((id): id is TenantId => isTenantId(id) && !remembered.has(id));
    if (fresh.length === 0) return;
    await directory.remember(fresh);
    for (const tenant of fresh) remembered.add(tenant);
  };
}
