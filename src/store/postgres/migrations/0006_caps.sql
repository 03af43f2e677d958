-- Spend caps per tenant; read and enforced by later work.
create table tenantry.caps (
  tenant_id text not null references tenantry.tenants (tenant_id),
  period text not null check (period in ('day', 'month')),
  -- Micro-units of the currency: money is an integer.
  amount_micro bigint not null check (amount_micro >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, period)
);
call tenantry.protect_tenant_table('tenantry.caps');
grant select on tenantry.caps to tenantry_app;
grant select, insert, update, delete on tenantry.caps to tenantry_staff;
