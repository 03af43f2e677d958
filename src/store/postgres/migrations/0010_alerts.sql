-- What people are told of, by which routes, and the outbox that tells them.

-- Routes are the operator's: no tenant column, and no right for tenantry_app.
create table tenantry.alert_routes (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 100),
  channel text not null check (channel in ('slack', 'pagerduty', 'alertmanager', 'webhook')),
  -- Secret: whoever has it can post in our name. Read by the sender only.
  target jsonb not null check (jsonb_typeof(target) = 'object'),
  terms jsonb not null check (jsonb_typeof(terms) = 'object'),
  -- Out of `terms`, so that the foreign key keeps a route that others escalate to.
  escalates_to uuid references tenantry.alert_routes (id),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp()
);
grant select, insert, delete on tenantry.alert_routes to tenantry_staff;

create table tenantry.alerts (
  id uuid not null default gen_random_uuid(),
  -- '(all)': about no tenant in particular. No foreign key: breakers may name tenants before anybody enters them.
  tenant_id text not null check (length(tenant_id) between 1 and 128),
  plan text,
  kind text not null check (kind in ('finding', 'throttle', 'spend_threshold', 'breaker_flapping', 'page', 'data_health')),
  key text not null check (length(key) between 1 and 1000),
  severity text not null check (severity in ('info', 'warning', 'critical')),
  title text not null check (length(title) between 1 and 200),
  reason text not null check (length(reason) between 1 and 1000),
  link text not null check (link like '/%' and length(link) <= 1000),
  started_at timestamptz not null,
  raised_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  acked_at timestamptz,
  acked_by text,
  -- tenant_id is part of it so that the notices' foreign key carries it.
  primary key (id, tenant_id)
);
-- At most one open alert of one thing, whoever raises it.
create unique index alerts_one_open on tenantry.alerts (tenant_id, kind, key) where ended_at is null;
create index alerts_newest on tenantry.alerts (raised_at desc);
create index alerts_newest_of_tenant on tenantry.alerts (tenant_id, raised_at desc);
create index alerts_over on tenantry.alerts (ended_at) where ended_at is not null;
call tenantry.protect_tenant_table('tenantry.alerts');
grant select, insert, update, delete on tenantry.alerts to tenantry_staff;

-- The outbox: one event of one alert for one route. Written in the transaction that changes the alert.
create table tenantry.alert_notices (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  alert_id uuid not null,
  route_id uuid not null references tenantry.alert_routes (id) on delete cascade,
  group_key text not null check (length(group_key) <= 2000),
  event text not null check (event in ('trigger', 'acknowledge', 'resolve')),
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead', 'cancelled')),
  due_at timestamptz not null,
  first_due_at timestamptz not null,
  attempts int not null default 0,
  -- Whoever holds the token tells; when its time is over, anybody may.
  lease_token uuid,
  leased_until timestamptz,
  -- The receiver has taken it at least once; a trigger that repeats waits again afterwards.
  told_at timestamptz,
  failed_at timestamptz,
  error text check (length(error) <= 300),
  unique (alert_id, route_id, event),
  foreign key (alert_id, tenant_id) references tenantry.alerts (id, tenant_id) on delete cascade
);
create index alert_notices_due on tenantry.alert_notices (due_at) where state = 'waiting';
create index alert_notices_route on tenantry.alert_notices (route_id, group_key);
call tenantry.protect_tenant_table('tenantry.alert_notices');
grant select, insert, update, delete on tenantry.alert_notices to tenantry_staff;

create table tenantry.alert_mutes (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null references tenantry.tenants (tenant_id),
  kind text check (kind in ('finding', 'throttle', 'spend_threshold', 'breaker_flapping', 'page', 'data_health')),
  reason text not null check (length(reason) between 1 and 1000),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);
create index alert_mutes_tenant on tenantry.alert_mutes (tenant_id, expires_at);
call tenantry.protect_tenant_table('tenantry.alert_mutes');
grant select, insert, delete on tenantry.alert_mutes to tenantry_staff;
