import { rowSecurityRules } from '../../src/store/postgres/row-security.ts';
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

/** Ways to break each of the program's own rules, by its number. */
const BREAKERS: Readonly<Record<string, readonly string[]>> = {
  '1': [
    'create table tenantry.fresh (tenant_id text, n int)',
    'alter table tenantry.flags no force row level security',
    'alter table tenantry.keys disable row level security',
  ],
  '2': [
    'alter role tenantry_app bypassrls',
    'alter role tenantry_staff superuser',
    'alter role tenantry_login inherit',
    'alter role tenantry_owner createrole',
  ],
  '2b': [
    'grant pg_read_all_data to tenantry_app',
    'grant tenantry_owner to tenantry_login',
    'grant tenantry_staff to tenantry_app',
    'grant tenantry_staff to tenantry_login with inherit true',
  ],
  '2c': ['alter table tenantry.caps owner to tenantry_app', 'create table tenantry.mine (tenant_id text)'],
  '2d': [
    'do $$ begin execute format($q$grant temp on database %I to public$q$, current_database()); end $$',
    'grant create on schema tenantry to tenantry_app',
    'grant create on schema public to public',
  ],
  '3': [
    'create view tenantry.every_flag as select * from tenantry.flags',
    'create materialized view tenantry.kept as select * from tenantry.flags',
    'create table tenantry.parts (tenant_id text) partition by list (tenant_id); create table tenantry.part_a partition of tenantry.parts default',
  ],
  '4': [
    'create policy stray on tenantry.flags using (true)',
    'drop policy app_tenant_only on tenantry.anomalies',
    'alter policy app_tenant on tenantry.tenants to public',
    'alter policy app_tenant on tenantry.caps with check (true)',
    'alter policy staff on tenantry.keys using (true)',
    'create policy open on tenantry.plans using (true)',
  ],
  '5': [
    `create function tenantry.peek() returns bigint language sql security definer set search_path = pg_catalog as 'select 1::bigint'; revoke all on function tenantry.peek from public`,
    `create function tenantry.open_to_all() returns int language sql set search_path = pg_catalog as 'select 1'`,
    'alter function tenantry.refuse_audit_change() reset search_path',
    'alter function tenantry.refuse_audit_change() leakproof',
  ],
  '6': [
    `create function tenantry.tell() returns trigger language plpgsql set search_path = pg_catalog as $$ begin perform pg_notify('x', new.reason); return new; end $$`,
  ],
  '7': [
    'grant insert on tenantry.keys to tenantry_app',
    'create unique index on tenantry.caps (created_at); grant insert on tenantry.caps to tenantry_app',
  ],
  '7b': [
    'alter table tenantry.anomalies add unique (id); alter table tenantry.caps add anomaly_id uuid references tenantry.anomalies (id)',
  ],
  '8': [
    'drop trigger audit_log_chained on tenantry.audit_log',
    'alter table tenantry.audit_chain disable trigger audit_chain_append_only',
    'drop trigger audit_log_append_only on tenantry.audit_log',
    'alter table tenantry.audit_log disable trigger audit_log_no_truncate',
  ],
};

const OWN_RULES: readonly CatalogueRule[] = rowSecurityRules({ login: 'tenantry_login', wholeDatabase: true }).map(
  ({ name, sql }) => {
    const breakers = BREAKERS[name.slice(0, name.indexOf('.'))];
    if (breakers === undefined) throw new Error(`nothing proves that this rule notices anything: ${name}`);
    return { name, sql, breakers };
  },
);

export const CATALOGUE_RULES: readonly CatalogueRule[] = [
  ...OWN_RULES,
  {
    name: '1b. a table without a tenant column is one of those decided on',
    sql: `select n.nspname || '.' || c.relname as offender from ${TABLES}
          where ${OURS} and c.relkind in ('r', 'p', 'f') and not ${HAS_TENANT}
            and not (n.nspname = 'tenantry' and c.relname = any('{${GLOBAL_TABLES.join(',')}}'))`,
    breakers: ['create table tenantry.notes (about text)', 'create table public.stray (n int)'],
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
];

/** First releases of each major version with the fixes for CVE-2024-10976 and CVE-2025-8713 (row security). */
const PATCHED: Readonly<Record<number, number>> = { 15: 150_014, 16: 160_010, 17: 170_006 };

/** `version` as in server_version_num. */
export function hasRowSecurityFixes(version: number): boolean {
  const major = Math.floor(version / 10_000);
  return major >= 18 || version >= (PATCHED[major] ?? Number.POSITIVE_INFINITY);
}
