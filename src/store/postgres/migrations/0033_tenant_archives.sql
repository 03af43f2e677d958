-- Exports of one tenant, and restores of one tenant from an archive.

create table tenantry.tenant_exports (
  tenant_id text not null references tenantry.tenants (tenant_id),
  -- Random: whoever does not know it cannot guess it.
  export_id uuid not null default gen_random_uuid(),
  format text not null check (format in ('json', 'csv', 'parquet', 'archive')),
  audience text not null check (audience in ('tenant', 'operator')),
  sections text[] not null check (cardinality(sections) > 0 and sections <@ array['telemetry', 'usage', 'account']),
  window_from timestamptz,
  window_to timestamptz,
  state text not null default 'waiting'
    check (state in ('waiting', 'running', 'done', 'failed', 'cancelled', 'expired')),
  progress jsonb not null default '{}' check (jsonb_typeof(progress) = 'object'),
  error text check (length(error) between 1 and 500),
  asked_by text not null,
  asked_by_operator boolean not null,
  asked_at timestamptz not null default clock_timestamp(),
  -- The server in whose data directory its files are; it alone goes on with it after a restart.
  kept_by text check (length(kept_by) between 1 and 64),
  attempts int not null default 0,
  ended_at timestamptz,
  expires_at timestamptz,
  primary key (tenant_id, export_id),
  constraint tenant_exports_window check (num_nulls(window_from, window_to) in (0, 2) and coalesce(window_to > window_from, true)),
  -- What can be restored is whole, and the operator's.
  constraint tenant_exports_archive check (
    format <> 'archive' or (audience = 'operator' and window_from is null and asked_by_operator and cardinality(sections) = 3)),
  constraint tenant_exports_tenants_own check (asked_by_operator or audience = 'tenant'),
  constraint tenant_exports_ended check ((ended_at is null) = (state in ('waiting', 'running'))),
  constraint tenant_exports_expire check (state <> 'done' or expires_at is not null)
);
create unique index tenant_exports_one_open on tenantry.tenant_exports (tenant_id) where state in ('waiting', 'running');
create index tenant_exports_to_do on tenantry.tenant_exports (asked_at) where state in ('waiting', 'running');
create index tenant_exports_newest on tenantry.tenant_exports (asked_at desc);
call tenantry.protect_tenant_table('tenantry.tenant_exports');
grant select, insert, update on tenantry.tenant_exports to tenantry_app;
grant select, insert, update, delete on tenantry.tenant_exports to tenantry_staff;

create table tenantry.tenant_restores (
  -- Whose rows are written. No foreign key: the tenant is entered by the restore.
  tenant_id text not null check (length(tenant_id) between 1 and 128),
  restore_id uuid not null default gen_random_uuid(),
  question jsonb not null check (jsonb_typeof(question) = 'object'),
  state text not null default 'waiting'
    check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
  progress jsonb not null default '{}' check (jsonb_typeof(progress) = 'object'),
  -- Steps that are behind it and will not be done again.
  steps text[] not null default '{}',
  report jsonb check (jsonb_typeof(report) = 'object'),
  error text check (length(error) between 1 and 500),
  asked_by text not null,
  asked_at timestamptz not null default clock_timestamp(),
  kept_by text check (length(kept_by) between 1 and 64),
  attempts int not null default 0,
  ended_at timestamptz,
  primary key (tenant_id, restore_id),
  constraint tenant_restores_ended check ((ended_at is null) = (state in ('waiting', 'running')))
);
create unique index tenant_restores_one_open on tenantry.tenant_restores (tenant_id) where state in ('waiting', 'running');
create index tenant_restores_to_do on tenantry.tenant_restores (asked_at) where state in ('waiting', 'running');
create index tenant_restores_newest on tenantry.tenant_restores (asked_at desc);
call tenantry.protect_tenant_table('tenantry.tenant_restores');
grant select, insert, update, delete on tenantry.tenant_restores to tenantry_staff;

-- The ledger of burst credit is append-only but for the end of its tenant, and for a restore that takes the tenant's place.
create or replace function tenantry.refuse_burst_entry_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' and (
      exists (select from tenantry.deletion_requests d where d.tenant_id = old.tenant_id and d.state = 'running')
      or exists (select from tenantry.tenant_restores r where r.tenant_id = old.tenant_id and r.state = 'running'
                 and r.question ->> 'replace' = 'true')) then
    return old;
  end if;
  raise exception 'the burst credit ledger is append-only' using errcode = 'insufficient_privilege';
end
$$;
