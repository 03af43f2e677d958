/**
 * What must hold in the catalogue for row security to keep tenants apart, as questions to it: each rule's query returns
 * what breaks it. The tests run them on a fresh schema and prove that each notices; a restore runs them on what it has
 * made, and a backup that reads through row security on what it reads.
 */
import type pg from 'pg';
import { ROLES, SCHEMA } from './roles.ts';

export interface RowSecurityRule {
  readonly name: string;
  /** One row an offender, column `offender`. */
  readonly sql: string;
}

export interface RowSecurityScope {
  /** The service's login, where it is Tenantry's own; undefined: the operator's, whose other rights are not ours. */
  readonly login: string | undefined;
  /** Whether the whole database is Tenantry's, and not the schema alone. */
  readonly wholeDatabase: boolean;
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
const TABLES = `pg_class c join pg_namespace n on n.oid = c.relnamespace`;
const HAS_TENANT = `exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)`;
const OWN_TENANT = `(tenant_id = NULLIF(current_setting('app.current_tenant'::text, true), ''::text))`;
const IS_STAFF = `(current_setting('app.super_admin'::text, true) = 'on'::text)`;

/** The three policies of a tenant table, and nothing else. */
const EXPECTED_POLICIES = `(values
  ('app_tenant', 'PERMISSIVE', '{tenantry_app}', ${quote(OWN_TENANT)}),
  ('app_tenant_only', 'RESTRICTIVE', '{tenantry_app}', ${quote(OWN_TENANT)}),
  ('staff', 'PERMISSIVE', '{tenantry_staff}', ${quote(IS_STAFF)})) as e (name, kind, roles, condition)`;

/** The rules that hold for any schema of ours; what each table grants is written down in the tests. */
export function rowSecurityRules({ login, wholeDatabase }: RowSecurityScope): readonly RowSecurityRule[] {
  const ours = wholeDatabase
    ? `n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`
    : `n.nspname = ${quote(SCHEMA)}`;
  const names = [ROLES.app, ROLES.staff, ...(login === undefined ? [] : [login])];
  const service = names.map((name) => `(${quote(name)})`).join(', ');
  return [...tableRules(ours), ...roleRules(ours, service, login ?? ''), ...otherRules(ours)];
}

/** What breaks any of the rules; empty: nothing does. `client` has to be somebody who may use the schema. */
export async function rowSecurityOffenders(
  client: pg.Client,
  scope: RowSecurityScope = { login: undefined, wholeDatabase: false },
): Promise<readonly { readonly rule: string; readonly offender: string }[]> {
  const found: { rule: string; offender: string }[] = [];
  for (const { name, sql } of rowSecurityRules(scope)) {
    const { rows } = await client.query<{ offender: string }>(sql);
    found.push(...rows.map(({ offender }) => ({ rule: name, offender })));
  }
  return found;
}

function tableRules(ours: string): readonly RowSecurityRule[] {
  return [
    {
      name: '1. every table with a tenant column has row security enabled and forced',
      sql: `select c.relname as offender from ${TABLES}
          where ${ours} and c.relkind in ('r', 'p') and ${HAS_TENANT}
            and not (c.relrowsecurity and c.relforcerowsecurity)`,
    },
    {
      name: '3. views run with the rights of who asks; no materialized views, foreign tables or partitions',
      sql: `select c.relname as offender from ${TABLES}
          where ${ours} and (c.relkind in ('m', 'f') or c.relispartition
            or (c.relkind = 'v' and not coalesce(c.reloptions::text[] && '{security_invoker=true,security_invoker=on}', false)))`,
    },
    {
      name: '4. tenant tables have exactly the three policies, with their conditions for reading and writing',
      sql: `with tables as (select c.relname from ${TABLES} where ${ours} and c.relkind in ('r', 'p') and ${HAS_TENANT})
          select coalesce(p.tablename, t.relname) || ' ' || coalesce(p.policyname, e.name) as offender
          from (tables t cross join ${EXPECTED_POLICIES})
          full join pg_policies p on p.tablename = t.relname and p.policyname = e.name
          where (p.permissive, p.roles::text, p.cmd, p.qual, p.with_check)
                is distinct from (e.kind, e.roles, 'ALL', e.condition, e.condition)`,
    },
    {
      name: "7. where tenants could write, unique keys carry the tenant: a clash would tell of another tenant's row",
      sql: `select i.indexrelid::regclass::text as offender from pg_index i join ${TABLES} on c.oid = i.indrelid
          where ${ours} and i.indisunique and ${HAS_TENANT}
            and (has_any_column_privilege('tenantry_app', c.oid, 'INSERT, UPDATE'))
            and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = any(i.indkey))`,
    },
    {
      name: '7b. foreign keys between tenant tables carry the tenant on both sides',
      sql: `select k.conname as offender from pg_constraint k join ${TABLES} on c.oid = k.conrelid
          where ${ours} and k.contype = 'f' and ${HAS_TENANT}
            and exists (select from pg_attribute a where a.attrelid = k.confrelid and a.attname = 'tenant_id')
            and not exists (
              select from unnest(k.conkey, k.confkey) as pair (here, there)
              join pg_attribute h on h.attrelid = k.conrelid and h.attnum = pair.here and h.attname = 'tenant_id'
              join pg_attribute t on t.attrelid = k.confrelid and t.attnum = pair.there and t.attname = 'tenant_id')`,
    },
  ];
}

function roleRules(ours: string, service: string, login: string): readonly RowSecurityRule[] {
  return [
    {
      name: '2. service roles are not superusers, bypass nothing, create nothing, inherit nothing',
      sql: `select rolname as offender from pg_roles
          where rolname in (select * from (values ${service}, ('tenantry_owner')) r)
            and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolinherit)`,
    },
    {
      name: '2b. service roles belong to no other role, but the login to app and staff',
      sql: `select m.member::regrole || ' in ' || m.roleid::regrole as offender from pg_auth_members m
          join (values ${service}) r (name) on m.member = r.name::regrole
          where not (r.name = ${quote(login)} and m.roleid::regrole::text in ('tenantry_app', 'tenantry_staff')
                     and not m.inherit_option and not m.admin_option)`,
    },
    {
      name: '2c. the owner role owns everything',
      sql: `select c.relname as offender from ${TABLES} where ${ours} and c.relowner <> 'tenantry_owner'::regrole
          union all select proname from pg_proc p join pg_namespace n on n.oid = pronamespace
          where ${ours} and proowner <> 'tenantry_owner'::regrole`,
    },
    {
      name: '2d. service roles may not create objects or temporary tables',
      sql: `select r.name || ' ' || p.kind as offender from (values ${service}) r (name),
            (values ('CREATE'), ('TEMP')) p (kind)
          where ${quote(login)} <> '' and has_database_privilege(r.name, current_database(), p.kind)
          union all select r.name || ' in ' || n.nspname from (values ${service}) r (name), pg_namespace n
          where ${ours} and has_schema_privilege(r.name, n.oid, 'CREATE')`,
    },
  ];
}

function otherRules(ours: string): readonly RowSecurityRule[] {
  return [
    {
      name: "5. no function runs with its owner's rights or claims to be leakproof; all fix their search path; none is open to all",
      sql: `select proname as offender from pg_proc p join pg_namespace n on n.oid = pronamespace
          where ${ours} and (prosecdef or proleakproof or not coalesce(proconfig::text like '%search_path=%', false)
            or exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) g where g.grantee <> proowner))`,
    },
    {
      name: '6. nothing in the database notifies: payloads are readable for every role',
      sql: `select proname as offender from pg_proc p join pg_namespace n on n.oid = pronamespace
          where ${ours} and prosrc ~* '(pg_notify|notify)'`,
    },
    {
      name: '8. the audit log and its chain are guarded by their triggers, and every record is chained',
      sql: `select w.name as offender from (values ('audit_log', 'audit_log_append_only'), ('audit_log', 'audit_log_no_truncate'),
            ('audit_log', 'audit_log_chained'), ('audit_chain', 'audit_chain_append_only'),
            ('audit_chain', 'audit_chain_no_truncate')) w (guarded, name)
          where not exists (select from pg_trigger where tgname = w.name and tgenabled in ('O', 'A')
                            and tgrelid = ('tenantry.' || w.guarded)::regclass)`,
    },
  ];
}
