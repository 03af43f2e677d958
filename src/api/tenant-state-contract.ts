/** Wire types of where a tenant stands; times are RFC 3339. */
import type { SuspensionEffect, SuspensionReason, TenantStatus } from '../domain/tenant-state.ts';

export interface TenantStateItem {
  tenant_id: string;
  status: TenantStatus;
  /** Send it along (or in If-Match) with the next change: who decides on what they did not see is refused. */
  version: number;
  /** Of a suspension. */
  effect: SuspensionEffect | null;
  reason_code: SuspensionReason | null;
  /** null for the tenant's own people. */
  reason: string | null;
  until: string | null;
  /** null: nobody has ever decided anything. */
  since: string | null;
  /** `operator` for the tenant's own people. */
  by: string | null;
}
