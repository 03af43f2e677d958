import type { KeyScope, StaffRole, TenantRole } from './roles.ts';
import type { TenantId } from './tenant-id.ts';

/**
 * Who does something. Tenant callers carry the one tenant that their credentials were issued for; nothing in a
 * request can change it. `system` is Tenantry itself (detector, loader, migrations).
 */
export type Actor =
  | { readonly kind: 'staff'; readonly subject: string; readonly role: StaffRole }
  | { readonly kind: 'tenant'; readonly subject: string; readonly role: TenantRole; readonly tenantId: TenantId }
  | {
      readonly kind: 'key';
      readonly subject: string;
      readonly scopes: readonly KeyScope[];
      readonly tenantId: TenantId | undefined;
    }
  | { readonly kind: 'system'; readonly subject: string };

/** Staff and the system see every tenant. */
export type StaffActor = Extract<Actor, { kind: 'staff' | 'system' }>;

/** One of a tenant's own people. */
export type TenantActor = Extract<Actor, { kind: 'tenant' }>;
