/** Words of who should have access to a tenant. Who gets in is decided by the issuer of tokens, not here. */
import type { StaffActor, TenantActor } from './actor.ts';
import { TENANT_ROLES, type TenantRole } from './roles.ts';
import type { TenantId } from './tenant-id.ts';

export const MEMBER_STATES = ['invited', 'active', 'removed'] as const;
/** invited: should get access; active: has it, as somebody said; removed: should have it no more. */
type MemberState = (typeof MEMBER_STATES)[number];

/** Times are Unix ms. */
export interface Member {
  readonly memberId: string;
  readonly tenantId: TenantId;
  /** In small letters. */
  readonly email: string;
  readonly role: TenantRole;
  readonly state: MemberState;
  readonly addedBy: string;
  /** By one of the operator's people and not by the tenant's own. */
  readonly addedByOperator: boolean;
  readonly addedAt: number;
  readonly changedAt: number;
  /** The tenant's directory keeps the row; people do not change it. */
  readonly keptByDirectory: boolean;
}

export interface NewMember {
  readonly email: string;
  readonly role: TenantRole;
  readonly state: Exclude<MemberState, 'removed'>;
}

export type MemberChange = Partial<Pick<NewMember, 'role' | 'state'>>;

/** Whether `by` may give somebody `role`: the operator's people any, a tenant's own people none above their own. */
export function mayGrant(by: StaffActor | TenantActor, role: TenantRole): boolean {
  return by.kind !== 'tenant' || TENANT_ROLES.indexOf(by.role) <= TENANT_ROLES.indexOf(role);
}
