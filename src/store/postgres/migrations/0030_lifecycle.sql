-- A tenant's life: how it was signed up, where it stands, which plan comes next, and how long what it sent is kept.

alter table tenantry.tenants add column trial_ends_at timestamptz;

-- Where a tenant stands, as somebody decided; without a row it is active. tenants.status says the same in one word.
-- Nothing for tenantry_app: reasons and names are the operator's.
create table tenantry.tenant_states (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  -- One more with every change: who decides on top of what they did not see is refused.
  version int not null check (version > 0),
  status text not null check (status in ('active', 'suspended', 'closed')),
  effect text check (effect in ('refuse', 'read_only')),
  reason_code text check (reason_code in ('payment', 'abuse', 'security', 'request', 'other')),
  reason text not null check (length(reason) between 1 and 500),
  -- A suspension ends then by itself; null: somebody ends it.
  until timestamptz,
  changed_at timestamptz not null,
  changed_by text not null,
  -- By a person and not by automation, which leaves people's decisions alone.
  by_person boolean not null,
  constraint tenant_states_whole check (
    case status
      when 'suspended' then num_nulls(effect, reason_code) = 0
      else num_nonnulls(effect, reason_code, until) = 0
    end)
);
create index tenant_states_due on tenantry.tenant_states (until) where until is not null;
call tenantry.protect_tenant_table('tenantry.tenant_states');
grant select, insert, update on tenantry.tenant_states to tenantry_staff;

-- Apps are told of a suspension by a flag, which ends by itself like every flag and is put anew while it holds.
alter table tenantry.flags
  drop constraint flags_kind_check,
  drop constraint flags_end_by_themselves,
  drop constraint flags_value_fits_kind;
alter table tenantry.flags
  add constraint flags_kind_check check (kind in ('throttle', 'degrade', 'breaker', 'allow', 'suspend')),
  add constraint flags_end_by_themselves check (
    expires_at > created_at
    and expires_at <= created_at + case kind
      when 'allow' then interval '366 days'
      when 'suspend' then interval '8 days'
      else interval '24 hours' end),
  add constraint flags_value_fits_kind check (
    case kind
      when 'throttle' then jsonb_typeof(value -> 'requestsPerSecond') = 'number'
        and (value ->> 'requestsPerSecond')::numeric >= 0
        and jsonb_typeof(value -> 'burst') = 'number' and (value ->> 'burst')::numeric >= 1
      when 'breaker' then jsonb_typeof(scope -> 'integration') = 'string'
        and value ->> 'state' in ('auto', 'open', 'closed')
      when 'degrade' then jsonb_typeof(scope -> 'feature') = 'string'
        and value ->> 'step' in ('ok', 'warn', 'cached_only', 'blocked')
      when 'allow' then scope = '{}' and value = '{}'
      when 'suspend' then scope = '{}' and value ->> 'status' in ('suspended', 'closed')
        and value ->> 'effect' in ('refuse', 'read_only') and jsonb_typeof(value -> 'reasonCode') = 'string'
    end is true
  );
create index flags_suspensions on tenantry.flags (tenant_id) where kind = 'suspend' and lifted_at is null;

-- The change of plan that comes next; at most one. Once it is due it becomes a row of tenant_plan_history.
create table tenantry.tenant_plan_schedule (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  plan text references tenantry.plans (name),
  effective_from timestamptz not null,
  why text not null check (why in ('change', 'trial_end')),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
create index tenant_plan_schedule_due on tenantry.tenant_plan_schedule (effective_from);
call tenantry.protect_tenant_table('tenantry.tenant_plan_schedule');
grant select on tenantry.tenant_plan_schedule to tenantry_app;
grant select, insert, update, delete on tenantry.tenant_plan_schedule to tenantry_staff;

-- What a tenant was signed up with, so that the same call again is known as such. Never the key itself.
create table tenantry.tenant_onboardings (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  terms jsonb not null check (jsonb_typeof(terms) = 'object'),
  -- False: telemetry or a person had named the tenant before.
  created boolean not null,
  key_id uuid,
  idempotency_key text check (length(idempotency_key) between 1 and 200),
  onboarded_by text not null,
  onboarded_at timestamptz not null default clock_timestamp()
);
create index tenant_onboardings_key on tenantry.tenant_onboardings (onboarded_by, idempotency_key)
  where idempotency_key is not null;
call tenantry.protect_tenant_table('tenantry.tenant_onboardings');
grant select, insert on tenantry.tenant_onboardings to tenantry_staff;

-- Days that telemetry is kept, where that is less than the installation keeps it; null: as the plan or the installation.
create table tenantry.plan_retention (
  plan text primary key references tenantry.plans (name),
  spans_days int check (spans_days > 0),
  points_days int check (points_days > 0),
  minutes_days int check (minutes_days > 0),
  hours_days int check (hours_days > 0),
  days_days int check (days_days > 0),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
grant select, insert, update, delete on tenantry.plan_retention to tenantry_staff;

create table tenantry.tenant_retention (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  spans_days int check (spans_days > 0),
  points_days int check (points_days > 0),
  minutes_days int check (minutes_days > 0),
  hours_days int check (hours_days > 0),
  days_days int check (days_days > 0),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
call tenantry.protect_tenant_table('tenantry.tenant_retention');
grant select on tenantry.tenant_retention to tenantry_app;
grant select, insert, update, delete on tenantry.tenant_retention to tenantry_staff;

-- Runs that took away what was kept long enough. No tenant column: each is about all tenants.
create table tenantry.retention_runs (
  id uuid primary key default gen_random_uuid(),
  started_at timestamptz not null default clock_timestamp(),
  -- Moves on while it runs; a run that stands still belongs to a server that is gone.
  seen_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  state text not null default 'asked' check (state in ('asked', 'running', 'done', 'failed')),
  asked_by text not null,
  tenants int not null default 0,
  tables_total int not null default 0,
  tables_done int not null default 0,
  rows_removed bigint not null default 0,
  problem text check (length(problem) <= 500)
);
create index retention_runs_newest on tenantry.retention_runs (started_at desc);
grant select, insert, update, delete on tenantry.retention_runs to tenantry_staff;
