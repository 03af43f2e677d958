/** Wire types of what a tenant's directory is and which roles its groups stand for; times are RFC 3339. */

export interface RoleRuleItem {
  /** display_name: compared without regard to case; external_id: the directory's own id of the group. */
  match: 'display_name' | 'external_id';
  value: string;
  role: 'tenant_admin' | 'member' | 'viewer';
}

interface DirectoryGroup {
  id: string;
  display_name: string;
  external_id: string | null;
  members: number;
  /** What the rules make of it; null: no role. */
  role: 'tenant_admin' | 'member' | 'viewer' | null;
}

export interface DirectoryItem {
  tenant_id: string;
  /** Where the directory sends to. */
  base_path: string;
  rules: RoleRuleItem[];
  /** The directory alone gives roles: who has none by the rules has no access, and its last admin may go. */
  authoritative: boolean;
  /** Of the rules; 0: nobody has set any. */
  revision: number;
  /** `operator` for tenant callers where the operator's people did it. */
  set_by: string | null;
  set_at: string | null;
  users: number;
  active_users: number;
  users_with_role: number;
  groups: DirectoryGroup[];
  /** When it last called, noted about once a minute; null: never. */
  last_contact_at: string | null;
  /** When it last changed somebody or something. */
  last_change_at: string | null;
}

export interface RoleRulesBody {
  rules: RoleRuleItem[];
  authoritative: boolean;
  /** That the caller has seen. */
  revision: number;
}
