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
  readonly rotatedAt: number | null;
  /** Until when the secret before the last rotation works, or did; null: it ended with the rotation, or was ended. */
  readonly previousUntil: number | null;
  /** When that secret was last used after the rotation. */
  readonly previousUsedAt: number | null;
}

export interface KeyRotation {
  /** How long the secret that there is goes on working; 0: it ends at once, and with it an older one. */
  readonly graceSeconds: number;
  /** Unix ms; absent: the key ends when it would have ended. */
  readonly expiresAt?: number;
}

export interface KeyAdmin {
  /** Newest first, with those that have ended; without keys of the configuration. */
  list(actor: StaffActor): Promise<readonly KeyRecord[]>;
  /** The new key, which cannot be read again, and its record. */
  create(actor: StaffActor, key: NewKey): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  /** False if there is no key with this id, or it was revoked before. */
  revoke(actor: StaffActor, id: string): Promise<boolean>;
  /**
   * The key's new secret, which cannot be read again. Undefined if there is no key with this id that works, for a
   * tenant's people among those that they made.
   * @throws TenantryError CONFLICT while two secrets work and the rotation asks for a grace
   */
  rotate(
    actor: StaffActor | TenantActor,
    id: string,
    rotation: KeyRotation,
  ): Promise<{ readonly key: string; readonly record: KeyRecord } | undefined>;
  /** Ends the secret before the last rotation. Undefined if there is no such key, or it has one secret only. */
  endPrevious(actor: StaffActor | TenantActor, id: string): Promise<KeyRecord | undefined>;
  /** Keys that speak for the actor's tenant, whoever made them; newest first. */
  listOwn(actor: TenantActor): Promise<readonly KeyRecord[]>;
  /** A key by which the tenant sends its own telemetry, or with the scope scim its directory tells who its people are. */
  createOwn(
    actor: TenantActor,
    key: Omit<NewKey, 'scopes' | 'tenantId'> & Partial<Pick<NewKey, 'scopes'>>,
  ): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  /** Like `revoke`, of those alone that the tenant's own people made. */
  revokeOwn(actor: TenantActor, id: string): Promise<boolean>;
}
