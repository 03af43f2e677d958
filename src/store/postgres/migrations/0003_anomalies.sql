-- Findings of the detector, open (ended_at is null) and ended.
create table tenantry.anomalies (
  id uuid not null default gen_random_uuid(),
  tenant_id text not null references tenantry.tenants (tenant_id),
  metric text not null check (length(metric) between 1 and 100),
  started_at timestamptz not null,
  detected_at timestamptz not null,
  ended_at timestamptz check (ended_at >= started_at),
  value double precision not null,
  baseline double precision not null,
  ratio double precision not null,
  -- Name and version of the rule, so that a decision can be replayed.
  rule text not null,
  reason text not null,
  -- id first: staff look findings up by id; tenant_id is part of it so that other tables' foreign keys carry it.
  primary key (id, tenant_id)
);
-- At most one open finding per series, whoever writes.
create unique index anomalies_one_open on tenantry.anomalies (tenant_id, metric) where ended_at is null;
-- Lists are "newest first", over all tenants and for one.
create index anomalies_newest on tenantry.anomalies (started_at desc);
create index anomalies_newest_of_tenant on tenantry.anomalies (tenant_id, started_at desc);
call tenantry.protect_tenant_table('tenantry.anomalies');
grant select on tenantry.anomalies to tenantry_app;
grant select, insert, update on tenantry.anomalies to tenantry_staff;
