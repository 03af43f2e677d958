import type { Actor, StaffActor, TenantActor } from '../domain/actor.ts';
import type { DeletionRequest, LegalHold } from '../domain/deletion.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface Deletions {
  /** Newest first. Tenant actors get their own only, whatever they ask for. */
  list(
    actor: Actor,
    filter: { readonly tenantId: TenantId | undefined; readonly openOnly: boolean; readonly limit: number },
  ): Promise<readonly DeletionRequest[]>;
  /** Deletes nothing. @throws TenantryError CONFLICT under a legal hold, and when one stands already */
  request(actor: StaffActor | TenantActor, tenantId: TenantId, reason: string): Promise<DeletionRequest>;
  /** Undefined if there is none that stands. @throws TenantryError CONFLICT when a tenant's person comes too late */
  cancel(actor: StaffActor | TenantActor, tenantId: TenantId, requestId: string): Promise<DeletionRequest | undefined>;
  holds(actor: StaffActor): Promise<readonly LegalHold[]>;
  /** Enters the tenant if it is new; takes the place of a hold that is there. */
  hold(actor: StaffActor, tenantId: TenantId, reason: string): Promise<LegalHold>;
  /** False if there was none. */
  release(actor: StaffActor, tenantId: TenantId): Promise<boolean>;
}
