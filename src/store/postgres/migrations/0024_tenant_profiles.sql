-- What sales know of a tenant: by what its figures are grouped and whom to ask. Its display name stays with the tenant.
create table tenantry.tenant_profiles (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  segment text check (length(segment) between 1 and 64),
  owner text check (length(owner) between 1 and 128),
  tags text[] not null default '{}' check (cardinality(tags) <= 20),
  -- One more with every change, also of the display name: who writes on top of what they did not see is refused.
  revision int not null check (revision > 0),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
call tenantry.protect_tenant_table('tenantry.tenant_profiles');
-- No word of this is for the tenant itself.
grant select, insert, update on tenantry.tenant_profiles to tenantry_staff;
