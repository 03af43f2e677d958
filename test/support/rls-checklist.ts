import { GRANTS } from './rls-grants.ts';

/**
 * What must hold for row security to keep tenants apart, as questions to the catalogue. Each rule's query returns what
 * breaks it, so a new table that forgets something is named by the test. Each has ways to break it (`breakers`), run in
 * a transaction that is rolled back, to prove that the rule would notice.
 */
export interface CatalogueRule {
  readonly name: string;
  /** Returns one row per offender, column `offender`. */
  readonly sql: string;
  readonly breakers: readonly string[];
}

/** Tables without a tenant column, each by decision. */
export const GLOBAL_TABLES = [
  'ai_months',
  'alert_routes',
  'allocation_rules',
  'audit_chain',
  'audit_erasures',
  'bill_days',
  'bill_identities',
  'bill_lines',
  'bills',
  'cost_allocations',
  'cost_bases',
  'cost_groups',
  'backtests',
  'contracts',
  'decision_inputs',
  'dedicated_offers',
  'deleted_tenants',
  'deletion_certificates',
  'deploys',
  'detector_state',
  'query_audits',
  'flag_acks',
  'flag_instances',
  'kill_switch',
  'meters',
  'migrations',
  'plan_caps',
  'plan_retention',
  'plan_versions',
  'plans',
  'policy_state',
  'price_versions',
  'prices',
  'report_deliveries',
  'report_schedules',
  'repricings',
  'revenue_features',
  'revenue_imports',
  'retention_runs',
  'revisions',
  'rule_stages',
  'rules',
  'storage_rollup',
  'storage_runs',
  'storage_steps',
  'storage_targets',
  'usage_event_batches',
  'usage_event_ids',
  'usage_event_segments',
];

const OURS = `n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`;
const TABLES = `pg_class c join pg_namespace n on n.oid = c.relnamespace`;
const HAS_TENANT = `exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)`;
const SERVICE_ROLES = `('tenantry_app'), ('tenantry_staff'), ('tenantry_login')`;
const OWN_TENANT = `(tenant_id = NULLIF(current_setting('app.current_tenant'::text, true), ''::text))`;
const IS_STAFF = `(current_setting('app.super_admin'::text, true) = 'on'::text)`;
const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The three policies of a tenant table, and nothing else. */
const EXPECTED_POLICIES = `(values
  ('app_tenant', 'PERMISSIVE', '{tenantry_app}', ${quote(OWN_TENANT)}),
  ('app_tenant_only', 'RESTRICTIVE', '{tenantry_app}', ${quote(OWN_TENANT)}),
  ('staff', 'PERMISSIVE', '{tenantry_staff}', ${quote(IS_STAFF)})) as e (name, kind, roles, condition)`;

export const CATALOGUE_RULES: readonly CatalogueRule[] = [
  {
    name: '1. every table with a tenant column has row security enabled and forced',
    sql: `select c.relname as offender from ${TABLES}
          where ${OURS} and c.relkind in ('r', 'p') and ${HAS_TENANT}
            and not (c.relrowsecurity and c.relforcerowsecurity)`,
    breakers: [
      'create table tenantry.fresh (tenant_id text, n int)',
      'alter table tenantry.flags no force row level security',
      'alter table tenantry.keys disable row level security',
    ],
  },
  {
    name: '1b. a table without a tenant column is one of those decided on',
    sql: `select n.nspname || '.' || c.relname as offender from ${TABLES}
          where ${OURS} and c.relkind in ('r', 'p', 'f') and not ${HAS_TENANT}
            and not (n.nspname = 'tenantry' and c.relname = any('{${GLOBAL_TABLES.join(',')}}'))`,
    breakers: ['create table tenantry.notes (about text)', 'create table public.stray (n int)'],
  },
  {
    name: '2. service roles are not superusers, bypass nothing, create nothing, inherit nothing',
    sql: `select rolname as offender from pg_roles
          where rolname in (select * from (values ${SERVICE_ROLES}, ('tenantry_owner')) r)
            and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolinherit)`,
    breakers: [
      'alter role tenantry_app bypassrls',
      'alter role tenantry_staff superuser',
      'alter role tenantry_login inherit',
      'alter role tenantry_owner createrole',
    ],
  },
  {
    name: '2b. service roles belong to no other role, but the login to app and staff',
    sql: `select m.member::regrole || ' in ' || m.roleid::regrole as offender from pg_auth_members m
          join (values ${SERVICE_ROLES}) r (name) on m.member = r.name::regrole
          where not (r.name = 'tenantry_login' and m.roleid::regrole::text in ('tenantry_app', 'tenantry_staff')
                     and not m.inherit_option and not m.admin_option)`,
    breakers: [
      'grant pg_read_all_data to tenantry_app',
      'grant tenantry_owner to tenantry_login',
      'grant tenantry_staff to tenantry_app',
      'grant tenantry_staff to tenantry_login with inherit true',
    ],
  },
  {
    name: '2c. the owner role owns everything',
    sql: `select c.relname as offender from ${TABLES} where ${OURS} and c.relowner <> 'tenantry_owner'::regrole
          union all select proname from pg_proc p join pg_namespace n on n.oid = pronamespace
          where ${OURS} and proowner <> 'tenantry_owner'::regrole`,
    breakers: ['alter table tenantry.caps owner to tenantry_app', 'create table tenantry.mine (tenant_id text)'],
  },
  {
    name: '2d. service roles may not create objects or temporary tables',
    sql: `select r.name || ' ' || p.kind as offender from (values ${SERVICE_ROLES}) r (name),
            (values ('CREATE'), ('TEMP')) p (kind)
          where has_database_privilege(r.name, current_database(), p.kind)
          union all select r.name || ' in ' || n.nspname from (values ${SERVICE_ROLES}) r (name), pg_namespace n
          where ${OURS} and has_schema_privilege(r.name, n.oid, 'CREATE')`,
    breakers: [
      'do $$ begin execute format($q$grant temp on database %I to public$q$, current_database()); end $$',
      'grant create on schema tenantry to tenantry_app',
      'grant create on schema public to public',
    ],
  },
  {
    name: '2e. tables grant exactly what is written down, to exactly the two roles, and no column more',
    sql: `with actual as (
            select c.relname, g.grantee::regrole::text as role, string_agg(g.privilege_type, ', ' order by g.privilege_type) as rights
            from ${TABLES}, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) g
            where ${OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f') and g.grantee <> c.relowner group by 1, 2),
          expected (relname, role, rights) as (values ${Object.entries(GRANTS)
            .flatMap(([table, { app, staff }]) => [
              `('${table}', 'tenantry_app', '${app}')`,
              `('${table}', 'tenantry_staff', '${staff}')`,
            ])
            .join(', ')})
          select coalesce(a.relname, e.relname) || ' ' || coalesce(a.role, e.role) || ' ' || coalesce(a.rights, '') as offender
          from actual a full join expected e on e.relname = a.relname and e.role = a.role
          where coalesce(a.rights, '') <> coalesce(e.rights, '')
          union all select c.relname || '.' || t.attname from pg_attribute t join ${TABLES} on c.oid = t.attrelid
          where ${OURS} and t.attacl is not null
          union all select c.relname from ${TABLES}, aclexplode(c.relacl) g
          where ${OURS} and c.relkind = 'S' and g.grantee <> c.relowner`,
    breakers: [
      'grant truncate on tenantry.caps to tenantry_app',
      'grant select on tenantry.plans to public',
      'grant update (reason) on tenantry.flags to tenantry_app',
      'grant delete on tenantry.audit_log to tenantry_staff',
      'grant usage on sequence tenantry.audit_log_seq_seq to tenantry_staff',
      'revoke select on tenantry.flags from tenantry_app',
    ],
  },
  {
    name: '3. views run with the rights of who asks; no materialized views, foreign tables or partitions',
    sql: `select c.relname as offender from ${TABLES}
          where ${OURS} and (c.relkind in ('m', 'f') or c.relispartition
            or (c.relkind = 'v' and not coalesce(c.reloptions::text[] && '{security_invoker=true,security_invoker=on}', false)))`,
    breakers: [
      'create view tenantry.every_flag as select * from tenantry.flags',
      'create materialized view tenantry.kept as select * from tenantry.flags',
      'create table tenantry.parts (tenant_id text) partition by list (tenant_id); create table tenantry.part_a partition of tenantry.parts default',
    ],
  },
  {
    name: '4. tenant tables have exactly the three policies, with their conditions for reading and writing',
    sql: `with tables as (select c.relname from ${TABLES} where ${OURS} and c.relkind in ('r', 'p') and ${HAS_TENANT})
          select coalesce(p.tablename, t.relname) || ' ' || coalesce(p.policyname, e.name) as offender
          from (tables t cross join ${EXPECTED_POLICIES})
          full join pg_policies p on p.tablename = t.relname and p.policyname = e.name
          where (p.permissive, p.roles::text, p.cmd, p.qual, p.with_check)
                is distinct from (e.kind, e.roles, 'ALL', e.condition, e.condition)`,
    breakers: [
      'create policy stray on tenantry.flags using (true)',
      'drop policy app_tenant_only on tenantry.anomalies',
      'alter policy app_tenant on tenantry.tenants to public',
      'alter policy app_tenant on tenantry.caps with check (true)',
      'alter policy staff on tenantry.keys using (true)',
      'create policy open on tenantry.plans using (true)',
    ],
  },
  {
    name: "5. no function runs with its owner's rights or claims to be leakproof; all fix their search path; none is open to all",
    sql: `select proname as offender from pg_proc p join pg_namespace n on n.oid = pronamespace
          where ${OURS} and (prosecdef or proleakproof or not coalesce(proconfig::text like '%search_path=%', false)
            or exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) g where g.grantee <> proowner))`,
    breakers: [
      `create function tenantry.peek() returns bigint language sql security definer set search_path = pg_catalog as 'select 1::bigint'; revoke all on function tenantry.peek from public`,
      `create function tenantry.open_to_all() returns int language sql set search_path = pg_catalog as 'select 1'`,
      'alter function tenantry.refuse_audit_change() reset search_path',
      'alter function tenantry.refuse_audit_change() leakproof',
    ],
  },
  {
    name: '6. nothing in the database notifies: payloads are readable for every role',
    sql: `select proname as offender from pg_proc p join pg_namespace n on n.oid = pronamespace
          where ${OURS} and prosrc ~* '(pg_notify|notify)'`,
    breakers: [
      `create function tenantry.tell() returns trigger language plpgsql set search_path = pg_catalog as $$ begin perform pg_notify('x', new.reason); return new; end $$`,
    ],
  },
  {
    name: "7. where tenants could write, unique keys carry the tenant: a clash would tell of another tenant's row",
    sql: `select i.indexrelid::regclass::text as offender from pg_index i join ${TABLES} on c.oid = i.indrelid
          where ${OURS} and i.indisunique and ${HAS_TENANT}
            and (has_any_column_privilege('tenantry_app', c.oid, 'INSERT, UPDATE'))
            and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = any(i.indkey))`,
    breakers: [
      'grant insert on tenantry.keys to tenantry_app',
      'create unique index on tenantry.caps (created_at); grant insert on tenantry.caps to tenantry_app',
    ],
  },
  {
    name: '7b. foreign keys between tenant tables carry the tenant on both sides',
    sql: `select k.conname as offender from pg_constraint k join ${TABLES} on c.oid = k.conrelid
          where ${OURS} and k.contype = 'f' and ${HAS_TENANT}
            and exists (select from pg_attribute a where a.attrelid = k.confrelid and a.attname = 'tenant_id')
            and not exists (
              select from unnest(k.conkey, k.confkey) as pair (here, there)
              join pg_attribute h on h.attrelid = k.conrelid and h.attnum = pair.here and h.attname = 'tenant_id'
              join pg_attribute t on t.attrelid = k.confrelid and t.attnum = pair.there and t.attname = 'tenant_id')`,
    breakers: [
      'alter table tenantry.anomalies add unique (id); alter table tenantry.caps add anomaly_id uuid references tenantry.anomalies (id)',
    ],
  },
  {
    name: '8. the audit log and its chain are guarded by their triggers, and every record is chained',
    sql: `select w.name as offender from (values ('audit_log', 'audit_log_append_only'), ('audit_log', 'audit_log_no_truncate'),
            ('audit_log', 'audit_log_chained'), ('audit_chain', 'audit_chain_append_only'),
            ('audit_chain', 'audit_chain_no_truncate')) w (guarded, name)
          where not exists (select from pg_trigger where tgname = w.name and tgenabled in ('O', 'A')
                            and tgrelid = ('tenantry.' || w.guarded)::regclass)`,
    breakers: [
      'drop trigger audit_log_chained on tenantry.audit_log',
      'alter table tenantry.audit_chain disable trigger audit_chain_append_only',
      'drop trigger audit_log_append_only on tenantry.audit_log',
      'alter table tenantry.audit_log disable trigger audit_log_no_truncate',
    ],
  },
];

/** First releases of each major version with the fixes for CVE-2024-10976 and CVE-2025-8713 (row security). */
const PATCHED: Readonly<Record<number, number>> = { 15: 150_014, 16: 160_010, 17: 170_006 };

/** `version` as in server_version_num. */
export function hasRowSecurityFixes(version: number): boolean {
  const major = Math.floor(version / 10_000);
  return major >= 18 || version >= (PATCHED[major] ?? Number.POSITIVE_INFINITY);
}
