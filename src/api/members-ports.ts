import type { Actor, StaffActor, TenantActor } from '../domain/actor.ts';
import type { Member, MemberChange, NewMember } from '../domain/member.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface Members {
  /** Those who are to have access, by address, and then those who were removed. */
  list(actor: Actor, tenantId: TenantId): Promise<readonly Member[]>;
  /** Undefined if there is none, or if it was removed. */
  find(actor: Actor, tenantId: TenantId, memberId: string): Promise<Member | undefined>;
  /** Enters the tenant if it is new. @throws TenantryError CONFLICT when the address is a member's already */
  add(actor: StaffActor | TenantActor, tenantId: TenantId, member: NewMember): Promise<Member>;
  /** Undefined if there is none. @throws TenantryError CONFLICT when the tenant would be left without an admin */
  change(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    memberId: string,
    change: MemberChange,
  ): Promise<Member | undefined>;
  /** Like `change`. */
  remove(actor: StaffActor | TenantActor, tenantId: TenantId, memberId: string): Promise<Member | undefined>;
}
