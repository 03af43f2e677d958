/** Users and groups of directories as their tables hold them, and the transaction in which they are changed. */
import { createHash } from 'node:crypto';
import type { StaffActor, TenantActor, TenantKeyActor } from '../../domain/actor.ts';
import {
  addressOf,
  NO_MAPPING,
  type RoleMapping,
  type ScimGroup,
  type ScimUser,
  type ScimUserContent,
} from '../../domain/scim.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { RecordedTransaction, Transaction } from './transaction.ts';

type UserRow = Omit<ScimUser, 'externalId' | 'displayName' | 'name' | 'emails'> & {
  readonly externalId: string | null;
  readonly content: Pick<ScimUserContent, 'displayName' | 'name' | 'emails'>;
};
type GroupRow = Omit<ScimGroup, 'externalId'> & { readonly externalId: string | null };

const KEPT = `version::float8 as version, ${unixMs('created_at')} as "createdAt", ${unixMs('changed_at')} as "changedAt"`;

/** Of `tenantry.scim_users as users`. */
const USER_COLUMNS = `users.user_id as id, users.tenant_id as "tenantId", user_name as "userName",
  external_id as "externalId", active, content, ${KEPT},
  (select coalesce(jsonb_agg(jsonb_build_object('id', crowd.group_id, 'displayName', crowd.display_name)
                             order by crowd.display_name, crowd.group_id), '[]')
   from tenantry.scim_group_members of_user join tenantry.scim_groups crowd using (tenant_id, group_id)
   where of_user.tenant_id = users.tenant_id and of_user.user_id = users.user_id) as groups`;

/** Of `tenantry.scim_groups as crowds`. */
const GROUP_COLUMNS = `crowds.group_id as id, crowds.tenant_id as "tenantId", display_name as "displayName",
  external_id as "externalId", ${KEPT},
  (select coalesce(jsonb_agg(user_id order by user_id), '[]') from tenantry.scim_group_members of_group
   where of_group.tenant_id = crowds.tenant_id and of_group.group_id = crowds.group_id) as members`;

function userOf({ externalId, content, ...row }: UserRow): ScimUser {
  return { ...row, ...content, ...(externalId === null ? {} : { externalId }) };
}

function groupOf({ externalId, ...row }: GroupRow): ScimGroup {
  return { ...row, ...(externalId === null ? {} : { externalId }) };
}

/** In the order of `(user_name, external_id, email, active, content)`. */
export function userValues(content: ScimUserContent): readonly unknown[] {
  const { userName, externalId, displayName, name, emails, active } = content;
  const rest = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(name === undefined ? {} : { name }),
    emails,
  };
  return [userName, externalId ?? null, addressOf(content) ?? '', active, JSON.stringify(rest)];
}

/** The users that match; undefined members of the narrowing leave nothing out. */
export async function readUsers(
  transaction: Transaction,
  tenantId: TenantId,
  narrowing: { readonly id?: string; readonly externalId?: string; readonly userName?: string },
): Promise<readonly ScimUser[]> {
  const { id, externalId, userName } = narrowing;
  const rows = await transaction.query<UserRow>(
    `select ${USER_COLUMNS} from tenantry.scim_users users
     where tenant_id = $1 and ($2::uuid is null or user_id = $2) and ($3::text is null or external_id = $3)
       and ($4::text is null or lower(user_name) = lower($4))
     order by lower(user_name)`,
    [tenantId, id ?? null, externalId ?? null, userName ?? null],
  );
  return rows.map(userOf);
}

/** Like `readUsers`. */
export async function readGroups(
  transaction: Transaction,
  tenantId: TenantId,
  narrowing: { readonly id?: string; readonly externalId?: string; readonly displayName?: string },
): Promise<readonly ScimGroup[]> {
  const { id, externalId, displayName } = narrowing;
  const rows = await transaction.query<GroupRow>(
    `select ${GROUP_COLUMNS} from tenantry.scim_groups crowds
     where tenant_id = $1 and ($2::uuid is null or group_id = $2) and ($3::text is null or external_id = $3)
       and ($4::text is null or lower(display_name) = lower($4))
     order by lower(display_name)`,
    [tenantId, id ?? null, externalId ?? null, displayName ?? null],
  );
  return rows.map(groupOf);
}

/** What a token may name a person by: an id of the directory, the user name, or an address. */
export function subjectHash(subject: string): Buffer {
  return createHash('sha256').update(subject.toLowerCase()).digest();
}

function subjectsOf({ userName, externalId, emails }: ScimUserContent): readonly Buffer[] {
  const names = [userName, ...(externalId === undefined ? [] : [externalId]), ...emails.map(({ value }) => value)];
  return [...new Set(names.map((name) => name.toLowerCase()))].map(subjectHash);
}

/** Longer than any token lives that is believed here. */
export const NAMES_KEPT = '30 days';

/**
 * Notes what tokens may name the user by. What the user is not called any more goes on meaning them for a while: tokens
 * with an old name are as good as before, and must not get around what becomes of the user.
 */
export async function keepNames(
  { query, tenantId }: DirectoryChange,
  userId: string,
  content: ScimUserContent,
): Promise<void> {
  const subjects = subjectsOf(content);
  await query('delete from tenantry.scim_names where tenant_id = $1 and left_at < clock_timestamp() - $2::interval', [
    tenantId,
    NAMES_KEPT,
  ]);
  await query(
    `update tenantry.scim_names set left_at = clock_timestamp()
     where tenant_id = $1 and user_id = $2 and left_at is null and subject <> all ($3::bytea[])`,
    [tenantId, userId, subjects],
  );
  // Who has no access takes a name from nobody who may have it.
  await query(
    `insert into tenantry.scim_names as there (tenant_id, subject, user_id) select $1, unnest ($3::bytea[]), $2
     on conflict (tenant_id, subject) do update set user_id = excluded.user_id, left_at = null
     where $4 or there.left_at is not null or there.user_id = excluded.user_id`,
    [tenantId, userId, subjects, content.active],
  );
}

/** Before a user is deleted: the names stay as those of somebody who is gone. */
export async function leaveNames({ query, tenantId }: DirectoryChange, userId: string): Promise<void> {
  await query(
    `update tenantry.scim_names set left_at = clock_timestamp()
     where tenant_id = $1 and user_id = $2 and left_at is null`,
    [tenantId, userId],
  );
}

/** Who changes a directory: the directory itself by its key, or people who keep the tenant's account. */
export type ScimWriter = TenantKeyActor | StaffActor | TenantActor;

export interface DirectoryChange extends RecordedTransaction {
  readonly tenantId: TenantId;
  readonly mapping: RoleMapping;
}

/**
 * Runs `fn` alone among all that change this tenant's directory. By an advisory lock, because locked rows would count as
 * a write, and what changes nothing (directories repeat themselves) needs no record.
 */
export async function inDirectory<T>(
  postgres: Postgres,
  actor: ScimWriter,
  tenantId: TenantId,
  fn: (change: DirectoryChange) => Promise<T>,
): Promise<T> {
  return postgres.inChangeTransaction(actor, async (transaction) => {
    await transaction.query("select pg_advisory_xact_lock(7071, hashtext('scim ' || $1))", [tenantId]);
    const [mapping = NO_MAPPING] = await transaction.query<RoleMapping>(
      'select rules, authoritative from tenantry.scim_directories where tenant_id = $1',
      [tenantId],
    );
    return fn({
      query: (text, values) => transaction.query(text, values),
      audit: (entry) => transaction.audit({ ...entry, tenantId }),
      tenantId,
      mapping,
    });
  });
}

/** Notes that the directory has changed something. */
export async function touchDirectory({ query, tenantId }: DirectoryChange): Promise<void> {
  await query(
    `insert into tenantry.scim_directories (tenant_id, changed_at) values ($1, clock_timestamp())
     on conflict (tenant_id) do update set changed_at = excluded.changed_at`,
    [tenantId],
  );
}
