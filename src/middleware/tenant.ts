import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';

/** How a tenant was found; travels as the span attribute `tenant_id.source`. */
export type TenantSourceName = 'jwt' | 'header' | 'subdomain' | 'path' | 'resolver' | 'explicit';

/** The tenant that work is done for. */
export interface Tenant {
  readonly tenantId: TenantId;
  readonly source: TenantSourceName;
  readonly plan?: string;
}

/** Longer plan names are cut: they become a column of low cardinality on the server. */
const MAX_PLAN_LENGTH = 64;

/** A tenant from untrusted parts, or undefined when the id is malformed. */
export function makeTenant(tenantId: unknown, source: TenantSourceName, plan?: unknown): Tenant | undefined {
  const id = parseTenantId(tenantId);
  if (id === undefined) return undefined;
  if (typeof plan !== 'string' || plan === '') return { tenantId: id, source };
  return { tenantId: id, source, plan: plan.slice(0, MAX_PLAN_LENGTH) };
}
