/**
 * A key's way from one secret to the next:
 *
 *   one secret --rotate, grace > 0--> two secrets --grace is over, or endPreviousSecret--> one secret
 *   one or two --rotate, grace 0----> one secret (the new one): what to do when a secret has leaked
 *   two        --rotate, grace > 0--> refused: the oldest would end under those who still send with it
 */
import type { StaffActor, TenantActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type KeyRecord, MAY_CHANGE, type MadeKey, newSecret, RECORD_COLUMNS, sha256, writeKeys } from './key-rows.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { isUuid } from './uuid.ts';

export interface KeyRotation {
  /** How long the secret that there is goes on working; 0: it ends at once, and with it an older one. */
  readonly graceSeconds: number;
  /** Unix ms; absent: the key ends when it would have ended. */
  readonly expiresAt?: number;
}

interface KeyBefore {
  readonly tenantId: TenantId | null;
  readonly expiresAt: number | null;
  /** Unix ms, of a secret before that works now; null: there is none. */
  readonly previousUntil: number | null;
}

/**
 * Gives the key a new secret. The old one ends with its grace, and not later than the key would have ended. Undefined if
 * there is no key with this id that works and that the actor may change.
 * @throws TenantryError CONFLICT while two secrets work and neither is to end at once
 */
export async function rotateKey(
  postgres: Postgres,
  actor: StaffActor | TenantActor,
  id: string,
  { graceSeconds, expiresAt }: KeyRotation,
): Promise<MadeKey | undefined> {
  if (!isUuid(id)) return undefined;
  const secret = newSecret();
  return writeKeys(postgres, actor, async (transaction, { tenantId: own, audit }) => {
    const [before] = await transaction.query<KeyBefore>(
      `select tenant_id as "tenantId", ${unixMs('expires_at')} as "expiresAt",
              case when previous_until > clock_timestamp() then ${unixMs('previous_until')} end as "previousUntil"
       from tenantry.keys
       where id = $1 and ${MAY_CHANGE} and (expires_at is null or expires_at > clock_timestamp()) for update`,
      [id, own],
    );
    if (before === undefined) return undefined;
    if (before.previousUntil !== null && graceSeconds > 0) throw twoSecrets();
    await nextRevision(transaction, 'keys');
    const [record] = await transaction.query<KeyRecord>(
      `update tenantry.keys
       set sha256 = $2, rotated_at = clock_timestamp(), rotated_by = $3, previous_used_at = null,
           previous_sha256 = case when $4 > 0 then sha256 end,
           previous_until = case when $4 > 0
             then least(expires_at, clock_timestamp() + make_interval(secs => $4::float8)) end,
           expires_at = coalesce(${fromUnixMs('$5')}, expires_at)
       where id = $1 returning ${RECORD_COLUMNS}`,
      [id, sha256(secret), actor.subject, graceSeconds, expiresAt ?? null],
    );
    if (record === undefined) throw new TenantryError('INTERNAL', 'The key just rotated cannot be read');
    await audit('key.rotate', record, {
      before: { expiresAt: before.expiresAt, previousUntil: before.previousUntil },
      after: { graceSeconds, expiresAt: record.expiresAt, previousUntil: record.previousUntil },
    });
    return { key: secret, record };
  });
}

/** Ends the secret before the last rotation at once. Undefined if there is none that works and that the actor may end. */
export async function endPreviousSecret(
  postgres: Postgres,
  actor: StaffActor | TenantActor,
  id: string,
): Promise<KeyRecord | undefined> {
  if (!isUuid(id)) return undefined;
  return writeKeys(postgres, actor, async (transaction, { tenantId: own, audit }) => {
    const [before] = await transaction.query<{ previousUntil: number }>(
      `select ${unixMs('previous_until')} as "previousUntil" from tenantry.keys
       where id = $1 and ${MAY_CHANGE} and previous_until > clock_timestamp() for update`,
      [id, own],
    );
    if (before === undefined) return undefined;
    await nextRevision(transaction, 'keys');
    const [record] = await transaction.query<KeyRecord>(
      `update tenantry.keys set previous_sha256 = null, previous_until = null where id = $1 returning ${RECORD_COLUMNS}`,
      [id],
    );
    if (record === undefined) throw new TenantryError('INTERNAL', 'The key just changed cannot be read');
    await audit('key.end_previous', record, { before, after: { previousUntil: null } });
    return record;
  });
}

function twoSecrets(): TenantryError {
  return new TenantryError('CONFLICT', 'The secret before the last rotation still works.', {
    hint: 'End it first, or rotate with a grace of 0 seconds: then both end at once.',
  });
}
