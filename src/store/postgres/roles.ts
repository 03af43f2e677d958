/**
 * The database roles, made before the first migration and checked at every start:
 *
 *   tenantry_owner   owns schema and tables; migrations only. Row security is forced on it too.
 *   tenantry_app     what a tenant's request runs as: sees one tenant (`app.current_tenant`)
 *   tenantry_staff   what the operator's people and Tenantry itself run as: sees all, when `app.super_admin` is on
 *
 * None of them logs in, bypasses row security or is a superuser. The login (embedded: `tenantry_login`; otherwise the
 * user of DATABASE_URL) may switch to app and staff, inherits nothing from them, and every transaction begins with
 * SET LOCAL ROLE. So even a superuser in DATABASE_URL works under row security.
 *
 * DATABASE_URL's user needs either CREATEROLE and CREATE on the database, or a DBA who runs what `setupHint` says.
 * Give Tenantry a database of its own.
 */
import type pg from 'pg';
import { TenantryError } from '../../domain/errors.ts';
import { postgresCode } from './retryable.ts';

export const SCHEMA = 'tenantry';
export const ROLES = { owner: 'tenantry_owner', app: 'tenantry_app', staff: 'tenantry_staff' } as const;
type RoleName = (typeof ROLES)[keyof typeof ROLES];

/** SET ROLE without inheriting is an option of the membership from PostgreSQL 16 on. */
const HAS_MEMBERSHIP_OPTIONS = 160_000;
const OLDEST_SERVER = 150_000;
const INSUFFICIENT_PRIVILEGE = '42501';
/** Two first starts at once on one server: roles are shared by all its databases, so our lock does not cover them. */
const ALREADY_THERE = new Set(['42710', '23505', '42P06']);

/** Makes what is missing of roles and schema. Needs no right to do so when nothing is missing. */
export async function ensureRoles(client: pg.Client): Promise<void> {
  const { rows: server } = await client.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  if ((server[0]?.version ?? 0) < OLDEST_SERVER) {
    throw new TenantryError('CONFIG_INVALID', 'The PostgreSQL server of DATABASE_URL is older than version 15', {
      hint: 'Use PostgreSQL 15 or newer.',
    });
  }
  for (const role of Object.values(ROLES)) await ensureRole(client, role);
  await refusePowerfulRoles(client);
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [SCHEMA]);
  if (rows.length > 0) return;
  await ensureMayBecome(client, ROLES.owner, undefined);
  await allowing(client, () => client.query(`create schema ${SCHEMA} authorization ${ROLES.owner}`));
}

/** Lets `login` (default: the connection's own user) switch to `role`. */
export async function ensureMayBecome(client: pg.Client, role: RoleName, login: string | undefined): Promise<void> {
  const { rows } = await client.query<{ login: string; version: number }>(
    `select coalesce($1, current_user::text) as login, current_setting('server_version_num')::int as version`,
    [login],
  );
  const { login: name = '', version = 0 } = rows[0] ?? {};
  const modern = version >= HAS_MEMBERSHIP_OPTIONS;
  const { rows: member } = await client.query<{ may: boolean }>('select pg_has_role($1, $2, $3) as may', [
    name,
    role,
    modern ? 'SET' : 'MEMBER',
  ]);
  if (member[0]?.may === true) return;
  const options = modern ? ' with inherit false, set true' : '';
  await allowing(client, () => client.query(`grant ${role} to ${client.escapeIdentifier(name)}${options}`));
}

async function ensureRole(client: pg.Client, role: RoleName): Promise<void> {
  const { rows } = await client.query('select from pg_roles where rolname = $1', [role]);
  if (rows.length > 0) return;
  await allowing(client, () => client.query(`create role ${role} nologin noinherit`));
}

/** A superuser or BYPASSRLS role sees every row, forced row security or not. */
async function refusePowerfulRoles(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>(
    'select rolname from pg_roles where rolname = any($1) and (rolsuper or rolbypassrls)',
    [Object.values(ROLES)],
  );
  if (rows.length === 0) return;
  const names = rows.map((row) => row.rolname).join(', ');
  throw new TenantryError('CONFIG_INVALID', `${names} may bypass row security, which keeps tenants apart`, {
    hint: `ALTER ROLE ${names} NOSUPERUSER NOBYPASSRLS;`,
  });
}

async function allowing(client: pg.Client, statement: () => Promise<unknown>): Promise<void> {
  try {
    await statement();
  } catch (error) {
    const code = postgresCode(error);
    if (code !== undefined && ALREADY_THERE.has(code)) return;
    if (code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new TenantryError('CONFIG_INVALID', "DATABASE_URL's user may not set up Tenantry's roles and schema", {
      hint: setupHint(client),
      cause: error,
    });
  }
}

function setupHint(client: pg.Client): string {
  const user = client.escapeIdentifier(client.user ?? 'user');
  const database = client.escapeIdentifier(client.database ?? 'database');
  return `Let an administrator run: ALTER ROLE ${user} CREATEROLE; GRANT CREATE ON DATABASE ${database} TO ${user};`;
}
