/** Keys as the table holds them: made, ended and listed. Which of them work is `KeyStore`'s to tell, from memory. */
import { createHash, randomBytes } from 'node:crypto';
import type { StaffActor, TenantActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { KEY_SCOPES, type KeyScope } from '../../domain/roles.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { AuditEntry } from './audit-entry.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { Transaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

/**
 * Only the staff role writes keys, because their unique hashes would tell one tenant of another's. What a tenant's
 * people may ask of it is decided here, held by the table's checks, and recorded in their name.
 */
const KEEPER: StaffActor = { kind: 'system', subject: 'key-store' };
const KEY_PREFIX = 'tk_';
const KEY_BYTES = 32;
/** What one tenant's people can make for themselves; every server holds all keys in memory. */
const OWN_KEYS_MAX = 50;

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
  /** Noted about once a minute. */
  readonly lastUsedAt: number | null;
  /** By one of the tenant's own people, who may end it. */
  readonly madeByTenant: boolean;
  readonly rotatedAt: number | null;
  readonly rotatedBy: string | null;
  /** Until when the secret before the last rotation works, or did; null: it ended with the rotation, or was ended. */
  readonly previousUntil: number | null;
  /** When that secret was last used after the rotation. Noted about once a minute. */
  readonly previousUsedAt: number | null;
}

export interface MadeKey {
  /** Shown this once: only its hash is kept. */
  readonly key: string;
  readonly record: KeyRecord;
}

export const RECORD_COLUMNS = `id, name, scopes, tenant_id as "tenantId", service, created_by as "createdBy",
  ${unixMs('created_at')} as "createdAt", ${unixMs('expires_at')} as "expiresAt",
  ${unixMs('revoked_at')} as "revokedAt", ${unixMs('last_used_at')} as "lastUsedAt", made_by_tenant as "madeByTenant",
  ${unixMs('rotated_at')} as "rotatedAt", rotated_by as "rotatedBy", ${unixMs('previous_until')} as "previousUntil",
  ${unixMs('previous_used_at')} as "previousUsedAt"`;

/** Of a key that was not revoked, and with a tenant in $2 only of those that its people made: what a change may touch. */
export const MAY_CHANGE = 'revoked_at is null and ($2::text is null or (tenant_id = $2 and made_by_tenant))';

interface KeyWriting {
  /** The tenant whose people ask; null: the operator's. */
  readonly tenantId: TenantId | null;
  /** Puts on record, in the name of who asked, what was done to the key. */
  audit(
    action: string,
    key: Pick<KeyRecord, 'id' | 'tenantId'>,
    change: Pick<AuditEntry, 'before' | 'after'>,
  ): Promise<void>;
}

/** Runs `fn` as the staff role, in the name of whoever asked for it. */
export async function writeKeys<T>(
  postgres: Postgres,
  actor: StaffActor | TenantActor,
  fn: (transaction: Transaction, writing: KeyWriting) => Promise<T>,
): Promise<T> {
  const own = actor.kind === 'tenant' ? actor : undefined;
  return postgres.inStaffTransaction(actor.kind === 'tenant' ? KEEPER : actor, (transaction) =>
    fn(transaction, {
      tenantId: own?.tenantId ?? null,
      audit: (action, { id, tenantId }, change) =>
        transaction.audit({ action, resource: `key/${id}`, ...(tenantId !== null && { tenantId }), ...change }, own),
    }),
  );
}

/** Rows that the actor may see, newest first: staff all, a tenant's people those of their tenant, by row security. */
export async function listKeys(postgres: Postgres, actor: StaffActor | TenantActor): Promise<readonly KeyRecord[]> {
  return postgres.inReadTransaction(actor, (transaction) =>
    transaction.query<KeyRecord>(`select ${RECORD_COLUMNS} from tenantry.keys order by created_at desc, id`),
  );
}

/** @throws TenantryError BAD_REQUEST, and CONFLICT when a tenant's people have made too many */
export async function makeKey(postgres: Postgres, actor: StaffActor | TenantActor, wanted: NewKey): Promise<MadeKey> {
  refuseInvalid(wanted);
  const key = newSecret();
  const record = await writeKeys(postgres, actor, async (transaction, { tenantId: own, audit }) => {
    if (wanted.tenantId !== undefined) await enterTenants(transaction, [wanted.tenantId]);
    await nextRevision(transaction, 'keys');
    if (own !== null) await refuseTooMany(transaction, own);
    const stored = await insertKey(transaction, wanted, { key, by: actor.subject, madeByTenant: own !== null });
    await audit('key.create', stored, { after: wanted });
    return stored;
  });
  return { key, record };
}

/** The row alone: the caller has taken the revision of the keys, and puts on record what it did. */
export async function insertKey(
  transaction: Transaction,
  wanted: NewKey,
  { key, by, madeByTenant }: { readonly key: string; readonly by: string; readonly madeByTenant: boolean },
): Promise<KeyRecord> {
  refuseInvalid(wanted);
  const { name, scopes, tenantId = null, service = null, expiresAt = null } = wanted;
  const [stored] = await transaction.query<KeyRecord>(
    `insert into tenantry.keys (name, sha256, scopes, tenant_id, service, created_by, expires_at, made_by_tenant)
     values ($1, $2, $3, $4, $5, $6, ${fromUnixMs('$7')}, $8) returning ${RECORD_COLUMNS}`,
    [name, sha256(key), scopes, tenantId, service, by, expiresAt, madeByTenant],
  );
  if (stored === undefined) throw new TenantryError('INTERNAL', 'The key just written cannot be read');
  return stored;
}

/** Ends a key with every secret it has. False if there is none that the actor may end, or it was revoked before. */
export async function endKey(postgres: Postgres, actor: StaffActor | TenantActor, id: string): Promise<boolean> {
  if (!isUuid(id)) return false;
  return writeKeys(postgres, actor, async (transaction, { tenantId: own, audit }) => {
    const [row] = await transaction.query<{ id: string; name: string; tenantId: TenantId | null }>(
      `update tenantry.keys set revoked_at = clock_timestamp(), revoked_by = $3
       where id = $1 and ${MAY_CHANGE} returning id, name, tenant_id as "tenantId"`,
      [id, own, actor.subject],
    );
    if (row === undefined) return false;
    await nextRevision(transaction, 'keys');
    await audit('key.revoke', row, { before: { name: row.name } });
    return true;
  });
}

/** 256 random bits, with a prefix by which scanners of repositories find one that was left there. */
export function newSecret(): string {
  return KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
}

export function sha256(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function refuseInvalid({ name, scopes, tenantId, expiresAt }: NewKey): void {
  const known: readonly string[] = KEY_SCOPES;
  const problem =
    (!(name.length >= 1 && name.length <= 200) && 'a name has 1 to 200 characters') ||
    ((scopes.length === 0 || scopes.some((scope) => !known.includes(scope))) && `scopes are ${known.join(', ')}`) ||
    (scopes.includes('scim') &&
      (scopes.length > 1 || tenantId === undefined) &&
      'one with the scope scim has no other, and is of one tenant') ||
    (expiresAt !== undefined && !Number.isFinite(expiresAt) && 'the expiry is not a time');
  if (problem !== false) throw new TenantryError('BAD_REQUEST', `No key was made: ${problem}`);
}

/** The revision's lock is held, so two at once cannot both be the last that fits. */
async function refuseTooMany(transaction: Transaction, tenantId: TenantId): Promise<void> {
  const [row] = await transaction.query<{ keys: number }>(
    `select count(*)::int as keys from tenantry.keys
     where tenant_id = $1 and made_by_tenant and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`,
    [tenantId],
  );
  if ((row?.keys ?? 0) < OWN_KEYS_MAX) return;
  throw new TenantryError('CONFLICT', `There are ${OWN_KEYS_MAX} keys in use, which is as many as there can be.`, {
    hint: 'Revoke those that nothing uses any more.',
  });
}
