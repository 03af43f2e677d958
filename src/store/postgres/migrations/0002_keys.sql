-- Counters of committed changes, one row per stream. A writer takes its stream's row lock first and holds it until it
-- commits, so revisions become visible in order and without gaps, which a sequence does not promise.
create table tenantry.revisions (
  stream text primary key check (stream in ('flags', 'keys')),
  revision bigint not null default 0 check (revision >= 0)
);
insert into tenantry.revisions (stream) values ('flags'), ('keys');
grant select, update on tenantry.revisions to tenantry_staff;

-- Keys of apps and exporters. The key itself is never stored: 256 random bits, so a plain hash cannot be guessed back.
create table tenantry.keys (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
  scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ array['ingest', 'flags']),
  -- Set: the key speaks for this tenant only.
  tenant_id text references tenantry.tenants (tenant_id),
  -- Set: the key belongs to this service.
  service text check (length(service) between 1 and 200),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz check (expires_at > created_at),
  revoked_at timestamptz,
  revoked_by text,
  last_used_at timestamptz
);
call tenantry.protect_tenant_table('tenantry.keys');
-- Nothing for tenantry_app: the unique hash and id would tell a tenant which ones others have.
grant select, insert, update on tenantry.keys to tenantry_staff;
