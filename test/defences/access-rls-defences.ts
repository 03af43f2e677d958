import type { Defence } from './defence.ts';

const RULES = ['test/rules/rls.test.ts'];
const TRANSACTIONS = ['test/store/postgres/postgres.test.ts'];
const CHAIN = ['test/store/postgres/audit-chain.test.ts'];
const EMBEDDED = ['test/store/clickhouse/embedded-clickhouse.test.ts'];
const TENANTS = 'src/store/postgres/migrations/0001_tenants.sql';
const AUDIT = 'src/store/postgres/migrations/0005_audit_log.sql';
/** Its function is replaced by no later migration, which would put the defence back. */
const AUDIT_CHAIN = 'src/store/postgres/migrations/0027_audit_chain.sql';
const MEMBERS = 'src/store/postgres/migrations/0025_members_and_deletions.sql';
const ROLES = 'src/store/postgres/roles.ts';
const DOOR = 'src/store/postgres/postgres.ts';

/** What keeps one tenant's rows from another in both stores, and the audit log from everybody's hands. */
export const RLS_DEFENCES: readonly Defence[] = [
  {
    name: 'row security 1: forced on tenant tables',
    promise: 'the owner of a table sees no rows of tenants either',
    file: TENANTS,
    from: "  execute format('alter table %s force row level security', target);\n",
    to: '',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 1: enabled on tenant tables',
    promise: 'a tenant sees its own rows only',
    file: TENANTS,
    from: "  execute format('alter table %s enable row level security', target);\n",
    to: '',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 2: roles that inherit nothing',
    promise: "the service's roles can do what they were given, and nothing else",
    file: ROLES,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    from: '`create role ${role} nologin noinherit`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    to: '`create role ${role} nologin inherit`',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 2: no right to truncate, which row security does not see',
    promise: "the service's roles can do what they were given, and nothing else",
    file: TENANTS,
    from: 'grant select, insert, update on tenantry.tenants to tenantry_staff;',
    to: 'grant select, insert, update, truncate on tenantry.tenants to tenantry_staff;',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 3: views run with the rights of who asks',
    promise: 'no view shows rows that its table does not',
    file: TENANTS,
    from: 'grant select on tenantry.tenants to tenantry_app;\n',
    to: 'grant select on tenantry.tenants to tenantry_app;\ncreate view tenantry.everybody as select * from tenantry.tenants;\n',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 4: the restrictive policy',
    promise: 'a policy that somebody adds by mistake opens nothing',
    file: TENANTS,
    from: "  execute format('create policy app_tenant_only on %s as restrictive for all to tenantry_app using (%s) with check (%s)',\n    target, own_tenant, own_tenant);\n",
    to: '',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 4: the condition on what is written',
    promise: 'no tenant writes rows for another',
    file: TENANTS,
    from: "  execute format('create policy app_tenant on %s as permissive for all to tenantry_app using (%s) with check (%s)',\n    target, own_tenant, own_tenant);",
    to: "  execute format('create policy app_tenant on %s as permissive for all to tenantry_app using (%s) with check (true)',\n    target, own_tenant);",
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 5: functions fix their search path',
    promise: 'nobody slips a function of their own under ours',
    file: AUDIT_CHAIN,
    from: 'language plpgsql\nset search_path = pg_catalog, pg_temp\n',
    to: 'language plpgsql\n',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 5: no function for everybody',
    promise: 'nobody calls what was not meant for them',
    file: TENANTS,
    from: 'alter default privileges for role tenantry_owner revoke execute on routines from public;\n',
    to: '',
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 6: nothing in the database notifies',
    promise: 'no payload that every role can read tells of a tenant',
    file: AUDIT_CHAIN,
    from: "  perform pg_advisory_xact_lock(7070, hashtext('audit-chain'));\n",
    to: "  perform pg_notify('tenantry', new.tenant_id);\n  perform pg_advisory_xact_lock(7070, hashtext('audit-chain'));\n",
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 7: unique keys carry the tenant',
    promise: "a clash never tells of another tenant's row",
    file: MEMBERS,
    from: "create unique index members_once on tenantry.members (tenant_id, email) where state <> 'removed';",
    to: "create unique index members_once on tenantry.members (email) where state <> 'removed';",
    tests: RULES,
    only: 'the catalogue checklist',
  },
  {
    name: 'row security 8: nobody may pass it by, whatever is switched off',
    promise: 'without row security a statement fails and leaks nothing',
    file: ROLES,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    from: '`create role ${role} nologin noinherit`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    to: '`create role ${role} nologin noinherit bypassrls`',
    tests: RULES,
    only: 'rows of',
  },
  {
    name: 'row security 9: a server with the fixes',
    promise: 'a server whose row security has known holes is noticed',
    file: 'test/support/rls-checklist.ts',
    from: '  return major >= 18 || version >= (PATCHED[major] ?? Number.POSITIVE_INFINITY);\n',
    to: '  return major >= 18 || version >= 150_000 || PATCHED[major] === 0;\n',
    tests: RULES,
    only: '9. the server',
  },
  {
    name: 'append-only audit log',
    promise: 'no record is changed or deleted, by whomever',
    file: AUDIT,
    from: 'create trigger audit_log_append_only before update or delete on tenantry.audit_log\n  for each row execute function tenantry.refuse_audit_change();\n',
    to: '',
    tests: RULES,
    only: 'cannot change the audit log',
  },
  {
    name: 'the audit chain: each link over the one before',
    promise: 'an edit, a deletion or another order shows',
    file: 'src/store/postgres/audit-chain.ts',
    from: ".update(Buffer.from(previous, 'hex')).update(payload)",
    to: '.update(payload)',
    tests: CHAIN,
  },
  {
    name: 'the audit chain: places without gaps',
    promise: 'a deletion shows',
    file: 'src/store/postgres/audit-chain.ts',
    from: '    if (position !== expected) {',
    to: '    if (position < expected) {',
    tests: CHAIN,
  },
  {
    name: 'the audit chain: heads that earlier checks kept',
    promise: 'an end that was cut off shows',
    file: 'src/store/postgres/audit-chain.ts',
    from: '      if (head.position <= position) continue;\n',
    to: '      if (head.position > 0) continue;\n',
    tests: CHAIN,
  },
  {
    name: 'settings for the transaction only',
    promise: 'nothing of the last user of a connection holds for the next',
    file: DOOR,
    from: "set_config('app.current_tenant', $1, true), set_config('app.super_admin', $2, true)",
    to: "set_config('app.current_tenant', $1, false), set_config('app.super_admin', $2, false)",
    tests: TRANSACTIONS,
  },
  {
    name: 'the tenant of a transaction',
    promise: 'a transaction of a tenant sees that tenant',
    file: DOOR,
    from: "return this.#transact(ROLES.app, [tenant, 'off'], fn);",
    to: "return this.#transact(ROLES.staff, [tenant, 'on'], fn);",
    tests: TRANSACTIONS,
  },
  {
    name: 'a connection in doubt is destroyed',
    promise: 'nobody gets a connection on which something still runs',
    file: DOOR,
    from: '      client.release(doubt);',
    to: '      client.release(doubt && false);',
    tests: ['test/store/postgres/postgres-faults.test.ts', ...TRANSACTIONS],
  },
  {
    name: 'no change without a record',
    promise: 'whatever people of the operator change is in the audit log',
    file: DOOR,
    from: '      if (!accounted) await this.#refuseUnrecordedWrite(transaction);\n      if (!accounted && actor',
    to: '      if (!accounted && actor',
    tests: TRANSACTIONS,
  },
  {
    name: 'the engine filter',
    promise: 'a question that forgets its WHERE still sees one tenant',
    file: 'src/store/clickhouse/tenant-tables.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    from: ': `TenantId = ${quoted(scope.tenant)}`;',
    to: ": '1';",
    tests: EMBEDDED,
    only: 'whose text forgot to say so',
  },
  {
    name: 'the tenant of every row',
    promise: 'an answer with one row of another tenant is not sent',
    file: 'src/store/clickhouse/answer-check.ts',
    from: '(tenant !== undefined && rest[TENANT_COLUMN] !== tenant)',
    to: '(tenant !== undefined && rest[TENANT_COLUMN] === null)',
    tests: EMBEDDED,
    only: 'an answer',
  },
  {
    name: 'the nonce of every row',
    promise: 'an answer with one row of another question is not sent',
    file: 'src/store/clickhouse/answer-check.ts',
    from: 'found !== nonce || ',
    to: '(found === undefined && nonce === undefined) || ',
    tests: ['test/store/clickhouse/failing-queries.test.ts', ...EMBEDDED],
  },
];
