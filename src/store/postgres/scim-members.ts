/** Keeps the list of members as a directory's users, groups and rules say. */
import { TenantryError } from '../../domain/errors.ts';
import type { TenantRole } from '../../domain/roles.ts';
import { gainsFirst, type MemberClaim, roleOf, ScimClash, type ScimGroup } from '../../domain/scim.ts';
import { MOST_MEMBERS } from './member-store.ts';
import type { DirectoryChange } from './scim-rows.ts';

interface PersonRow {
  readonly userId: string;
  readonly email: string;
  readonly active: boolean;
  readonly role: TenantRole | null;
  readonly memberId: string | null;
  readonly memberEmail: string | null;
  readonly groups: readonly Pick<ScimGroup, 'displayName' | 'externalId'>[];
}

interface MemberRow {
  readonly memberId: string;
  readonly email: string;
  role: TenantRole;
  /** The user of the directory for whom the row is kept; null: people keep it. */
  userId: string | null;
}

type Claim = MemberClaim & Pick<PersonRow, 'memberId'>;

/**
 * Gives each of the users the role that their groups stand for, and takes it from whom they give none. A member who was
 * added by hand under the same address becomes the directory's. The tenant's last admin is kept unless the directory
 * alone decides; access itself ends all the same, with the user's `active`.
 * @param userIds absent: of all users
 * @throws ScimClash when two users who both have a role have one address, TenantryError CONFLICT for too many members
 */
export async function settleMembers(change: DirectoryChange, userIds?: readonly string[]): Promise<void> {
  const people = await readPeople(change, userIds);
  const claims = people.flatMap((person): Claim[] => {
    const role = person.active ? roleOf(person.groups, change.mapping.rules) : undefined;
    const isSettled =
      (person.role ?? undefined) === role &&
      (person.memberId !== null) === (role !== undefined) &&
      (person.memberEmail ?? person.email) === person.email;
    return isSettled ? [] : [{ userId: person.userId, email: person.email, role, memberId: person.memberId }];
  });
  if (claims.length === 0) return;
  const roll = await Roll.read(change, claims);
  for (const claim of gainsFirst(claims)) {
    const { memberId, role } = claim.role === undefined ? await roll.leave(claim) : await roll.join(claim, claim.role);
    await change.query(
      'update tenantry.scim_users set role = $3, member_id = $4 where tenant_id = $1 and user_id = $2',
      [change.tenantId, claim.userId, role ?? null, memberId ?? null],
    );
  }
}

/** Before a user is deleted: the member goes too, or stays as one whom people keep. */
export async function releaseMember(change: DirectoryChange, userId: string): Promise<void> {
  const person = (await readPeople(change, [userId])).find((one) => one.userId === userId);
  if (person?.memberId === undefined || person.memberId === null) return;
  const claim: Claim = { userId, email: person.email, role: undefined, memberId: person.memberId };
  await (await Roll.read(change, [claim])).leave(claim);
}

/** Admins always: one who was kept as the last may go as soon as there is another. */
async function readPeople({ query, tenantId }: DirectoryChange, userIds?: readonly string[]) {
  return query<PersonRow>(
    `select users.user_id as "userId", users.email, users.active, users.role, users.member_id as "memberId",
            members.email as "memberEmail",
            coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
              'displayName', crowd.display_name, 'externalId', crowd.external_id)))
              filter (where crowd.group_id is not null), '[]') as groups
     from tenantry.scim_users users
     left join tenantry.members members on (members.tenant_id, members.member_id) = (users.tenant_id, users.member_id)
     left join tenantry.scim_group_members belongs on (belongs.tenant_id, belongs.user_id) = (users.tenant_id, users.user_id)
     left join tenantry.scim_groups crowd on (crowd.tenant_id, crowd.group_id) = (belongs.tenant_id, belongs.group_id)
     where users.tenant_id = $1
       and ($2::uuid[] is null or users.user_id = any ($2) or users.role = 'tenant_admin')
     group by users.tenant_id, users.user_id, members.email order by users.user_id`,
    [tenantId, userIds ?? null],
  );
}

/** The members that a change may touch and all admins, locked in the order in which people's changes lock them. */
class Roll {
  readonly #change: DirectoryChange;
  readonly #rows: Map<string, MemberRow>;
  #total: number;

  private constructor(change: DirectoryChange, rows: readonly MemberRow[], total: number) {
    this.#change = change;
    this.#rows = new Map(rows.map((row) => [row.memberId, { ...row }]));
    this.#total = total;
  }

  static async read(change: DirectoryChange, claims: readonly Claim[]): Promise<Roll> {
    const { query, tenantId } = change;
    const rows = await query<Omit<MemberRow, 'userId'>>(
      `select member_id as "memberId", email, role from tenantry.members
       where tenant_id = $1 and state <> 'removed'
         and (role = 'tenant_admin' or member_id = any ($2::uuid[]) or email = any ($3))
       order by member_id for update`,
      [tenantId, claims.flatMap(({ memberId }) => memberId ?? []), claims.map(({ email }) => email)],
    );
    const keepers = await query<{ memberId: string; userId: string }>(
      `select member_id as "memberId", user_id as "userId" from tenantry.scim_users
       where tenant_id = $1 and member_id = any ($2::uuid[])`,
      [tenantId, rows.map(({ memberId }) => memberId)],
    );
    const [count] = await query<{ total: number }>(
      "select count(*)::int as total from tenantry.members where tenant_id = $1 and state <> 'removed'",
      [tenantId],
    );
    const userOf = new Map(keepers.map(({ memberId, userId }) => [memberId, userId]));
    return new Roll(
      change,
      rows.map((row) => ({ ...row, userId: userOf.get(row.memberId) ?? null })),
      count?.total ?? 0,
    );
  }

  /** The member that stands for the user from now on. */
  async join({ userId, email, memberId }: Claim, role: TenantRole) {
    const own = memberId === null ? undefined : this.#rows.get(memberId);
    const there = [...this.#rows.values()].find((row) => row.email === email);
    if (there !== undefined && there.userId !== null && there.userId !== userId) {
      throw new ScimClash(
        `Two users who both get a role have one address: ${userId} and ${there.userId}. Change one, or take it out of the groups.`,
      );
    }
    if (own !== undefined && there === undefined) return this.#write(own, { role, email });
    if (own !== undefined && there !== undefined && there !== own) await this.#remove(own);
    if (there === undefined) return this.#add(userId, email, role);
    there.userId = userId;
    return this.#write(there, { role, email });
  }

  /** The role and member that the user keeps, if any. */
  async leave({ memberId }: Pick<Claim, 'memberId'>): Promise<{ role?: TenantRole; memberId?: string }> {
    const own = memberId === null ? undefined : this.#rows.get(memberId);
    if (own === undefined) return {};
    if (this.#isKept(own)) return { role: own.role, memberId: own.memberId };
    await this.#remove(own);
    return {};
  }

  #isKept(row: MemberRow): boolean {
    if (row.role !== 'tenant_admin' || this.#change.mapping.authoritative) return false;
    return [...this.#rows.values()].filter(({ role }) => role === 'tenant_admin').length === 1;
  }

  async #add(userId: string, email: string, role: TenantRole) {
    if (this.#total >= MOST_MEMBERS) {
      throw new TenantryError('CONFLICT', `There are ${MOST_MEMBERS} members, which is as many as there can be.`);
    }
    const [row] = await this.#change.query<{ memberId: string }>(
      `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
       values ($1, $2, $3, 'active', 'scim', false) returning member_id as "memberId"`,
      [this.#change.tenantId, email, role],
    );
    if (row === undefined) throw new TenantryError('INTERNAL', 'The member just written cannot be read');
    this.#total += 1;
    const member = { memberId: row.memberId, email, role, userId };
    this.#rows.set(row.memberId, member);
    await this.#audit('member.add', member, { after: { email, role, state: 'active' } });
    return { role, memberId: row.memberId };
  }

  async #write(row: MemberRow, to: { readonly role: TenantRole; readonly email: string }) {
    const role = to.role !== row.role && this.#isKept(row) ? row.role : to.role;
    await this.#change.query(
      `update tenantry.members set role = $3, email = $4, state = 'active', changed_at = clock_timestamp()
       where tenant_id = $1 and member_id = $2`,
      [this.#change.tenantId, row.memberId, role, to.email],
    );
    await this.#audit('member.change', row, { before: { role: row.role }, after: { role, state: 'active' } });
    this.#rows.set(row.memberId, { ...row, role, email: to.email });
    return { role, memberId: row.memberId };
  }

  async #remove(row: MemberRow): Promise<void> {
    // The link goes first: a row that was removed stands for nobody.
    const values = [this.#change.tenantId, row.memberId];
    await this.#change.query(
      'update tenantry.scim_users set member_id = null where tenant_id = $1 and member_id = $2',
      values,
    );
    await this.#change.query(
      `update tenantry.members set state = 'removed', changed_at = clock_timestamp()
       where tenant_id = $1 and member_id = $2`,
      values,
    );
    this.#rows.delete(row.memberId);
    this.#total -= 1;
    await this.#audit('member.remove', row, { before: { email: row.email, role: row.role } });
  }

  async #audit(action: string, { memberId }: MemberRow, change: { before?: object; after?: object }): Promise<void> {
    await this.#change.audit({ action, resource: `member/${memberId}`, ...change });
  }
}
