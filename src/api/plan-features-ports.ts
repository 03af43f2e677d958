import type { PlanInclusion } from '../domain/plan-features.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface PlanFeatures {
  /** What the tenant's plan includes now. @throws TenantryError STORE_UNAVAILABLE */
  of(tenantId: TenantId): Promise<PlanInclusion>;
}
