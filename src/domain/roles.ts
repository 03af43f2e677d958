/** Staff work for the operator and see every tenant; tenant roles see their own tenant and nothing else. */
export const STAFF_ROLES = ['admin', 'sre', 'sales', 'automation'] as const;
export const TENANT_ROLES = ['tenant_admin', 'member', 'viewer'] as const;

export type StaffRole = (typeof STAFF_ROLES)[number];
export type TenantRole = (typeof TENANT_ROLES)[number];
export type Role = StaffRole | TenantRole;

/** What a key may be used for. A key is no person and has no role. */
export const KEY_SCOPES = ['ingest', 'flags', 'scim'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

export function isStaffRole(role: string): role is StaffRole {
  return (STAFF_ROLES as readonly string[]).includes(role);
}

export function isTenantRole(role: string): role is TenantRole {
  return (TENANT_ROLES as readonly string[]).includes(role);
}
