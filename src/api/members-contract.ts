/** Wire types of a tenant's members; times are RFC 3339. */

/** Who should have access. Identity is the issuer's: being here lets nobody in by itself. */
export interface MemberItem {
  id: string;
  tenant_id: string;
  email: string;
  role: 'tenant_admin' | 'member' | 'viewer';
  state: 'invited' | 'active' | 'removed';
  /** `operator` for tenant callers where the operator's people did it. */
  added_by: string;
  added_at: string;
  changed_at: string;
  /** By the tenant's directory (SCIM): people cannot change it here. */
  kept_by_directory: boolean;
}

export interface MemberList {
  items: MemberItem[];
  /** Whether this server makes links to sign in with, as it does in development. */
  sign_in_links: boolean;
}

export interface NewMemberBody {
  email: string;
  role: 'tenant_admin' | 'member' | 'viewer';
  /** Default invited. */
  state?: 'invited' | 'active';
  /** Needed from the operator's people. */
  tenant_id?: string;
}

export interface MemberChangeBody {
  role?: 'tenant_admin' | 'member' | 'viewer';
  state?: 'invited' | 'active';
}
