-- Tenants that automation leaves alone, each with somebody who answers for it and an end.
create table tenantry.allow_list (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  owner text not null check (length(owner) between 1 and 200),
  reason text not null check (length(reason) between 1 and 1000),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  constraint allow_list_ends check (expires_at > created_at and expires_at <= created_at + interval '366 days')
);
call tenantry.protect_tenant_table('tenantry.allow_list');
grant select, insert, update, delete on tenantry.allow_list to tenantry_staff;

-- What each decision was made from, whole, so that it can be made again and compared. No tenant column: one situation
-- holds the figures of all tenants, and tenants have no business with it.
create table tenantry.decision_inputs (
  id uuid primary key,
  at timestamptz not null,
  policy text not null,
  situation jsonb not null,
  decision jsonb not null
);
create index decision_inputs_age on tenantry.decision_inputs (at);
grant select, insert, delete on tenantry.decision_inputs to tenantry_staff;

-- What automation decided about one tenant.
create table tenantry.decisions (
  id uuid not null default gen_random_uuid(),
  tenant_id text not null references tenantry.tenants (tenant_id),
  at timestamptz not null,
  kind text not null check (kind in ('throttle', 'alert', 'lift')),
  -- Guards, in the order in which they spoke.
  held_back_by text[] not null,
  explanation text not null,
  anomaly_id uuid,
  flag_id uuid,
  input_id uuid not null references tenantry.decision_inputs (id) on delete cascade,
  -- P95 in ms of the tenant that suffers most, when it was decided and as last seen while the throttle was in force.
  victims_p95_before double precision,
  victims_p95_after double precision,
  primary key (id, tenant_id)
);
create index decisions_newest on tenantry.decisions (tenant_id, at desc);
create index decisions_flag on tenantry.decisions (flag_id) where flag_id is not null;
create index decisions_input on tenantry.decisions (input_id);
call tenantry.protect_tenant_table('tenantry.decisions');
grant select, insert, update, delete on tenantry.decisions to tenantry_staff;
