import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { CATALOGUE_RULES, GLOBAL_TABLES, hasRowSecurityFixes } from '../support/rls-checklist.ts';
import { GRANTS } from '../support/rls-grants.ts';

let db: TestPostgres;
/** Superuser. */
let owner: pg.Client;

/** One row for tenant $1 in every table with a tenant column; a new table must be added here. */
const FIXTURES: Readonly<Record<string, string>> = {
  tenants: `insert into tenantry.tenants (tenant_id) values ($1)`,
  keys: `insert into tenantry.keys (name, sha256, scopes, tenant_id, created_by)
         values ('k', encode(sha256($1::text::bytea), 'hex'), '{ingest}', $1, 'test')`,
  members: `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
            values ($1, 'ada@example.com', 'viewer', 'invited', 'test', true)`,
  scim_directories: `insert into tenantry.scim_directories (tenant_id) values ($1)`,
  scim_users: `insert into tenantry.scim_users (tenant_id, user_name, email, active, content)
               values ($1, gen_random_uuid()::text, 'ada@example.com', true, '{}')`,
  scim_groups: `insert into tenantry.scim_groups (tenant_id, display_name) values ($1, gen_random_uuid()::text)`,
  scim_group_members: `with person as (
                         insert into tenantry.scim_users (tenant_id, user_name, email, active, content)
                         values ($1, gen_random_uuid()::text, 'ada@example.com', true, '{}') returning user_id),
                       crowd as (
                         insert into tenantry.scim_groups (tenant_id, display_name)
                         values ($1, gen_random_uuid()::text) returning group_id)
                       insert into tenantry.scim_group_members (tenant_id, group_id, user_id)
                       select $1, group_id, user_id from person, crowd`,
  scim_names: `insert into tenantry.scim_names (tenant_id, subject, user_id) values ($1, sha256('x'), gen_random_uuid())`,
  legal_holds: `insert into tenantry.legal_holds (tenant_id, reason, set_by) values ($1, 'test', 'test')`,
  deletion_requests: `insert into tenantry.deletion_requests (tenant_id, reason, requested_by, requested_by_operator, not_before)
                      values ($1, 'test', 'test', true, now() + interval '1 hour')`,
  tenant_exports: `insert into tenantry.tenant_exports (tenant_id, format, audience, sections, asked_by, asked_by_operator)
                   values ($1, 'csv', 'tenant', '{usage}', 'test', false)`,
  tenant_restores: `insert into tenantry.tenant_restores (tenant_id, question, asked_by) values ($1, '{}', 'test')`,
  embed_tokens: `insert into tenantry.embed_tokens (tenant_id, views, created_by, expires_at)
                 values ($1, '{usage}', 'test', now() + interval '1 hour')`,
  anomalies: `insert into tenantry.anomalies (tenant_id, metric, started_at, detected_at, value, baseline, ratio, rule, reason)
              values ($1, 'requests', now(), now(), 30, 10, 3, 'rule/1', 'test')`,
  flags: `insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
          values ($1, 'degrade', '{"feature": "ai"}', '{"step": "warn"}', 'enforce', 'test', 'test', now(), now() + interval '1 hour', 1)`,
  audit_log: `insert into tenantry.audit_log (subject, role, tenant_id, action, resource) values ('x', 'admin', $1, 'test', 'test')`,
  caps: `insert into tenantry.caps (tenant_id, period, amount_micro, currency) values ($1, 'day', 1, 'USD')`,
  spend_accounts: `insert into tenantry.spend_accounts (tenant_id, period, key, model, period_start, period_end, reserved_micro,
                     spent_micro, presumed_micro, calls, unpriced_calls, excess_calls, excess_micro, largest_excess_micro,
                     unreserved_micro, refusals)
                   values ($1, 'day', '', '', now(), now() + interval '1 day', 0, 1, 0, 1, 0, 0, 0, 0, 0, 0)`,
  spend_reservations: `insert into tenantry.spend_reservations (id, tenant_id, key, model, key_id, instance_id, service, state,
                         granted_micro, spent_micro, calls, unpriced_calls, excess_calls, excess_micro, largest_excess_micro,
                         in_flight, unreserved, accounts, created_at, usable_until, expires_at)
                       values (gen_random_uuid(), $1, '', '', 'k', 'i', 's', 'open', 1, 0, 0, 0, 0, 0, 0, 0, false, '[]', now(), now(), now())`,
  spend_alerts: `insert into tenantry.spend_alerts (tenant_id, period, key, model, period_start, percent, amount_micro, used_micro, step, reason, at)
                 values ($1, 'day', '', '', now(), 70, 10, 7, 'warn', 'test', now())`,
  alerts: `insert into tenantry.alerts (tenant_id, kind, key, severity, title, reason, link, started_at)
           values ($1, 'finding', gen_random_uuid()::text, 'warning', 'test', 'test', '/', now())`,
  alert_notices: `with route as (
                    insert into tenantry.alert_routes (name, channel, target, terms, created_by)
                    values (gen_random_uuid()::text, 'slack', '{}', '{}', 'test') returning id),
                  alert as (
                    insert into tenantry.alerts (tenant_id, kind, key, severity, title, reason, link, started_at)
                    values ($1, 'finding', gen_random_uuid()::text, 'warning', 'test', 'test', '/', now()) returning id)
                  insert into tenantry.alert_notices (tenant_id, alert_id, route_id, group_key, event, due_at, first_due_at)
                  select $1, alert.id, route.id, '[]', 'trigger', now(), now() from alert, route`,
  alert_mutes: `insert into tenantry.alert_mutes (tenant_id, reason, created_by, expires_at)
                values ($1, 'test', 'test', now() + interval '1 hour')`,
  allow_list: `insert into tenantry.allow_list (tenant_id, owner, reason, created_by, expires_at)
               values ($1, 'test', 'test', 'test', now() + interval '1 hour')`,
  approvals: `insert into tenantry.approvals (tenant_id, kind, subject, proposal, explanation, asked_by, expires_at)
              values ($1, 'promotion', 'rule/1', '{}', 'test', 'test', clock_timestamp() + interval '1 hour')`,
  known_peaks: `insert into tenantry.known_peaks (tenant_id, name, note, from_at, to_at, created_by)
                values ($1, 'test', '', now(), now() + interval '1 hour', 'test')`,
  tenant_stages: `insert into tenantry.tenant_stages (tenant_id, stage, by, reason) values ($1, 'shadow', 'test', 'test')`,
  decisions: `with input as (
                insert into tenantry.decision_inputs (id, at, policy, situation, decision)
                values (gen_random_uuid(), now(), 'test', '{}', '{}') returning id)
              insert into tenantry.decisions (tenant_id, at, kind, held_back_by, explanation, input_id)
              select $1, now(), 'alert', '{}', 'test', id from input`,
  tenant_plan_history: `insert into tenantry.tenant_plan_history (tenant_id, effective_from, set_by) values ($1, now(), 'test')`,
  tenant_states: `insert into tenantry.tenant_states (tenant_id, version, status, reason, changed_at, changed_by, by_person)
                  values ($1, 1, 'active', 'test', now(), 'test', true)`,
  tenant_plan_schedule: `insert into tenantry.tenant_plan_schedule (tenant_id, effective_from, why, set_by)
                         values ($1, now(), 'change', 'test')`,
  tenant_onboardings: `insert into tenantry.tenant_onboardings (tenant_id, terms, created, onboarded_by)
                       values ($1, '{}', true, 'test')`,
  tenant_retention: `insert into tenantry.tenant_retention (tenant_id, spans_days, set_by) values ($1, 3, 'test')`,
  tenant_profiles: `insert into tenantry.tenant_profiles (tenant_id, segment, revision, set_by) values ($1, 'smb', 1, 'test')`,
  billing_days: `insert into tenantry.billing_days (tenant_id, day, set_by) values ($1, 15, 'test')`,
  seats: `insert into tenantry.seats (tenant_id, at, seats, set_by) values ($1, now(), 5, 'test')`,
  burst_accounts: `insert into tenantry.burst_accounts (tenant_id, key) values ($1, 'requests')`,
  burst_lots: `insert into tenantry.burst_lots (tenant_id, key, period, period_start, period_end, quota, used, earned, remaining, expires_at)
               values ($1, 'requests', 'day', '2026-01-01Z', '2026-01-02Z', 100, 50, 5, 5, '2026-02-01Z')`,
  burst_entries: `insert into tenantry.burst_entries
                    (tenant_id, key, period, period_start, at, kind, debit, credit, amount, reference, reason, booked_by)
                  values ($1, 'requests', 'day', '2026-01-01Z', now(), 'earned', 'allowance', 'balance', 5, 'test', 'test', 'test')`,
  signals: `insert into tenantry.signals (tenant_id, kind, subject, since, seen_at, strength, sentence, evidence)
            values ($1, 'growth', '', now(), now(), 50, 'test', '{}')`,
  signal_watches: `insert into tenantry.signal_watches (tenant_id, kind, subject, evaluated_at) values ($1, 'growth', '', now())`,
  placements: `insert into tenantry.placements (tenant_id, placement, reason, set_by) values ($1, 'dedicated', 'test', 'test')`,
  price_overrides: `with version as (
                      insert into tenantry.price_versions (version, kind, reason, added, ended, by)
                      values ((random() * 1e15)::bigint, 'edit', 'test', 1, 0, 'test') returning version)
                    insert into tenantry.price_overrides (tenant_id, provider, model, variant, kind, daily_from, daily_to,
                      base_pico, steps, source, source_ref, added_in)
                    select $1, 'openai', 'gpt-4o', 'standard', 'input', -1, -1, 1, '[]', 'manual', '', version from version`,
  contract_members: `with version as (
                       insert into tenantry.price_versions (version, kind, reason, added, ended, by)
                       values ((random() * 1e15)::bigint, 'edit', 'test', 1, 0, 'test') returning version)
                     insert into tenantry.contract_members (tenant_id, contract, added_in) select $1, 'test', version from version`,
  ai_month_lines: `with month as (
                     insert into tenantry.ai_months (month, closed_by, book_version) values ('2026-01-01', 'test', 1)
                     on conflict (month) do update set book_version = 1 returning month)
                   insert into tenantry.ai_month_lines (tenant_id, month, provider, model, calls, unpriced_calls, cost_pico)
                   select $1, month, 'openai', 'gpt-4o', 1, 0, 1 from month`,
  revenue_customers: `insert into tenantry.revenue_customers (customer_id, tenant_id, set_by) values ('cus_' || $1, $1, 'test')`,
  revenue_subscriptions: `with file as (
                            insert into tenantry.revenue_imports (sha256, file_name, format, as_of, subscriptions, invoices, added, changed, unchanged, created_by)
                            values (encode(sha256(gen_random_uuid()::text::bytea), 'hex'), 'f', 'csv', now(), 1, 0, 1, 0, 0, 'test') returning id)
                          insert into tenantry.revenue_subscriptions (subscription_id, effective_from, tenant_id, customer_id, terms, import_id)
                          select 'sub_' || $1, now(), $1, 'cus', '{}', id from file`,
  revenue_invoices: `with file as (
                       insert into tenantry.revenue_imports (sha256, file_name, format, as_of, subscriptions, invoices, added, changed, unchanged, created_by)
                       values (encode(sha256(gen_random_uuid()::text::bytea), 'hex'), 'f', 'csv', now(), 0, 1, 1, 0, 0, 'test') returning id)
                     insert into tenantry.revenue_invoices (invoice_id, tenant_id, customer_id, earned_from, earned_to, terms, import_id)
                     select 'in_' || $1, $1, 'cus', now(), now(), '{}', id from file`,
  cost_shares: `with bill as (
                  insert into tenantry.bills (id, state, format, file_name, measure, created_by)
                  values (gen_random_uuid(), 'removed', 'simple', 'f', 'billed', 'test') returning id),
                allocation as (
                  insert into tenantry.cost_allocations (id, bill_id, rules_version, created_by)
                  select id, id, 0, 'test' from bill returning id)
                insert into tenantry.cost_shares (tenant_id, allocation_id, group_nos, micros, basis_nos, usages)
                select $1, id, '{0}', '{1}', '{}', '{}' from allocation`,
  cost_months: `with bill as (
                  insert into tenantry.bills (id, state, format, file_name, measure, created_by)
                  values (gen_random_uuid(), 'removed', 'simple', 'f', 'billed', 'test') returning id),
                allocation as (
                  insert into tenantry.cost_allocations (id, bill_id, rules_version, created_by)
                  select id, id, 0, 'test' from bill returning id)
                insert into tenantry.cost_months (tenant_id, month, part, allocation_id, currency, micro)
                select $1, '2026-11-01', 'compute', id, 'USD', 1 from allocation`,
  breaker_sightings: `insert into tenantry.breaker_sightings (tenant_id, integration, service, instance_id, key_id, state,
                        since, calls, failures, openings, reported_at, expires_at)
                      values ($1, 'stripe', 'shop', 'i', 'k', 'open', now(), 5, 5, '[]', now(), now() + interval '1 hour')`,
};
const TENANT_TABLES = Object.keys(FIXTURES);

async function offenders(sql: string): Promise<string[]> {
  return (await owner.query<{ offender: string }>(sql)).rows.map((row) => row.offender);
}

/** Runs `work` in a transaction that is undone. */
async function undone<T>(work: () => Promise<T>): Promise<T> {
  await owner.query('begin');
  try {
    return await work();
  } finally {
    await owner.query('rollback');
  }
}

async function become(role: string, settings: { tenant?: string; superAdmin?: string } = {}): Promise<void> {
  await owner.query(`set local role ${role}`);
  await owner.query(`select set_config('app.current_tenant', $1, true), set_config('app.super_admin', $2, true)`, [
    settings.tenant ?? '',
    settings.superAdmin ?? 'off',
  ]);
}

/** The error code of a statement that must fail, without spoiling the transaction. */
async function refusal(statement: string, values: unknown[] = []): Promise<string | undefined> {
  await owner.query('savepoint attempt');
  try {
    await owner.query(statement, values);
    return undefined;
  } catch (error) {
    await owner.query('rollback to savepoint attempt');
    return (error as { code?: string }).code;
  }
}

async function seeTenants(table: string): Promise<string[]> {
  const { rows } = await owner.query<{ tenant_id: string }>(`select tenant_id from tenantry.${table} order by 1`);
  return rows.map((row) => row.tenant_id);
}

beforeAll(async () => {
  db = await startTestPostgres();
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await owner.connect();
  for (const tenant of ['a', 'b']) for (const insert of Object.values(FIXTURES)) await owner.query(insert, [tenant]);
}, 60_000);

afterAll(async () => {
  await owner.end();
  await db.stop();
});

describe('the catalogue checklist', () => {
  it.each(CATALOGUE_RULES)('$name', async ({ sql }) => {
    expect(await offenders(sql)).toEqual([]);
  });

  const breakers = CATALOGUE_RULES.flatMap(({ name, sql, breakers: all }) =>
    all.map((breaker) => ({ rule: name.split(' ')[0], name, sql, breaker })),
  );
  it.each(breakers)('rule $rule notices: $breaker', async ({ sql, breaker }) => {
    const found = await undone(async () => {
      await owner.query(breaker);
      return offenders(sql);
    });
    expect(found).not.toEqual([]);
  });

  it('every rule can fail', () => {
    expect(CATALOGUE_RULES.filter((rule) => rule.breakers.length === 0)).toEqual([]);
  });

  it('9. the server has the fixes for row security, and an old one would be noticed', async () => {
    const { rows } = await owner.query<{ version: number }>(
      `select current_setting('server_version_num')::int as version`,
    );
    expect(hasRowSecurityFixes(rows[0]?.version ?? 0)).toBe(true);
    expect([150_013, 160_009, 170_005, 140_019].map(hasRowSecurityFixes)).toEqual([false, false, false, false]);
  });

  it('knows every table', async () => {
    const { rows } = await owner.query<{ name: string }>(
      `select tablename as name from pg_tables where schemaname = 'tenantry' order by 1`,
    );
    expect(rows.map((row) => row.name)).toEqual(Object.keys(GRANTS).sort());
    expect(rows.map((row) => row.name)).toEqual([...TENANT_TABLES, ...GLOBAL_TABLES].sort());
  });
});

// Beyond the catalogue: what the policies do to rows. The grants are widened first, so that the policy and not a
// missing grant is what answers.
describe.each(TENANT_TABLES)('rows of %s', (table) => {
  const widened = <T>(work: () => Promise<T>) =>
    undone(async () => {
      await owner.query(`grant select, insert, update, delete on tenantry.${table} to tenantry_app, tenantry_staff`);
      return work();
    });

  it('are seen by their own tenant only, by nobody without a tenant, and by staff only when it says so', async () => {
    await widened(async () => {
      await become('tenantry_app', { tenant: 'a' });
      expect(new Set(await seeTenants(table))).toEqual(new Set(['a']));
      await become('tenantry_app');
      expect(await seeTenants(table)).toEqual([]);
      // The staff setting does nothing for the app role, nor the tenant for staff.
      await become('tenantry_app', { superAdmin: 'on' });
      expect(await seeTenants(table)).toEqual([]);
      await owner.query('reset role');
      await become('tenantry_staff', { tenant: 'a' });
      expect(await seeTenants(table)).toEqual([]);
      await become('tenantry_staff', { superAdmin: 'on' });
      expect(await seeTenants(table)).toEqual(expect.arrayContaining(['a', 'b']));
    });
  });

  it('cannot be written for, moved to, or taken from another tenant', async () => {
    await widened(async () => {
      await become('tenantry_app', { tenant: 'a' });
      expect(await refusal(FIXTURES[table] ?? '', ['b'])).toBe('42501');
      if (table === 'audit_log') return;
      expect(await refusal(`update tenantry.${table} set tenant_id = 'b'`)).toBe('42501');
      const { rowCount } = await owner.query(`delete from tenantry.${table} where tenant_id = 'b'`);
      expect(rowCount).toBe(0);
    });
  });

  it('are hidden from the owner of the table, too', async () => {
    await undone(async () => {
      await become('tenantry_owner', { tenant: 'a', superAdmin: 'on' });
      expect(await seeTenants(table)).toEqual([]);
    });
  });

  it('raise an error rather than leak when row security is switched off', async () => {
    await widened(async () => {
      await become('tenantry_app', { tenant: 'a' });
      await owner.query('set local row_security = off');
      expect(await refusal(`select * from tenantry.${table}`)).toBe('42501');
    });
  });
});

describe('the login', () => {
  it('can do nothing without taking on a role, and cannot become the owner', async () => {
    const login = new pg.Client({ connectionString: db.appUrl });
    await login.connect();
    try {
      for (const table of Object.keys(GRANTS)) {
        await expect(login.query(`select * from tenantry.${table}`)).rejects.toMatchObject({ code: '42501' });
      }
      await expect(login.query('set role tenantry_owner')).rejects.toMatchObject({ code: '42501' });
      await expect(login.query('set role postgres')).rejects.toMatchObject({ code: '42501' });
    } finally {
      await login.end();
    }
  });

  it('cannot change the audit log in any role, and neither can its owner', async () => {
    const changes = [
      `update tenantry.audit_log set subject = 'nobody'`,
      'delete from tenantry.audit_log',
      'truncate tenantry.audit_log',
    ];
    await undone(async () => {
      for (const role of ['tenantry_login', 'tenantry_app', 'tenantry_staff']) {
        await owner.query('reset role');
        await become(role, { tenant: 'a', superAdmin: 'on' });
        for (const change of changes) expect(await refusal(change)).toBe('42501');
      }
      await owner.query('reset role');
      for (const change of changes) expect(await refusal(change)).toBe('42501');
    });
    expect(await seeTenants('audit_log')).toEqual(['a', 'b']);
  });
});
