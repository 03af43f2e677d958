-- What customers pay, as billing systems export it, and who the customers are. Only staff sees any of this.

-- Which tenant a customer of the billing system is, where the files do not say so themselves.
create table tenantry.revenue_customers (
  customer_id text primary key check (length(customer_id) between 1 and 255),
  tenant_id text not null references tenantry.tenants (tenant_id),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
create index revenue_customers_tenant on tenantry.revenue_customers (tenant_id);
call tenantry.protect_tenant_table('tenantry.revenue_customers');
grant select, insert, update, delete on tenantry.revenue_customers to tenantry_staff;

-- Files that were imported. The same file twice changes nothing.
create table tenantry.revenue_imports (
  id uuid primary key default gen_random_uuid(),
  sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
  file_name text not null check (length(file_name) <= 255),
  format text not null check (format in ('stripe-csv', 'stripe-json', 'csv')),
  -- The moment that the file tells of.
  as_of timestamptz not null,
  subscriptions int not null check (subscriptions >= 0),
  invoices int not null check (invoices >= 0),
  added int not null check (added >= 0),
  changed int not null check (changed >= 0),
  unchanged int not null check (unchanged >= 0),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp()
);
create index revenue_imports_newest on tenantry.revenue_imports (created_at desc);
grant select, insert, update on tenantry.revenue_imports to tenantry_staff;

-- How a subscription was from one moment until its next version. tenant_id null: of a customer that is no tenant yet.
create table tenantry.revenue_subscriptions (
  subscription_id text not null check (length(subscription_id) between 1 and 255),
  effective_from timestamptz not null,
  tenant_id text references tenantry.tenants (tenant_id),
  customer_id text not null,
  -- As in src/domain/revenue.ts, without ids; amounts are texts of digits.
  terms jsonb not null check (jsonb_typeof(terms) = 'object'),
  import_id uuid not null references tenantry.revenue_imports (id),
  primary key (subscription_id, effective_from)
);
create index revenue_subscriptions_tenant on tenantry.revenue_subscriptions (tenant_id);
create index revenue_subscriptions_customer on tenantry.revenue_subscriptions (customer_id);
call tenantry.protect_tenant_table('tenantry.revenue_subscriptions');
grant select, insert, update, delete on tenantry.revenue_subscriptions to tenantry_staff;

create table tenantry.revenue_invoices (
  invoice_id text primary key check (length(invoice_id) between 1 and 255),
  tenant_id text references tenantry.tenants (tenant_id),
  customer_id text not null,
  -- The whole time that its lines are for.
  earned_from timestamptz not null,
  earned_to timestamptz not null check (earned_to >= earned_from),
  terms jsonb not null check (jsonb_typeof(terms) = 'object'),
  import_id uuid not null references tenantry.revenue_imports (id),
  updated_at timestamptz not null default clock_timestamp()
);
create index revenue_invoices_tenant on tenantry.revenue_invoices (tenant_id);
create index revenue_invoices_customer on tenantry.revenue_invoices (customer_id);
create index revenue_invoices_earned on tenantry.revenue_invoices (earned_to, earned_from);
call tenantry.protect_tenant_table('tenantry.revenue_invoices');
grant select, insert, update on tenantry.revenue_invoices to tenantry_staff;

-- What the operator calls a feature: which requests are its, and which plans pay for it. One set for all tenants.
create table tenantry.revenue_features (
  name text primary key check (length(name) between 1 and 64),
  -- [{service, route}], '' for any; the first feature by position that fits has the request.
  routes jsonb not null check (jsonb_typeof(routes) = 'array'),
  plans text[] not null,
  position int not null unique check (position >= 0)
);
grant select, insert, update, delete on tenantry.revenue_features to tenantry_staff;
