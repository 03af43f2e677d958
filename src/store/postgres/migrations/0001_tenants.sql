-- What every later migration builds on: the two procedures that lock a table down, plans, tenants.
--
-- Migrations run as tenantry_owner. Row security is FORCED on tenant tables, so the owner itself sees no rows: a
-- migration that must change data does `set local role tenantry_staff` and `set_config('app.super_admin', 'on', true)`.

alter default privileges for role tenantry_owner revoke execute on routines from public;

grant usage on schema tenantry to tenantry_app, tenantry_staff;

-- Row security for a table whose rows belong to a tenant (column tenant_id). The tenant condition stands twice: in the
-- permissive policy, and in a restrictive one, so that a permissive policy added by mistake later opens nothing.
-- nullif: after a transaction on a pooled connection the setting is '' and not NULL.
create procedure tenantry.protect_tenant_table(target regclass)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  own_tenant constant text := $q$tenant_id = nullif(current_setting('app.current_tenant', true), '')$q$;
  is_staff constant text := $q$current_setting('app.super_admin', true) = 'on'$q$;
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy app_tenant on %s as permissive for all to tenantry_app using (%s) with check (%s)',
    target, own_tenant, own_tenant);
  execute format('create policy app_tenant_only on %s as restrictive for all to tenantry_app using (%s) with check (%s)',
    target, own_tenant, own_tenant);
  execute format('create policy staff on %s as permissive for all to tenantry_staff using (%s) with check (%s)',
    target, is_staff, is_staff);
end
$$;

create table tenantry.plans (
  name text primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'),
  created_at timestamptz not null default clock_timestamp()
);
grant select on tenantry.plans to tenantry_app;
grant select, insert on tenantry.plans to tenantry_staff;

create table tenantry.tenants (
  -- The operator's own word for the customer; the pattern of src/domain/tenant-id.ts.
  tenant_id text primary key check (tenant_id ~ '^[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}$'),
  display_name text check (length(display_name) between 1 and 200),
  plan text references tenantry.plans (name),
  status text not null default 'active' check (status in ('active', 'suspended', 'closed')),
  -- When telemetry or a person first named the tenant.
  first_seen_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp()
);
call tenantry.protect_tenant_table('tenantry.tenants');
grant select on tenantry.tenants to tenantry_app;
grant select, insert, update on tenantry.tenants to tenantry_staff;
