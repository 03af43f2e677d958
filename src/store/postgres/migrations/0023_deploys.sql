-- When which version of a service went out, so that whoever looks at a change in latency sees what else changed. No
-- tenant column: a deploy concerns everybody, and tenants have no business with it.
create table tenantry.deploys (
  id uuid primary key default gen_random_uuid(),
  service text not null check (length(service) between 1 and 255),
  version text not null check (length(version) between 1 and 128),
  at timestamptz not null,
  note text check (length(note) between 1 and 500),
  url text check (url ~ '^https?://' and length(url) <= 2000),
  -- Whoever sends the same key again means the same deploy, whatever the clock says by then.
  idempotency_key text unique check (length(idempotency_key) between 1 and 128),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint deploys_once unique (service, version, at)
);
create index deploys_newest on tenantry.deploys (at desc);
create index deploys_written on tenantry.deploys (created_at);
grant select, insert, delete on tenantry.deploys to tenantry_staff;
