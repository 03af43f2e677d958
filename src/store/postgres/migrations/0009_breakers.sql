-- What app instances last said of their breakers. Unlogged: rows live for minutes and are told again every 30 s, so
-- there is nothing to recover after a crash, and writing them costs no WAL.
create unlogged table tenantry.breaker_sightings (
  -- '(all)': the breaker of a whole integration, '(unknown)': calls outside any tenant. No foreign key: an app may be the
  -- first to name a tenant, and a report must not enter it.
  tenant_id text not null check (length(tenant_id) between 1 and 128),
  integration text not null check (integration ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  service text not null check (length(service) between 1 and 200),
  instance_id text not null check (length(instance_id) between 1 and 200),
  key_id text not null,
  state text not null check (state in ('closed', 'open', 'half_open')),
  since timestamptz not null,
  calls bigint not null check (calls >= 0),
  failures bigint not null check (failures >= 0),
  last_error text check (last_error ~ '^[A-Za-z_$][A-Za-z0-9_$]{0,63}$'),
  -- [{number, at}]: changes from closed to open, numbered by the process, at in Unix milliseconds.
  openings jsonb not null check (jsonb_typeof(openings) = 'array'),
  reported_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, integration, service, instance_id)
);
create index breaker_sightings_expiry on tenantry.breaker_sightings (expires_at);
create index breaker_sightings_integration on tenantry.breaker_sightings (integration);
call tenantry.protect_tenant_table('tenantry.breaker_sightings');
grant select on tenantry.breaker_sightings to tenantry_app;
grant select, insert, update, delete on tenantry.breaker_sightings to tenantry_staff;
