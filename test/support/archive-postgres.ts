import pg from 'pg';
import type { TestPostgres } from './postgres.ts';

/** Rows of tenant $1 in tables that an archive holds; each with something that a careless copy would lose. */
const ROWS: readonly string[] = [
  `insert into tenantry.plans (name) values ('growth') on conflict do nothing`,
  `insert into tenantry.tenants (tenant_id, display_name, plan, first_seen_at) values ($1, 'Ac"me, =Inc ü', 'growth', '2026-01-02 03:04:05.678901Z')
   on conflict (tenant_id) do update set display_name = excluded.display_name, plan = excluded.plan, first_seen_at = excluded.first_seen_at`,
  `insert into tenantry.tenant_plan_history (tenant_id, effective_from, plan, set_by) values ($1, '2026-01-02Z', 'growth', 'ada@operator.example')`,
  `insert into tenantry.tenant_profiles (tenant_id, segment, tags, revision, set_by) values ($1, 'smb', '{a,"b c"}', 3, 'ada@operator.example')`,
  `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
   select $1, 'person' || n || '@example.com', 'viewer', 'active', 'ada@operator.example', true from generate_series(1, 1200) n`,
  `insert into tenantry.caps (tenant_id, period, amount_micro, currency, updated_by) values ($1, 'day', 9007199254740993, 'USD', 'x')`,
  `insert into tenantry.keys (name, sha256, scopes, tenant_id, created_by)
   values ('shop', encode(sha256(($1::text || 'key')::bytea), 'hex'), '{ingest}', $1, 'ada@operator.example')`,
  `with found as (
     insert into tenantry.anomalies (tenant_id, metric, started_at, detected_at, ended_at, value, baseline, ratio, rule, reason)
     values ($1, 'requests', now() - interval '2 hours', now(), now(), 0.1, 1e-300, 'NaN', 'rule/1', 'three times') returning id)
   insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision, anomaly_id)
   select $1, 'degrade', '{"feature": "ai"}', '{"step": "warn"}', 'enforce', 'test', 'detector', now() - interval '2 hours', now() - interval '1 hour', 1, id from found`,
  `insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
   values ($1, 'degrade', '{"feature": "ai"}', '{"step": "warn"}', 'enforce', 'in force', 'detector', now(), now() + interval '1 hour', 1)`,
  `with input as (
     insert into tenantry.decision_inputs (id, at, policy, situation, decision) values (gen_random_uuid(), now(), 'test', '{}', '{}') returning id)
   insert into tenantry.decisions (tenant_id, at, kind, held_back_by, explanation, input_id, victims_p95_before)
   select $1, now(), 'alert', '{guard,"a b"}', 'test', id, 12.5 from input`,
  `insert into tenantry.burst_accounts (tenant_id, key) values ($1, 'requests')`,
  `insert into tenantry.burst_lots (tenant_id, key, period, period_start, period_end, quota, used, earned, remaining, expires_at)
   values ($1, 'requests', 'day', '2026-01-01Z', '2026-01-02Z', 123456789012345678901234567890, 50, 5, 5, '2026-02-01Z')`,
  `insert into tenantry.burst_entries (tenant_id, key, period, period_start, at, kind, debit, credit, amount, reference, reason, booked_by)
   select $1, 'requests', 'day', '2026-01-01Z', now(), 'earned', 'allowance', 'balance', n, 'r' || n, 'because', 'x' from generate_series(1, 3) n`,
  `with version as (
     insert into tenantry.price_versions (version, kind, reason, added, ended, by)
     values ((random() * 1e15)::bigint, 'edit', 'test', 1, 0, 'test') returning version)
   insert into tenantry.price_overrides (tenant_id, provider, model, variant, kind, daily_from, daily_to, base_pico, steps, source, source_ref, added_in)
   select $1, 'openai', 'gpt-4o', 'standard', 'input', -1, -1, 1, '[["1", "2"]]', 'manual', '', version from version`,
  `insert into tenantry.revenue_customers (customer_id, tenant_id, set_by) values ('cus_' || $1, $1, 'ada@operator.example')`,
  `insert into tenantry.alert_mutes (tenant_id, reason, created_by, expires_at) values ($1, 'test', 'ada@operator.example', now() + interval '1 hour')`,
];

export interface OwnerClient {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  fill(tenant: string): Promise<void>;
  /** Every row of the tenant in the tables, without numbers that a restore gives anew: table -> JSON texts in order. */
  rowsOf(tenant: string, tables: readonly string[]): Promise<Record<string, readonly string[]>>;
  end(): Promise<void>;
}

/** The superuser of a test's database, whom no row security holds. */
export async function ownerOf({ ownerUrl }: TestPostgres): Promise<OwnerClient> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  const query = async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row & pg.QueryResultRow>(sql, [...values])).rows;
  return {
    query,
    fill: async (tenant) => {
      for (const row of ROWS) await query(row, row.includes('$1') ? [tenant] : []);
    },
    rowsOf: async (tenant, tables) => {
      const found: Record<string, readonly string[]> = {};
      for (const table of tables) {
        const rows = await query<{ row: string }>(
          `select (to_jsonb(t) - 'seq' - 'tenant_id' - case when '${table}' in ('price_overrides', 'contract_members', 'ai_month_lines') then '{id,subject}'::text[] else '{}' end)::text as row
           from tenantry.${table} t where tenant_id = $1 order by 1`,
          [tenant],
        );
        found[table] = rows.map(({ row }) => row);
      }
      return found;
    },
    end: () => client.end(),
  };
}
