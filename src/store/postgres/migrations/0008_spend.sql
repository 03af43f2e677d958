-- AI spend: what caps say, what was reserved and spent under them, and which thresholds were told.

-- '' stands for "all of them" in key and model: a primary key has no NULL.
alter table tenantry.caps
  add column key text not null default '' check (length(key) <= 200),
  add column model text not null default '' check (length(model) <= 200),
  add column time_zone text not null default 'UTC' check (length(time_zone) between 1 and 64),
  -- [{percent, step}], ascending
  add column ladder jsonb not null
    default '[{"percent": 70, "step": "warn"}, {"percent": 90, "step": "cached_only"}, {"percent": 100, "step": "blocked"}]'
    check (jsonb_typeof(ladder) = 'array'),
  add column on_unavailable text not null default 'open' check (on_unavailable in ('open', 'closed')),
  add column on_unpriced text not null default 'allow' check (on_unpriced in ('allow', 'refuse')),
  add column updated_by text not null default 'unknown';
alter table tenantry.caps drop constraint caps_pkey;
alter table tenantry.caps add primary key (tenant_id, period, key, model);

-- The same for every tenant of a plan that has no cap of its own for the same period, key and model.
create table tenantry.plan_caps (
  plan text not null references tenantry.plans (name),
  period text not null check (period in ('day', 'month')),
  key text not null default '' check (length(key) <= 200),
  model text not null default '' check (length(model) <= 200),
  amount_micro bigint not null check (amount_micro >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  time_zone text not null check (length(time_zone) between 1 and 64),
  ladder jsonb not null check (jsonb_typeof(ladder) = 'array'),
  on_unavailable text not null check (on_unavailable in ('open', 'closed')),
  on_unpriced text not null check (on_unpriced in ('allow', 'refuse')),
  updated_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (plan, period, key, model)
);
grant select on tenantry.plan_caps to tenantry_app;
grant select, insert, update, delete on tenantry.plan_caps to tenantry_staff;

-- What one period of one scope has cost. Not tied to a cap: raising, replacing or deleting one forgets nothing.
-- Written only under the tenant's advisory lock (spend-book.ts).
create table tenantry.spend_accounts (
  tenant_id text not null references tenantry.tenants (tenant_id),
  period text not null check (period in ('day', 'month')),
  key text not null,
  model text not null,
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end > period_start),
  reserved_micro bigint not null check (reserved_micro >= 0),
  spent_micro bigint not null check (spent_micro >= 0),
  presumed_micro bigint not null check (presumed_micro >= 0),
  observed_micro bigint check (observed_micro >= 0),
  observed_at timestamptz,
  calls bigint not null check (calls >= 0),
  unpriced_calls bigint not null check (unpriced_calls >= 0),
  excess_calls bigint not null check (excess_calls >= 0),
  excess_micro bigint not null check (excess_micro >= 0),
  largest_excess_micro bigint not null check (largest_excess_micro >= 0),
  unreserved_micro bigint not null check (unreserved_micro >= 0),
  refusals bigint not null check (refusals >= 0),
  primary key (tenant_id, period, key, model, period_start)
);
create index spend_accounts_end on tenantry.spend_accounts (period_end);
call tenantry.protect_tenant_table('tenantry.spend_accounts');
grant select on tenantry.spend_accounts to tenantry_app;
grant select, insert, update, delete on tenantry.spend_accounts to tenantry_staff;

-- Budget that was given out: for one call, or a slice that an app's instance shares out by itself.
create table tenantry.spend_reservations (
  -- Made up by the app, so that a repeated request finds what its first attempt reserved.
  id uuid not null,
  tenant_id text not null references tenantry.tenants (tenant_id),
  key text not null,
  model text not null,
  key_id text not null,
  instance_id text not null,
  service text not null,
  state text not null check (state in ('open', 'closed', 'presumed')),
  granted_micro bigint not null check (granted_micro >= 0),
  spent_micro bigint not null check (spent_micro >= 0),
  calls bigint not null,
  unpriced_calls bigint not null,
  excess_calls bigint not null,
  excess_micro bigint not null,
  largest_excess_micro bigint not null,
  in_flight int not null,
  unreserved boolean not null,
  -- [{period, key, model, from, to}]: the accounts that it was taken from. Times in Unix ms.
  accounts jsonb not null check (jsonb_typeof(accounts) = 'array'),
  created_at timestamptz not null,
  usable_until timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id)
);
create index spend_reservations_due on tenantry.spend_reservations (expires_at) where state = 'open';
create index spend_reservations_open on tenantry.spend_reservations (tenant_id) where state = 'open';
create index spend_reservations_over on tenantry.spend_reservations (expires_at) where state <> 'open';
call tenantry.protect_tenant_table('tenantry.spend_reservations');
-- Nothing for tenantry_app: instances and services are the operator's.
grant select, insert, update, delete on tenantry.spend_reservations to tenantry_staff;

-- Thresholds that were reached, each once for a period and an amount.
create table tenantry.spend_alerts (
  tenant_id text not null references tenantry.tenants (tenant_id),
  period text not null check (period in ('day', 'month')),
  key text not null,
  model text not null,
  period_start timestamptz not null,
  percent int not null check (percent > 0),
  amount_micro bigint not null check (amount_micro >= 0),
  used_micro bigint not null check (used_micro >= 0),
  step text not null check (step in ('ok', 'warn', 'cached_only', 'blocked')),
  reason text not null check (length(reason) between 1 and 1000),
  at timestamptz not null,
  primary key (tenant_id, period, key, model, period_start, percent, amount_micro)
);
create index spend_alerts_age on tenantry.spend_alerts (at);
call tenantry.protect_tenant_table('tenantry.spend_alerts');
grant select on tenantry.spend_alerts to tenantry_app;
grant select, insert, delete on tenantry.spend_alerts to tenantry_staff;
