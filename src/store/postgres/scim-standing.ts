import type { TenantRole } from '../../domain/roles.ts';
import type { RoleMapping, ScimStanding } from '../../domain/scim.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { NAMES_KEPT, subjectHash } from './scim-rows.ts';
import type { Transaction } from './transaction.ts';

interface Known {
  readonly active: boolean;
  readonly role: TenantRole | null;
  /** 1: by the directory's id, 2: by user name, 3: by address, 4: by another address, a former name or that of a deleted user. */
  readonly by: number;
}
type Found = { readonly known: readonly Known[] } & RoleMapping;

/** What directories say of the people behind tokens. Asked with every request of a tenant's people: no copy can be late. */
export class ScimStandings {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT */
  async of(tenantId: TenantId, subject: string): Promise<ScimStanding> {
    return this.#postgres.inTenantTransaction(tenantId, (transaction) => readStanding(transaction, tenantId, subject));
  }
}

/** Under row security of the tenant, or within a change of its directory. */
export async function readStanding(
  transaction: Transaction,
  tenantId: TenantId,
  subject: string,
): Promise<ScimStanding> {
  const [found] = await transaction.query<Found>(
    `with known as (
       select active, role, case when external_id = $2 then 1 when lower(user_name) = lower($2) then 2 else 3 end as by
       from tenantry.scim_users
       where tenant_id = $1 and (external_id = $2 or lower(user_name) = lower($2) or email = lower($2))
       union all
       select coalesce(users.active, false), users.role, 4
       from tenantry.scim_names names
       left join tenantry.scim_users users on (users.tenant_id, users.user_id) = (names.tenant_id, names.user_id)
       where names.tenant_id = $1 and names.subject = $3
         and (names.left_at is null or names.left_at > clock_timestamp() - $4::interval))
     select coalesce((select jsonb_agg(known) from known), '[]') as known,
            coalesce((select rules from tenantry.scim_directories where tenant_id = $1), '[]') as rules,
            coalesce((select authoritative from tenantry.scim_directories where tenant_id = $1), false) as authoritative`,
    [tenantId, subject, subjectHash(subject), NAMES_KEPT],
  );
  return found === undefined ? { kind: 'unknown' } : standingOf(found);
}

/** One address may be that of several users, such as an old and a new account: access through any of them counts. */
function standingOf({ known, rules, authoritative }: Found): ScimStanding {
  const decides = authoritative && rules.length > 0;
  const best = Math.min(...known.map(({ by }) => by));
  const meant = known.filter(({ by }) => by === best);
  if (meant.length === 0) return { kind: decides ? 'no_role' : 'unknown' };
  const person = meant.find(({ active, role }) => active && role !== null) ?? meant.find(({ active }) => active);
  if (person === undefined) return { kind: 'ended' };
  if (person.role !== null) return { kind: 'active', most: person.role };
  return { kind: decides ? 'no_role' : 'active' };
}
