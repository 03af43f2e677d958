-- What is asked how much tenants store. No tenant column in any of these: a target, its runs and what a run has found so
-- far concern all tenants, and tenants have no business with them. What was found goes to ClickHouse.
create table tenantry.storage_targets (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  kind text not null check (kind in ('postgres', 'clickhouse', 's3', 'qdrant', 'pinecone', 'weaviate')),
  -- Where and how. Secrets are named by where they are kept (`env:NAME`, `file:/path`), never held.
  settings jsonb not null check (jsonb_typeof(settings) = 'object'),
  interval_seconds int not null check (interval_seconds between 300 and 864000),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- Somebody wants it measured before its time.
  asked_at timestamptz
);
grant select, insert, update, delete on tenantry.storage_targets to tenantry_staff;

create table tenantry.storage_runs (
  id uuid primary key default gen_random_uuid(),
  target_id uuid not null references tenantry.storage_targets (id) on delete cascade,
  state text not null check (state in ('running', 'done', 'failed')),
  -- What the figures are of.
  started_at timestamptz not null,
  ended_at timestamptz,
  attempts int not null default 1 check (attempts > 0),
  retry_at timestamptz,
  progress jsonb,
  skipped jsonb not null default '[]',
  error text,
  check ((state = 'running') = (ended_at is null))
);
create unique index storage_runs_one_at_a_time on tenantry.storage_runs (target_id) where state = 'running';
create index storage_runs_newest on tenantry.storage_runs (target_id, started_at desc);
grant select, insert, update, delete on tenantry.storage_runs to tenantry_staff;

-- What a run has found so far, so that a killed one goes on where it was. Gone when the run has ended.
create table tenantry.storage_steps (
  run_id uuid not null references tenantry.storage_runs (id) on delete cascade,
  step text not null check (length(step) between 1 and 300),
  value jsonb not null,
  saved_at timestamptz not null default clock_timestamp(),
  primary key (run_id, step)
);
grant select, insert, update, delete on tenantry.storage_steps to tenantry_staff;

-- From which hour on byte-hours do not yet say what the gauges say. Set before gauges are written; one row.
create table tenantry.storage_rollup (
  only_row boolean primary key default true check (only_row),
  stale_from timestamptz,
  -- Grows with each mark, so that one that is set during a recount is not taken off with the old one.
  marks bigint not null default 0
);
insert into tenantry.storage_rollup default values;
grant select, update on tenantry.storage_rollup to tenantry_staff;
