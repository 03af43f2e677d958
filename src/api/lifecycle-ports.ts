/** What the api needs of the directory of tenants. Times are Unix ms. */
import type { StaffActor } from '../domain/actor.ts';
import type { Placement } from '../domain/dedicated.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface DirectoryEntry {
  readonly tenantId: TenantId;
  readonly displayName: string | null;
  readonly status: 'active' | 'suspended' | 'closed';
  readonly plan: string | null;
  readonly planSince: number | null;
  readonly firstSeenAt: number;
  /** The start of the newest step with a span; null: none, or not known. */
  readonly lastSeen: { readonly at: number; readonly stepMs: number } | null;
  readonly placement: Placement;
  readonly placementReason: string | null;
  readonly billingDay: number | null;
  readonly seats: bigint | null;
}

export interface DirectoryPage {
  readonly tenantId?: TenantId;
  readonly search?: string;
  readonly offset: number;
  readonly limit: number;
  readonly now: number;
}

export interface Directory {
  /** By id. `lastSeenKnown` false: telemetry cannot be read, so nobody knows when tenants were last seen. */
  list(
    actor: StaffActor,
    page: DirectoryPage,
  ): Promise<{
    readonly total: number;
    readonly lastSeenKnown: boolean;
    readonly entries: readonly DirectoryEntry[];
  }>;
}
