import { isDeepStrictEqual } from 'node:util';
import type { Actor, TenantKeyActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import {
  SCIM_USERS_MAX,
  ScimClash,
  type ScimNarrowing,
  type ScimUser,
  type ScimUserContent,
} from '../../domain/scim.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { releaseMember, settleMembers } from './scim-members.ts';
import {
  type DirectoryChange,
  inDirectory,
  keepNames,
  leaveNames,
  readUsers,
  touchDirectory,
  userValues,
} from './scim-rows.ts';
import { isUuid } from './uuid.ts';

/** The people of customers' directories. Everything runs under row security, in the name of the directory's key. */
export class ScimUserStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** By user name. What is not in `narrowing` leaves nobody out. */
  async list(actor: Actor, tenantId: TenantId, narrowing: ScimNarrowing): Promise<readonly ScimUser[]> {
    if (narrowing.id !== undefined && !isUuid(narrowing.id)) return [];
    return this.#postgres.inReadTransaction(actor, (transaction) => readUsers(transaction, tenantId, narrowing));
  }

  async find(actor: Actor, tenantId: TenantId, id: string): Promise<ScimUser | undefined> {
    const [user] = await this.list(actor, tenantId, { id });
    return user;
  }

  /** @throws ScimClash when the user name is taken, TenantryError CONFLICT when there are too many */
  async create(actor: TenantKeyActor, content: ScimUserContent): Promise<ScimUser> {
    return inDirectory(this.#postgres, actor, actor.tenantId, async (change) => {
      await refuseClash(change, content.userName, undefined);
      await refuseTooMany(change);
      const [row] = await change.query<{ id: string }>(
        `insert into tenantry.scim_users (tenant_id, user_name, external_id, email, active, content)
         values ($1, $2, $3, $4, $5, $6::jsonb) returning user_id as id`,
        [actor.tenantId, ...userValues(content)],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The user just written cannot be read');
      await change.audit({ action: 'scim_user.create', resource: `scim_user/${row.id}`, after: told(content) });
      await keepNames(change, row.id, content);
      await settleMembers(change, [row.id]);
      await touchDirectory(change);
      return read(change, row.id);
    });
  }

  /**
   * Makes of a user what `change` says of the one that is there; undefined if there is none with this id.
   * @throws like `create`, and whatever `change` throws
   */
  async change(
    actor: TenantKeyActor,
    id: string,
    change: (user: ScimUser) => ScimUserContent,
  ): Promise<ScimUser | undefined> {
    if (!isUuid(id)) return undefined;
    return inDirectory(this.#postgres, actor, actor.tenantId, async (directory) => {
      const [before] = await readUsers(directory, actor.tenantId, { id });
      if (before === undefined) return undefined;
      const content = change(before);
      const names = changedNames(before, content);
      if (names.length === 0) return before;
      // Always, because which letters are the same PostgreSQL knows by its own locale.
      await refuseClash(directory, content.userName, id);
      await directory.query(
        `update tenantry.scim_users set user_name = $3, external_id = $4, email = $5, active = $6, content = $7::jsonb,
           version = version + 1, changed_at = clock_timestamp()
         where tenant_id = $1 and user_id = $2`,
        [actor.tenantId, id, ...userValues(content)],
      );
      await directory.audit({
        action: 'scim_user.change',
        resource: `scim_user/${id}`,
        before: told(before),
        after: { ...told(content), changed: names },
      });
      await keepNames(directory, id, content);
      await settleMembers(directory, [id]);
      await touchDirectory(directory);
      return read(directory, id);
    });
  }

  /** False if there is none with this id. `check` may refuse by throwing. */
  async remove(actor: TenantKeyActor, id: string, check: (user: ScimUser) => void): Promise<boolean> {
    if (!isUuid(id)) return false;
    return inDirectory(this.#postgres, actor, actor.tenantId, async (change) => {
      const [user] = await readUsers(change, actor.tenantId, { id });
      if (user === undefined) return false;
      check(user);
      await releaseMember(change, id);
      await leaveNames(change, id);
      await change.query('delete from tenantry.scim_users where tenant_id = $1 and user_id = $2', [actor.tenantId, id]);
      await change.audit({ action: 'scim_user.delete', resource: `scim_user/${id}`, before: told(user) });
      await touchDirectory(change);
      return true;
    });
  }
}

/** For the audit log, which keeps what it is told for good: whether somebody has access, and no names. */
function told({ active }: ScimUserContent): object {
  return { active };
}

function changedNames(before: ScimUser, after: ScimUserContent): readonly string[] {
  const names = ['userName', 'externalId', 'displayName', 'name', 'emails', 'active'] as const;
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

async function refuseClash({ query, tenantId }: DirectoryChange, userName: string, id: string | undefined) {
  const taken = await query(
    `select 1 from tenantry.scim_users
     where tenant_id = $1 and lower(user_name) = lower($2) and ($3::uuid is null or user_id <> $3)`,
    [tenantId, userName, id ?? null],
  );
  if (taken.length > 0) throw new ScimClash('There is a user with this userName already.');
}

async function refuseTooMany({ query, tenantId }: DirectoryChange): Promise<void> {
  const [row] = await query<{ users: number }>(
    'select count(*)::int as users from tenantry.scim_users where tenant_id = $1',
    [tenantId],
  );
  if ((row?.users ?? 0) < SCIM_USERS_MAX) return;
  throw new TenantryError('CONFLICT', `There are ${SCIM_USERS_MAX} users, which is as many as there can be.`, {
    hint: 'Assign only those who are to have access.',
  });
}

async function read(change: DirectoryChange, id: string): Promise<ScimUser> {
  const [user] = await readUsers(change, change.tenantId, { id });
  if (user === undefined) throw new TenantryError('INTERNAL', 'The user just written cannot be read');
  return user;
}
