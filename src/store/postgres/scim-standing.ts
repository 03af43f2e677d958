import type { TenantRole } from '../../domain/roles.ts';
import type { RoleMapping, ScimStanding } from '../../domain/scim.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { subjectHash } from './scim-rows.ts';

interface Known {
  readonly active: boolean;
  readonly role: TenantRole | null;
  /** 1: by the directory's id, 2: by user name, 3: by address. */
  readonly by: number;
}

/** What directories say of the people behind tokens. Asked with every request of a tenant's people: no copy can be late. */
export class ScimStandings {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT */
  async of(tenantId: TenantId, subject: string): Promise<ScimStanding> {
    return this.#postgres.inTenantTransaction(tenantId, async (transaction) => {
      const [found] = await transaction.query<{ known: readonly Known[]; departed: boolean } & RoleMapping>(
        `select coalesce((select jsonb_agg(jsonb_build_object('active', active, 'role', role, 'by',
                   case when external_id = $2 then 1 when lower(user_name) = lower($2) then 2 else 3 end))
                 from tenantry.scim_users
                 where tenant_id = $1 and (external_id = $2 or lower(user_name) = lower($2) or email = lower($2))), '[]') as known,
                exists (select from tenantry.scim_departures where tenant_id = $1 and subject = $3) as departed,
                coalesce((select rules from tenantry.scim_directories where tenant_id = $1), '[]') as rules,
                coalesce((select authoritative from tenantry.scim_directories where tenant_id = $1), false) as authoritative`,
        [tenantId, subject, subjectHash(subject)],
      );
      return found === undefined ? { kind: 'unknown' } : standingOf(found);
    });
  }
}

/** One address may be that of several users, such as an old and a new account: access through any of them counts. */
function standingOf(found: { known: readonly Known[]; departed: boolean } & RoleMapping): ScimStanding {
  const { known, departed, rules, authoritative } = found;
  const best = Math.min(...known.map(({ by }) => by));
  const meant = known.filter(({ by }) => by === best);
  if (meant.length === 0) return { kind: departed ? 'ended' : 'unknown' };
  const person = meant.find(({ active, role }) => active && role !== null) ?? meant.find(({ active }) => active);
  if (person === undefined) return { kind: 'ended' };
  if (person.role !== null) return { kind: 'active', most: person.role };
  return authoritative && rules.length > 0 ? { kind: 'no_role' } : { kind: 'active' };
}
