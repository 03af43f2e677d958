-- Bills as they were imported, the rules that share them out, and what came of it. Only staff sees any of this: what a
-- tenant costs is the operator's business, so tenantry_app has no right on any of these tables.

create table tenantry.bills (
  id uuid primary key,
  -- importing: its lines are still coming in and count nowhere.
  state text not null check (state in ('importing', 'current', 'superseded', 'removed')),
  format text not null check (format in ('focus', 'aws-cur', 'simple')),
  focus_version text,
  file_name text not null check (length(file_name) <= 255),
  -- Of the file as it came; '' until all of it is there.
  sha256 text not null default '' check (sha256 ~ '^([0-9a-f]{64})?$'),
  measure text not null check (measure in ('billed', 'effective')),
  currency text not null default '' check (currency ~ '^([A-Z]{3})?$'),
  -- {"EUR": "1.0832"}: what one unit of a line's currency is in the bill's.
  rates jsonb not null default '{}' check (jsonb_typeof(rates) = 'object'),
  bill_micro bigint not null default 0,
  lines int not null default 0 check (lines >= 0),
  rounded_lines int not null default 0 check (rounded_lines >= 0),
  charges_from timestamptz,
  charges_to timestamptz,
  correction boolean not null default false,
  replaces uuid[] not null default '{}',
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  ended_by text,
  ended_at timestamptz
);
-- The same file twice is the same bill twice, whatever it is called. One of several currencies may be split into several.
create unique index bills_content on tenantry.bills (sha256, currency) where state = 'current';
create index bills_newest on tenantry.bills (created_at desc, id);
grant select, insert, update, delete on tenantry.bills to tenantry_staff;

-- Whose bills for when a file holds. Two current bills with overlapping rows would count charges twice (bill-store.ts).
create table tenantry.bill_identities (
  bill_id uuid not null references tenantry.bills (id) on delete cascade,
  issuer text not null,
  account text not null,
  invoice text not null,
  currency text not null,
  period_from timestamptz not null,
  period_to timestamptz not null check (period_to > period_from),
  primary key (bill_id, issuer, account, invoice, currency, period_from, period_to)
);
create index bill_identities_account on tenantry.bill_identities (account, period_from);
grant select, insert, delete on tenantry.bill_identities to tenantry_staff;

create table tenantry.bill_lines (
  bill_id uuid not null references tenantry.bills (id) on delete cascade,
  line int not null,
  provider text not null,
  issuer text not null,
  account text not null,
  account_name text not null,
  invoice text not null,
  sub_account text not null,
  sub_account_name text not null,
  service text not null,
  category text not null,
  region text not null,
  resource text not null,
  sku text not null,
  description text not null,
  charge_category text not null check (charge_category in ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment')),
  correction boolean not null,
  tags jsonb not null check (jsonb_typeof(tags) = 'object'),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- Exact, as the file has it.
  amount numeric(38, 18) not null,
  rounded boolean not null,
  charge_from timestamptz not null,
  charge_to timestamptz not null check (charge_to > charge_from),
  billing_from timestamptz not null,
  billing_to timestamptz not null check (billing_to > billing_from),
  -- 1: by the line's id, 2: by all of its cells; then 15 bytes of the SHA-256 of that.
  line_key bytea not null,
  primary key (bill_id, line)
);
grant select, insert, delete on tenantry.bill_lines to tenantry_staff;

-- What a bill comes to on each day on which charges begin, made from its lines alone: rules have no say in it. Answers
-- are checked against it.
create table tenantry.bill_days (
  bill_id uuid not null references tenantry.bills (id) on delete cascade,
  day date not null,
  -- The day on which it counts: later than `day` where the month was closed before the bill came.
  booked date not null,
  micro bigint not null,
  primary key (bill_id, day)
);
create index bill_days_booked on tenantry.bill_days (booked);
grant select, insert, delete on tenantry.bill_days to tenantry_staff;

create table tenantry.allocation_rules (
  version int primary key check (version >= 1),
  rules jsonb not null check (jsonb_typeof(rules) = 'array'),
  comment text check (length(comment) <= 1000),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp()
);
grant select, insert on tenantry.allocation_rules to tenantry_staff;

-- One way in which a bill was shared out. A bill has one at most; doing it again takes the place of the one before.
create table tenantry.cost_allocations (
  id uuid primary key,
  bill_id uuid not null unique references tenantry.bills (id) on delete cascade,
  -- 0: there were no rules.
  rules_version int not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp()
);
grant select, insert, delete on tenantry.cost_allocations to tenantry_staff;

-- Lines that were shared together: tenants + shared + idle + unallocated = micro.
create table tenantry.cost_groups (
  allocation_id uuid not null references tenantry.cost_allocations (id) on delete cascade,
  group_no int not null,
  -- Id of the rule; '(none)' where no rule was for the lines, '(follow)' where tax and credits went with their charges.
  rule text not null,
  part text not null,
  provider text not null,
  issuer text not null,
  account text not null,
  service text not null,
  category text not null,
  charge_category text not null,
  correction boolean not null,
  billing_from timestamptz not null,
  billing_to timestamptz not null,
  usage_from timestamptz not null,
  usage_to timestamptz not null,
  day date not null,
  booked date not null,
  -- 1e-18 of the bill's currency times 1e-12 of the rate.
  exact numeric not null,
  micro bigint not null,
  tenants_micro bigint not null,
  shared_micro bigint not null,
  idle_micro bigint not null,
  unallocated_micro bigint not null,
  reason text,
  -- What it was shared by: places in `cost_bases`.
  basis_nos int[] not null,
  line_nos int[] not null,
  primary key (allocation_id, group_no),
  constraint cost_groups_whole check (micro = tenants_micro + shared_micro + idle_micro + unallocated_micro)
);
create index cost_groups_booked on tenantry.cost_groups (booked);
grant select, insert, delete on tenantry.cost_groups to tenantry_staff;

-- Usage that groups were shared by, as it was then: telemetry that comes later must not change what an answer says.
create table tenantry.cost_bases (
  allocation_id uuid not null references tenantry.cost_allocations (id) on delete cascade,
  basis_no int not null,
  key text not null,
  usage_from timestamptz not null,
  usage_to timestamptz not null,
  total numeric not null,
  primary key (allocation_id, basis_no)
);
grant select, insert, delete on tenantry.cost_bases to tenantry_staff;

-- A tenant's shares of one bill's groups, and its usage. One row with arrays instead of one for each group: 10,000
-- tenants of a month with 600 groups are 10,000 rows of 7 KB and not 6 million.
create table tenantry.cost_shares (
  tenant_id text not null references tenantry.tenants (tenant_id),
  allocation_id uuid not null references tenantry.cost_allocations (id) on delete cascade,
  group_nos int[] not null,
  micros bigint[] not null,
  basis_nos int[] not null,
  usages numeric[] not null,
  primary key (tenant_id, allocation_id),
  constraint cost_shares_pairs check (cardinality(group_nos) = cardinality(micros) and cardinality(basis_nos) = cardinality(usages))
);
create index cost_shares_allocation on tenantry.cost_shares (allocation_id);
call tenantry.protect_tenant_table('tenantry.cost_shares');
grant select, insert, delete on tenantry.cost_shares to tenantry_staff;

-- The same by month and part: what pages and reports ask for.
create table tenantry.cost_months (
  tenant_id text not null references tenantry.tenants (tenant_id),
  month date not null check (extract(day from month) = 1),
  part text not null,
  allocation_id uuid not null references tenantry.cost_allocations (id) on delete cascade,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  micro bigint not null,
  primary key (tenant_id, month, part, allocation_id)
);
-- All tenants of some months without touching the table.
create index cost_months_month on tenantry.cost_months (month, currency) include (tenant_id, part, micro);
create index cost_months_allocation on tenantry.cost_months (allocation_id);
call tenantry.protect_tenant_table('tenantry.cost_months');
grant select, insert, delete on tenantry.cost_months to tenantry_staff;
