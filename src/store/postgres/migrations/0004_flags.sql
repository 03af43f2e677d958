-- What Tenantry tells apps about tenants. Every flag ends by itself: expires_at is never absent and never far.
create table tenantry.flags (
  id uuid not null default gen_random_uuid(),
  tenant_id text not null references tenantry.tenants (tenant_id),
  kind text not null check (kind in ('throttle', 'degrade', 'breaker')),
  -- throttle: {service?, route?}; breaker: {integration}; degrade: {feature}
  scope jsonb not null check (jsonb_typeof(scope) = 'object'),
  -- throttle: {requestsPerSecond, burst}; breaker: {state}; degrade: {step}
  value jsonb not null check (jsonb_typeof(value) = 'object'),
  mode text not null check (mode in ('enforce', 'shadow')),
  reason text not null check (length(reason) between 1 and 1000),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- Set when somebody ended the flag before its time.
  lifted_at timestamptz,
  lifted_by text,
  lifted_revision bigint,
  anomaly_id uuid,
  -- Of the change that made the flag.
  revision bigint not null,
  primary key (id, tenant_id),
  foreign key (anomaly_id, tenant_id) references tenantry.anomalies (id, tenant_id),
  constraint flags_end_by_themselves check (expires_at > created_at and expires_at <= created_at + interval '24 hours'),
  constraint flags_lifted_whole check (num_nulls(lifted_at, lifted_by, lifted_revision) in (0, 3)),
  constraint flags_value_fits_kind check (
    case kind
      when 'throttle' then jsonb_typeof(value -> 'requestsPerSecond') = 'number'
        and (value ->> 'requestsPerSecond')::numeric >= 0
        and jsonb_typeof(value -> 'burst') = 'number' and (value ->> 'burst')::numeric >= 1
      when 'breaker' then jsonb_typeof(scope -> 'integration') = 'string'
        and value ->> 'state' in ('auto', 'open', 'closed')
      when 'degrade' then jsonb_typeof(scope -> 'feature') = 'string'
        and value ->> 'step' in ('ok', 'warn', 'cached_only', 'blocked')
    end is true
  )
);
-- The feed asks for what changed after a revision, the lists for the newest.
create index flags_revision on tenantry.flags (revision);
create index flags_lifted_revision on tenantry.flags (lifted_revision) where lifted_revision is not null;
create index flags_expiry on tenantry.flags (expires_at) where lifted_at is null;
create index flags_newest on tenantry.flags (kind, created_at desc);
create index flags_newest_of_tenant on tenantry.flags (tenant_id, kind, created_at desc);
create index flags_anomaly on tenantry.flags (anomaly_id) where anomaly_id is not null;
call tenantry.protect_tenant_table('tenantry.flags');
grant select on tenantry.flags to tenantry_app;
grant select, insert, update on tenantry.flags to tenantry_staff;

-- Which app instance has obeyed which revision since when. No tenant column: instances serve all tenants, and tenants
-- have no business with them.
create table tenantry.flag_acks (
  key_id text not null,
  service text not null check (length(service) between 1 and 200),
  instance_id text not null check (length(instance_id) between 1 and 200),
  revision bigint not null,
  acked_at timestamptz not null default clock_timestamp(),
  primary key (service, instance_id, key_id, revision)
);
create index flag_acks_revision on tenantry.flag_acks (revision);
create index flag_acks_age on tenantry.flag_acks (acked_at);
grant select, insert, delete on tenantry.flag_acks to tenantry_staff;
