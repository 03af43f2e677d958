import type { Actor, StaffActor, TenantActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { NO_MAPPING, type RoleMapping, type ScimDirectory } from '../../domain/scim.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { settleMembers } from './scim-members.ts';
import { type DirectoryChange, inDirectory } from './scim-rows.ts';
import { readStanding } from './scim-standing.ts';
import { unixMs } from './sql-time.ts';
import type { TenantDirectory } from './tenant-directory.ts';
import type { Transaction } from './transaction.ts';

type DirectoryRow = RoleMapping &
  Pick<ScimDirectory, 'setBy' | 'setByOperator' | 'setAt' | 'lastChangeAt'> & { readonly revision: number };
type Counts = Pick<ScimDirectory, 'users' | 'activeUsers' | 'usersWithRole' | 'lastContactAt' | 'groups'>;

const UNSET: DirectoryRow = {
  ...NO_MAPPING,
  ...{ revision: 0, setBy: null, setByOperator: false, setAt: null, lastChangeAt: null },
};

/** How tenants' directories stand, and which groups stand for which role. */
export class ScimDirectoryStore {
  readonly #postgres: Postgres;
  readonly #tenants: Pick<TenantDirectory, 'remember'>;

  constructor(postgres: Postgres, tenants: Pick<TenantDirectory, 'remember'>) {
    this.#postgres = postgres;
    this.#tenants = tenants;
  }

  async read(actor: Actor, tenantId: TenantId): Promise<ScimDirectory> {
    return this.#postgres.inReadTransaction(actor, (transaction) => readDirectory(transaction, tenantId));
  }

  /**
   * Sets the rules and gives every user the role that follows from them.
   * @param revision that the caller has seen
   * @throws TenantryError CONFLICT when somebody else has set them since, or when the tenant's own admin would be none by
   * them
   */
  async putMapping(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    mapping: RoleMapping,
    revision: number,
  ): Promise<ScimDirectory> {
    await this.#tenants.remember([tenantId]);
    return inDirectory(this.#postgres, actor, tenantId, async (change) => {
      const before = await readRow(change, tenantId);
      if (before.revision !== revision) {
        throw new TenantryError('CONFLICT', 'Somebody else has changed the rules in the meantime.', {
          hint: 'Read them again and decide anew.',
        });
      }
      const { rules, authoritative } = mapping;
      await change.query(
        `insert into tenantry.scim_directories as there
           (tenant_id, rules, authoritative, revision, set_by, set_by_operator, set_at)
         values ($1, $2::jsonb, $3, 1, $4, $5, clock_timestamp())
         on conflict (tenant_id) do update
         set rules = excluded.rules, authoritative = excluded.authoritative, revision = there.revision + 1,
             set_by = excluded.set_by, set_by_operator = excluded.set_by_operator, set_at = excluded.set_at`,
        [tenantId, JSON.stringify(rules), authoritative, actor.subject, actor.kind !== 'tenant'],
      );
      await change.audit({
        action: 'scim_mapping.set',
        resource: `scim_mapping/${tenantId}`,
        before: { rules: before.rules, authoritative: before.authoritative },
        after: { rules, authoritative },
      });
      await settleMembers({ ...change, mapping: { rules, authoritative } });
      if (actor.kind === 'tenant') await refuseSelfLockOut(change, actor);
      return readDirectory(change, tenantId);
    });
  }

  /**
   * Forgets users, groups and rules. Members stay as they are and are people's to change again. False if there was
   * nothing to forget.
   */
  async forget(actor: StaffActor | TenantActor, tenantId: TenantId): Promise<boolean> {
    return inDirectory(this.#postgres, actor, tenantId, async (change) => {
      const { users, groups, revision } = await readDirectory(change, tenantId);
      if (users === 0 && groups.length === 0 && revision === 0) return false;
      for (const table of ['scim_groups', 'scim_users', 'scim_names', 'scim_directories'] as const) {
        await change.query(`delete from tenantry.${table} where tenant_id = $1`, [tenantId]);
      }
      await change.audit({
        action: 'scim_mapping.forget',
        resource: `scim_mapping/${tenantId}`,
        before: { users, groups: groups.length },
      });
      return true;
    });
  }
}

/** Rules that alone decide are set by whom they leave in charge: nobody else of the tenant could take them back. */
async function refuseSelfLockOut(change: DirectoryChange, { tenantId, subject }: TenantActor): Promise<void> {
  const standing = await readStanding(change, tenantId, subject);
  const role = standing.kind === 'active' ? (standing.most ?? 'tenant_admin') : undefined;
  if (standing.kind === 'unknown' || role === 'tenant_admin') return;
  throw new TenantryError('CONFLICT', 'By these rules you would not be an admin any more.', {
    hint: 'Let the directory put you in a group that is for admins first, or ask the operator to set the rules.',
  });
}

async function readRow(transaction: Transaction, tenantId: TenantId): Promise<DirectoryRow> {
  const [row = UNSET] = await transaction.query<DirectoryRow>(
    `select rules, authoritative, revision::float8 as revision, set_by as "setBy", set_by_operator as "setByOperator",
            ${unixMs('set_at')} as "setAt", ${unixMs('changed_at')} as "lastChangeAt"
     from tenantry.scim_directories where tenant_id = $1`,
    [tenantId],
  );
  return row;
}

async function readDirectory(transaction: Transaction, tenantId: TenantId): Promise<ScimDirectory> {
  const row = await readRow(transaction, tenantId);
  const [counts] = await transaction.query<Counts>(
    `select (select count(*)::int from tenantry.scim_users where tenant_id = $1) as users,
            (select count(*)::int from tenantry.scim_users where tenant_id = $1 and active) as "activeUsers",
            (select count(*)::int from tenantry.scim_users where tenant_id = $1 and active and role is not null) as "usersWithRole",
            (select ${unixMs('max(last_used_at)')} from tenantry.keys where tenant_id = $1 and 'scim' = any (scopes)) as "lastContactAt",
            (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', crowd.group_id,
               'displayName', crowd.display_name, 'externalId', crowd.external_id, 'members', (
                 select count(*) from tenantry.scim_group_members inside
                 where (inside.tenant_id, inside.group_id) = (crowd.tenant_id, crowd.group_id))))
               order by lower(crowd.display_name)), '[]')
             from tenantry.scim_groups crowd where crowd.tenant_id = $1) as groups`,
    [tenantId],
  );
  if (counts === undefined) throw new TenantryError('INTERNAL', 'A directory cannot be counted');
  return { tenantId, ...row, ...counts };
}
