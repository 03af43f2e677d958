import type { StaffActor, TenantActor } from '../domain/actor.ts';
import type { KeyScope } from '../domain/roles.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly tenantId?: TenantId;
  readonly service?: string;
  /** Unix ms. */
  readonly expiresAt?: number;
}

/** What may be shown of a key. Times are Unix ms. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly tenantId: TenantId | null;
  readonly service: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly lastUsedAt: number | null;
  /** By one of the tenant's own people, who may end it. */
  readonly madeByTenant: boolean;
}

export interface KeyAdmin {
  /** Newest first, with those that have ended; without keys of the configuration. */
  list(actor: StaffActor): Promise<readonly KeyRecord[]>;
  /** The new key, which cannot be read again, and its record. */
  create(actor: StaffActor, key: NewKey): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  /** False if there is no key with this id, or it was revoked before. */
  revoke(actor: StaffActor, id: string): Promise<boolean>;
  /** Keys that speak for the actor's tenant, whoever made them; newest first. */
  listOwn(actor: TenantActor): Promise<readonly KeyRecord[]>;
  /** A key by which the tenant sends its own telemetry, and nothing else. */
  createOwn(
    actor: TenantActor,
    key: Omit<NewKey, 'scopes' | 'tenantId'>,
  ): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  /** Like `revoke`, of those alone that the tenant's own people made. */
  revokeOwn(actor: TenantActor, id: string): Promise<boolean>;
}
