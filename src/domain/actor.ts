import type { KeyScope, StaffRole, TenantRole } from './roles.ts';
import type { TenantId } from './tenant-id.ts';

interface OfRequest {
  /** The request by which it is done, which the audit log names; absent: none, as in a job. */
  readonly requestId?: string;
}

/**
 * Who does something. Tenant callers carry the one tenant that their credentials were issued for; nothing in a
 * request can change it. `system` is Tenantry itself (detector, loader, migrations).
 */
export type Actor =
  | (OfRequest & { readonly kind: 'staff'; readonly subject: string; readonly role: StaffRole })
  | (OfRequest & {
      readonly kind: 'tenant';
      readonly subject: string;
      readonly role: TenantRole;
      readonly tenantId: TenantId;
    })
  | (OfRequest & {
      readonly kind: 'key';
      readonly subject: string;
      readonly scopes: readonly KeyScope[];
      readonly tenantId: TenantId | undefined;
    })
  | { readonly kind: 'system'; readonly subject: string };

/** Staff and the system see every tenant. */
export type StaffActor = Extract<Actor, { kind: 'staff' | 'system' }>;

/** A key that speaks for one tenant: of that tenant's own machines, such as the directory of its people. */
export type TenantKeyActor = Extract<Actor, { kind: 'key' }> & { readonly tenantId: TenantId };

/** One of a tenant's own people. */
export type TenantActor = Extract<Actor, { kind: 'tenant' }>;
