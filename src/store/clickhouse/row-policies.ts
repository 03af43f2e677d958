import type { TenantId } from '../../domain/tenant-id.ts';
import { DATABASE } from './clickhouse.ts';

/**
 * ClickHouse users of tenants are called this and the tenant's id in hex: a colon in a name, as ids may have one, would end
 * it in HTTP's basic authentication.
 */
const USER_PREFIX = 'tenantry_tenant_';

export function tenantUser(tenantId: TenantId): string {
  return USER_PREFIX + Buffer.from(tenantId).toString('hex');
}

/** Role that every such user has. */
export const TENANT_ROLE = 'tenantry_tenant';

/**
 * Whose rows a user sees is in the user's name, which nothing in a statement can change. A setting could be: a subquery's
 * own `SETTINGS SQL_tenant = 'other'` is taken even where readonly = 1 forbids all setting, and `getSetting` then answers
 * with it (seen on 26.7), so a policy on `getSetting('SQL_tenant')` would be open to whoever may write a subquery.
 */
export const OWN_ROWS = `TenantId = unhex(substring(currentUser(), ${USER_PREFIX.length + 1})) AND startsWith(currentUser(), '${USER_PREFIX}')`;

const POLICIES = {
  /** ANDed with whatever else may be granted: a policy `USING 1` made by somebody else opens nothing. */
  only: { name: 'tenantry_own_rows_only', as: 'RESTRICTIVE', using: OWN_ROWS, to: TENANT_ROLE },
  /** Restrictive policies take away; this is what they take from. */
  own: { name: 'tenantry_own_rows', as: 'PERMISSIVE', using: OWN_ROWS, to: TENANT_ROLE },
  /**
   * A table with a policy for some is empty for all others, unless the server says otherwise
   * (users_without_row_policies_can_read_rows): without this the loader and the pages would find nothing.
   */
  others: { name: 'tenantry_all_rows', as: 'PERMISSIVE', using: '1', to: `ALL EXCEPT ${TENANT_ROLE}` },
} as const;

/**
 * Policies for every table with tenants' rows, as statements that may be repeated. The one for everybody else comes first,
 * so that at no moment a table is empty for the service itself.
 * @param tables of our database, without it
 */
export function rowPolicyStatements(tables: readonly string[], cluster: string): readonly string[] {
  return [POLICIES.others, POLICIES.own, POLICIES.only].flatMap(({ name, as, using, to }) =>
    tables.flatMap((table) => {
      const policy = `${name} ${cluster} ON ${DATABASE}.${table}`;
      const body = `AS ${as} FOR SELECT USING ${using} TO ${to}`;
      // IF NOT EXISTS and then ALTER: OR REPLACE would give it a new identity.
      return [`CREATE ROW POLICY IF NOT EXISTS ${policy} ${body}`, `ALTER ROW POLICY ${policy} ${body}`];
    }),
  );
}

/** What `system.row_policies` says of one policy. */
export interface RowPolicyRow {
  readonly short_name: string;
  readonly table: string;
  readonly is_restrictive: number | boolean;
  readonly select_filter: string;
}

export const ROW_POLICIES_QUERY = `SELECT short_name, table, is_restrictive, ifNull(select_filter, '') AS select_filter
  FROM system.row_policies WHERE database = '${DATABASE}'`;

/** The tables of which tenants would see more than their own rows, as the server has its policies now. */
export function tablesWithoutPolicies(tables: readonly string[], policies: readonly RowPolicyRow[]): readonly string[] {
  const holds = (table: string, name: string, isRestrictive: boolean) =>
    policies.some(
      (policy) =>
        policy.table === table &&
        policy.short_name === name &&
        Boolean(Number(policy.is_restrictive)) === isRestrictive &&
        policy.select_filter.includes('currentUser()') &&
        policy.select_filter.includes(USER_PREFIX),
    );
  return tables.filter((table) => !holds(table, POLICIES.only.name, true) || !holds(table, POLICIES.own.name, false));
}
