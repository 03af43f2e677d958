import type { Actor, StaffActor, TenantActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Member, MemberChange, NewMember } from '../../domain/member.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { TenantDirectory } from './tenant-directory.ts';
import type { RecordedTransaction } from './transaction.ts';

/** More would be a directory service; also what one answer holds. */
export const MOST_MEMBERS = 1_000;

const COLUMNS = `member_id as "memberId", tenant_id as "tenantId", email, role, state, added_by as "addedBy",
  added_by_operator as "addedByOperator", ${unixMs('added_at')} as "addedAt", ${unixMs('changed_at')} as "changedAt",
  exists (select from tenantry.scim_users kept
          where (kept.tenant_id, kept.member_id) = (members.tenant_id, members.member_id)) as "keptByDirectory"`;

/** Who should have access to tenants. A tenant's own people work under row security. */
export class MemberStore {
  readonly #postgres: Postgres;
  readonly #directory: Pick<TenantDirectory, 'remember'>;

  constructor(postgres: Postgres, directory: Pick<TenantDirectory, 'remember'>) {
    this.#postgres = postgres;
    this.#directory = directory;
  }

  /** Those who are to have access, by address, and then those who were removed, newest first. */
  async list(actor: Actor, tenantId: TenantId): Promise<readonly Member[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Member>(
        `select ${COLUMNS} from tenantry.members where tenant_id = $1
         order by state = 'removed', case when state = 'removed' then changed_at end desc, email limit $2`,
        [tenantId, 2 * MOST_MEMBERS],
      ),
    );
  }

  /** Undefined if there is none, or if it was removed. */
  async find(actor: Actor, tenantId: TenantId, memberId: string): Promise<Member | undefined> {
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Member>(
        `select ${COLUMNS} from tenantry.members where tenant_id = $1 and member_id = $2 and state <> 'removed'`,
        [tenantId, memberId],
      ),
    );
    return row;
  }

  /** @throws TenantryError CONFLICT when the address is a member's already, or there are too many */
  async add(actor: StaffActor | TenantActor, tenantId: TenantId, member: NewMember): Promise<Member> {
    await this.#directory.remember([tenantId]);
    return this.#postgres.inChangeTransaction(actor, (transaction) => addMember(transaction, actor, tenantId, member));
  }

  /**
   * Undefined if there is no such member, or it was removed.
   * @throws TenantryError CONFLICT when the tenant would be left without an admin
   */
  async change(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    memberId: string,
    { role, state }: MemberChange,
  ): Promise<Member | undefined> {
    return this.#postgres.inChangeTransaction(actor, async (transaction) => {
      const before = await lock(transaction, tenantId, memberId);
      if (before === undefined) return undefined;
      refuseKept(before);
      if (before.role === 'tenant_admin' && role !== undefined && role !== 'tenant_admin') {
        await refuseLastAdmin(transaction, before);
      }
      const row = await write(transaction, before, role ?? before.role, state ?? before.state);
      await transaction.audit({
        ...about(row, 'member.change'),
        before: { role: before.role, state: before.state },
        after: { role: row.role, state: row.state },
      });
      return row;
    });
  }

  /** Like `change`. The row stays, as removed. */
  async remove(actor: StaffActor | TenantActor, tenantId: TenantId, memberId: string): Promise<Member | undefined> {
    return this.#postgres.inChangeTransaction(actor, async (transaction) => {
      const before = await lock(transaction, tenantId, memberId);
      if (before === undefined) return undefined;
      refuseKept(before);
      if (before.role === 'tenant_admin') await refuseLastAdmin(transaction, before);
      const row = await write(transaction, before, before.role, 'removed');
      await transaction.audit({
        ...about(row, 'member.remove'),
        before: { email: before.email, role: before.role, state: before.state },
      });
      return row;
    });
  }
}

/**
 * `MemberStore.add` for a tenant that is there, within a transaction that does more.
 * @throws TenantryError CONFLICT when the address is a member's already, or there are too many
 */
export async function addMember(
  transaction: RecordedTransaction,
  actor: StaffActor | TenantActor,
  tenantId: TenantId,
  member: NewMember,
): Promise<Member> {
  const [known] = await transaction.query<{ total: number; same: number }>(
    `select count(*)::int as total, count(*) filter (where email = $2)::int as same
     from tenantry.members where tenant_id = $1 and state <> 'removed'`,
    [tenantId, member.email],
  );
  if ((known?.same ?? 0) > 0) {
    throw new TenantryError('CONFLICT', 'There is a member with this address already.', {
      hint: 'Change the role of that one.',
    });
  }
  if ((known?.total ?? 0) >= MOST_MEMBERS) {
    throw new TenantryError('CONFLICT', `There are ${MOST_MEMBERS} members, which is as many as there can be.`, {
      hint: 'Remove those who are gone.',
    });
  }
  const [row] = await transaction.query<Member>(
    `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
     values ($1, $2, $3, $4, $5, $6) returning ${COLUMNS}`,
    [tenantId, member.email, member.role, member.state, actor.subject, actor.kind !== 'tenant'],
  );
  if (row === undefined) throw new TenantryError('INTERNAL', 'The member just written cannot be read');
  await transaction.audit({ ...about(row, 'member.add'), after: member });
  return row;
}

function about({ memberId, tenantId }: Member, action: string) {
  return { action, resource: `member/${memberId}`, tenantId };
}

/**
 * The member, with the tenant's admins locked before it and in one order: two admins who remove each other at the same
 * moment wait for one another, and the second finds itself the last.
 */
async function lock(
  transaction: RecordedTransaction,
  tenantId: TenantId,
  memberId: string,
): Promise<Member | undefined> {
  const rows = await transaction.query<Member>(
    `select ${COLUMNS} from tenantry.members
     where tenant_id = $1 and state <> 'removed' and (role = 'tenant_admin' or member_id = $2)
     order by member_id for update`,
    [tenantId, memberId],
  );
  return rows.find((row) => row.memberId === memberId);
}

/** It would be undone with the next word of the directory. */
function refuseKept({ keptByDirectory }: Member): void {
  if (!keptByDirectory) return;
  throw new TenantryError('CONFLICT', "The tenant's directory keeps this member.", {
    hint: 'Change the person or their groups there, or which groups stand for which roles.',
  });
}

async function refuseLastAdmin(transaction: RecordedTransaction, { tenantId, memberId }: Member): Promise<void> {
  const others = await transaction.query(
    `select 1 from tenantry.members
     where tenant_id = $1 and role = 'tenant_admin' and state <> 'removed' and member_id <> $2 limit 1`,
    [tenantId, memberId],
  );
  if (others.length > 0) return;
  throw new TenantryError('CONFLICT', 'This is the last admin of the tenant.', {
    hint: 'Make somebody else an admin first.',
  });
}

async function write(
  transaction: RecordedTransaction,
  { tenantId, memberId }: Member,
  role: Member['role'],
  state: Member['state'],
): Promise<Member> {
  const [row] = await transaction.query<Member>(
    `update tenantry.members set role = $3, state = $4, changed_at = clock_timestamp()
     where tenant_id = $1 and member_id = $2 returning ${COLUMNS}`,
    [tenantId, memberId, role, state],
  );
  if (row === undefined) throw new TenantryError('INTERNAL', 'The member just written cannot be read');
  return row;
}
