import type { PlanFeatureList } from '../../../src/api/plan-features-contract.ts';
import type { DirectoryItem, RoleRulesBody } from '../../../src/api/scim-contract.ts';
import { get, send, urlOf } from '../shared/api-client.ts';

/** The tenant's directory, and whether its plan includes one. */
export async function readDirectory(
  tenantId: string,
  signal?: AbortSignal,
): Promise<{ readonly directory: DirectoryItem; readonly plan: PlanFeatureList }> {
  const whose = { tenant_id: tenantId };
  const [directory, plan] = await Promise.all([
    get<DirectoryItem>('/v1/scim', whose, signal),
    get<PlanFeatureList>('/v1/plan-features', whose, signal),
  ]);
  return { directory, plan };
}

export function setRoleRules(tenantId: string, rules: RoleRulesBody): Promise<DirectoryItem> {
  return send('PUT', urlOf('/v1/scim/role-rules', { tenant_id: tenantId }), rules);
}

export function forgetDirectory(tenantId: string): Promise<unknown> {
  return send('DELETE', urlOf('/v1/scim', { tenant_id: tenantId }));
}
