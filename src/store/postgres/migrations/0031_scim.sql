-- A customer's directory (Okta, Entra ID, …) tells by SCIM 2.0 who its people are and in which groups.

-- How groups become roles. The row is also what changes of one directory lock, so that they come one after the other.
create table tenantry.scim_directories (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  -- [{match, value, role}], see src/domain/scim.ts.
  rules jsonb not null default '[]' check (jsonb_typeof(rules) = 'array'),
  authoritative boolean not null default false,
  revision bigint not null default 0 check (revision >= 0),
  set_by text,
  set_by_operator boolean not null default false,
  set_at timestamptz,
  -- When the directory last changed somebody or something.
  changed_at timestamptz
);
call tenantry.protect_tenant_table('tenantry.scim_directories');
grant select, insert, update, delete on tenantry.scim_directories to tenantry_app, tenantry_staff;

create table tenantry.scim_users (
  tenant_id text not null references tenantry.tenants (tenant_id),
  user_id uuid not null default gen_random_uuid(),
  user_name text not null check (length(user_name) between 1 and 255),
  external_id text check (length(external_id) between 1 and 255),
  -- In small letters: the address under which the person is a member.
  email text not null check (length(email) between 3 and 254 and email = lower(email)),
  active boolean not null,
  -- displayName, name, emails.
  content jsonb not null check (jsonb_typeof(content) = 'object'),
  -- The highest role of the person's groups; null: none.
  role text check (role in ('tenant_admin', 'member', 'viewer')),
  -- The row of the list of members that the directory keeps for the person.
  member_id uuid,
  version bigint not null default 1 check (version > 0),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id),
  foreign key (tenant_id, member_id) references tenantry.members (tenant_id, member_id)
);
-- User names have no case (RFC 7643, 4.1.1).
create unique index scim_users_by_name on tenantry.scim_users (tenant_id, lower(user_name));
create index scim_users_by_external_id on tenantry.scim_users (tenant_id, external_id);
create index scim_users_by_email on tenantry.scim_users (tenant_id, email);
create unique index scim_users_by_member on tenantry.scim_users (tenant_id, member_id) where member_id is not null;
call tenantry.protect_tenant_table('tenantry.scim_users');
grant select, insert, update, delete on tenantry.scim_users to tenantry_app, tenantry_staff;

create table tenantry.scim_groups (
  tenant_id text not null references tenantry.tenants (tenant_id),
  group_id uuid not null default gen_random_uuid(),
  display_name text not null check (length(display_name) between 1 and 255),
  external_id text check (length(external_id) between 1 and 255),
  version bigint not null default 1 check (version > 0),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, group_id)
);
-- Rules name groups by their names: two of one name would be two ways to one role.
create unique index scim_groups_by_name on tenantry.scim_groups (tenant_id, lower(display_name));
call tenantry.protect_tenant_table('tenantry.scim_groups');
grant select, insert, update, delete on tenantry.scim_groups to tenantry_app, tenantry_staff;

create table tenantry.scim_group_members (
  tenant_id text not null,
  group_id uuid not null,
  user_id uuid not null,
  primary key (tenant_id, group_id, user_id),
  foreign key (tenant_id, group_id) references tenantry.scim_groups (tenant_id, group_id) on delete cascade,
  foreign key (tenant_id, user_id) references tenantry.scim_users (tenant_id, user_id) on delete cascade
);
create index scim_group_members_of_user on tenantry.scim_group_members (tenant_id, user_id);
call tenantry.protect_tenant_table('tenantry.scim_group_members');
grant select, insert, update, delete on tenantry.scim_group_members to tenantry_app, tenantry_staff;

-- What tokens may name people by, beside the columns above: every address, names that a user had before, and names of
-- users whom the directory has deleted. Tokens outlive all of these changes and must not open more by them. Hashes.
create table tenantry.scim_names (
  tenant_id text not null references tenantry.tenants (tenant_id),
  -- SHA-256 of the name in small letters.
  subject bytea not null check (length(subject) = 32),
  -- Who has it, or had it last. No reference: of a user who is no more, it says just that.
  user_id uuid not null,
  -- null: the user has it now.
  left_at timestamptz,
  primary key (tenant_id, subject)
);
create index scim_names_of_user on tenantry.scim_names (tenant_id, user_id);
call tenantry.protect_tenant_table('tenantry.scim_names');
grant select, insert, update, delete on tenantry.scim_names to tenantry_app, tenantry_staff;

-- A key of a directory is of one tenant and is good for nothing else.
alter table tenantry.keys drop constraint keys_scopes_check;
alter table tenantry.keys add constraint keys_scopes_check
  check (cardinality(scopes) > 0 and scopes <@ array['ingest', 'flags', 'scim']);
alter table tenantry.keys add constraint keys_of_directories
  check (not 'scim' = any (scopes) or (tenant_id is not null and scopes = array['scim']));
alter table tenantry.keys drop constraint keys_of_tenants_ingest;
alter table tenantry.keys add constraint keys_of_tenants
  check (not made_by_tenant or (tenant_id is not null and scopes in (array['ingest'], array['scim'])));

-- Which of Tenantry's own features the plan's tenants may use (src/domain/plan-features.ts); null: all of them.
alter table tenantry.plan_versions add column tenantry_features text[];
