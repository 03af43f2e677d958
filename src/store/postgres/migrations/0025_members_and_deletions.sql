-- What a tenant's own admin keeps: who should have access, its ingest keys, and the request to be deleted.

-- Who should have access to a tenant. Identity is the issuer's: a row here lets nobody in by itself.
create table tenantry.members (
  tenant_id text not null references tenantry.tenants (tenant_id),
  member_id uuid not null default gen_random_uuid(),
  -- In small letters, so that one person is one member.
  email text not null check (length(email) between 3 and 254 and email = lower(email)),
  role text not null check (role in ('tenant_admin', 'member', 'viewer')),
  state text not null check (state in ('invited', 'active', 'removed')),
  added_by text not null,
  -- Added by the operator's people, whose names tenants do not see.
  added_by_operator boolean not null,
  added_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, member_id)
);
-- Somebody who was removed may come back: the old row stays as it was.
create unique index members_once on tenantry.members (tenant_id, email) where state <> 'removed';
call tenantry.protect_tenant_table('tenantry.members');
grant select, insert, update on tenantry.members to tenantry_app, tenantry_staff;

-- Made by one of the tenant's people, who may end it; those that the operator made are the operator's to end.
alter table tenantry.keys add column made_by_tenant boolean not null default false;
alter table tenantry.keys add constraint keys_of_tenants_ingest
  check (not made_by_tenant or (tenant_id is not null and scopes = array['ingest']));
-- Its own rows alone. Still no right to write: the unique hash and id would tell a tenant which ones others have.
grant select on tenantry.keys to tenantry_app;

-- Tenants of whom nothing may be deleted, for as long as the row is there. Reasons and names are the operator's.
create table tenantry.legal_holds (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  reason text not null check (length(reason) between 1 and 500),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
call tenantry.protect_tenant_table('tenantry.legal_holds');
grant select, insert, update, delete on tenantry.legal_holds to tenantry_staff;

-- Wishes to be deleted. Nothing reads `not_before` to delete by itself: a person does it, and not earlier.
create table tenantry.deletion_requests (
  tenant_id text not null references tenantry.tenants (tenant_id),
  request_id uuid not null default gen_random_uuid(),
  state text not null default 'requested' check (state in ('requested', 'cancelled')),
  reason text not null check (length(reason) between 1 and 500),
  requested_by text not null,
  requested_by_operator boolean not null,
  requested_at timestamptz not null default clock_timestamp(),
  not_before timestamptz not null check (not_before > requested_at),
  ended_at timestamptz check ((ended_at is null) = (state = 'requested')),
  ended_by text,
  ended_by_operator boolean,
  primary key (tenant_id, request_id)
);
create unique index deletion_requests_one_open on tenantry.deletion_requests (tenant_id) where state = 'requested';
call tenantry.protect_tenant_table('tenantry.deletion_requests');
grant select, insert, update on tenantry.deletion_requests to tenantry_app, tenantry_staff;
