-- Limits may also hold how many requests are under way at once, and scopes may name a cost class of the app.
alter table tenantry.flags add constraint flags_max_concurrent_is_a_count check (
  kind <> 'throttle' or not value ? 'maxConcurrent'
  or (jsonb_typeof(value -> 'maxConcurrent') = 'number' and (value ->> 'maxConcurrent')::numeric >= 1) is true
);

-- App instances that hold a flag stream or poll, as the servers see them: a limit for a whole service is split over
-- those that are live, wherever they are connected. No tenant column: instances serve all tenants; those of a key that is
-- bound to one tenant are never written here.
create table tenantry.flag_instances (
  service text not null check (length(service) between 1 and 200),
  instance_id text not null check (length(instance_id) between 1 and 200),
  transport text not null check (transport in ('stream', 'poll')),
  connected_at timestamptz not null,
  seen_at timestamptz not null,
  primary key (service, instance_id)
);
grant select, insert, update, delete on tenantry.flag_instances to tenantry_staff;
