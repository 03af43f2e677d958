import type { Actor, TenantKeyActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import {
  SCIM_GROUPS_MAX,
  SCIM_MEMBERSHIPS_MAX,
  ScimClash,
  type ScimGroup,
  type ScimGroupContent,
  type ScimNarrowing,
} from '../../domain/scim.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { settleMembers } from './scim-members.ts';
import { type DirectoryChange, inDirectory, readGroups, touchDirectory } from './scim-rows.ts';
import { isUuid } from './uuid.ts';

/** The groups of customers' directories, which rules turn into roles. Under row security, in the name of the key. */
export class ScimGroupStore {
  readonly #postgres: Postgres;
  readonly #mostMembers: number;

  /** @param mostMembers of all groups of one directory together */
  constructor(postgres: Postgres, mostMembers = SCIM_MEMBERSHIPS_MAX) {
    this.#postgres = postgres;
    this.#mostMembers = mostMembers;
  }

  /** By name. What is not in `narrowing` leaves none out. */
  async list(actor: Actor, tenantId: TenantId, narrowing: ScimNarrowing): Promise<readonly ScimGroup[]> {
    if (narrowing.id !== undefined && !isUuid(narrowing.id)) return [];
    return this.#postgres.inReadTransaction(actor, (transaction) => readGroups(transaction, tenantId, narrowing));
  }

  async find(actor: Actor, tenantId: TenantId, id: string): Promise<ScimGroup | undefined> {
    const [group] = await this.list(actor, tenantId, { id });
    return group;
  }

  /**
   * @throws ScimClash when the name is taken or a member cannot have the role, TenantryError BAD_REQUEST for a member that
   * there is not, CONFLICT when there are too many
   */
  async create(actor: TenantKeyActor, content: ScimGroupContent): Promise<ScimGroup> {
    return inDirectory(this.#postgres, actor, actor.tenantId, async (change) => {
      await refuseClash(change, content.displayName, undefined);
      await refuseTooMany(change);
      const [row] = await change.query<{ id: string }>(
        `insert into tenantry.scim_groups (tenant_id, display_name, external_id) values ($1, $2, $3)
         returning group_id as id`,
        [actor.tenantId, content.displayName, content.externalId ?? null],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The group just written cannot be read');
      await put(change, row.id, content.members);
      await refuseCrowds(change, this.#mostMembers);
      const { displayName, members } = content;
      const after = { displayName, members: members.length };
      await change.audit({ action: 'scim_group.create', resource: `scim_group/${row.id}`, after });
      await settleMembers(change, content.members);
      await touchDirectory(change);
      return read(change, row.id);
    });
  }

  /** Like `ScimUserStore.change`. @throws like `create` */
  async change(
    actor: TenantKeyActor,
    id: string,
    change: (group: ScimGroup) => ScimGroupContent,
  ): Promise<ScimGroup | undefined> {
    if (!isUuid(id)) return undefined;
    return inDirectory(this.#postgres, actor, actor.tenantId, async (directory) => {
      const [before] = await readGroups(directory, actor.tenantId, { id });
      if (before === undefined) return undefined;
      const after = change(before);
      const [had, has] = [new Set(before.members), new Set(after.members)];
      const added = after.members.filter((one) => !had.has(one));
      const removed = before.members.filter((one) => !has.has(one));
      const isRenamed = after.displayName !== before.displayName || after.externalId !== before.externalId;
      if (!isRenamed && added.length + removed.length === 0) return before;
      // Always when it changes, because which letters are the same PostgreSQL knows by its own locale.
      if (isRenamed) await refuseClash(directory, after.displayName, id);
      await directory.query(
        `update tenantry.scim_groups set display_name = $3, external_id = $4, version = version + 1,
           changed_at = clock_timestamp()
         where tenant_id = $1 and group_id = $2`,
        [actor.tenantId, id, after.displayName, after.externalId ?? null],
      );
      await directory.query(
        'delete from tenantry.scim_group_members where tenant_id = $1 and group_id = $2 and user_id = any ($3::uuid[])',
        [actor.tenantId, id, removed],
      );
      await put(directory, id, added);
      if (added.length > 0) await refuseCrowds(directory, this.#mostMembers);
      await directory.audit({
        action: 'scim_group.change',
        resource: `scim_group/${id}`,
        before: { displayName: before.displayName, members: before.members.length },
        after: { displayName: after.displayName, members: after.members.length, added, removed },
      });
      // Another name may stand for another role, for everybody in the group.
      await settleMembers(directory, isRenamed ? [...new Set([...had, ...has])] : [...added, ...removed]);
      await touchDirectory(directory);
      return read(directory, id);
    });
  }

  /** Like `ScimUserStore.remove`. */
  async remove(actor: TenantKeyActor, id: string, check: (group: ScimGroup) => void): Promise<boolean> {
    if (!isUuid(id)) return false;
    return inDirectory(this.#postgres, actor, actor.tenantId, async (change) => {
      const [group] = await readGroups(change, actor.tenantId, { id });
      if (group === undefined) return false;
      check(group);
      await change.query('delete from tenantry.scim_groups where tenant_id = $1 and group_id = $2', [
        actor.tenantId,
        id,
      ]);
      const { displayName, members } = group;
      const before = { displayName, members: members.length };
      await change.audit({ action: 'scim_group.delete', resource: `scim_group/${id}`, before });
      await settleMembers(change, members);
      await touchDirectory(change);
      return true;
    });
  }
}

async function refuseClash({ query, tenantId }: DirectoryChange, displayName: string, id: string | undefined) {
  const taken = await query(
    `select 1 from tenantry.scim_groups
     where tenant_id = $1 and lower(display_name) = lower($2) and ($3::uuid is null or group_id <> $3)`,
    [tenantId, displayName, id ?? null],
  );
  if (taken.length > 0) throw new ScimClash('There is a group with this displayName already.');
}

async function refuseTooMany({ query, tenantId }: DirectoryChange): Promise<void> {
  const [row] = await query<{ groups: number }>(
    'select count(*)::int as groups from tenantry.scim_groups where tenant_id = $1',
    [tenantId],
  );
  if ((row?.groups ?? 0) < SCIM_GROUPS_MAX) return;
  throw new TenantryError('CONFLICT', `There are ${SCIM_GROUPS_MAX} groups, which is as many as there can be.`, {
    hint: 'Push only those that stand for a role.',
  });
}

/** Users of other tenants are as unknown as those that there never were. */
async function put(
  { query, tenantId }: Pick<DirectoryChange, 'query' | 'tenantId'>,
  groupId: string,
  userIds: readonly string[],
): Promise<void> {
  if (userIds.length === 0) return;
  const known = userIds.every(isUuid)
    ? await query<{ id: string }>(
        `insert into tenantry.scim_group_members (tenant_id, group_id, user_id)
         select tenant_id, $2, user_id from tenantry.scim_users where tenant_id = $1 and user_id = any ($3::uuid[])
         returning user_id as id`,
        [tenantId, groupId, userIds],
      )
    : [];
  if (known.length === new Set(userIds.map((id) => id.toLowerCase())).size) return;
  throw new TenantryError('BAD_REQUEST', 'A member of the group is no user that there is.', {
    hint: 'Create the users first.',
  });
}

async function refuseCrowds({ query, tenantId }: DirectoryChange, most: number): Promise<void> {
  const [row] = await query<{ members: number }>(
    'select count(*)::int as members from tenantry.scim_group_members where tenant_id = $1',
    [tenantId],
  );
  if ((row?.members ?? 0) <= most) return;
  throw new TenantryError('CONFLICT', `All groups together can have ${most} members.`, {
    hint: 'Push only those that stand for a role.',
  });
}

async function read(change: DirectoryChange, id: string): Promise<ScimGroup> {
  const [group] = await readGroups(change, change.tenantId, { id });
  if (group === undefined) throw new TenantryError('INTERNAL', 'The group just written cannot be read');
  return group;
}
