-- The price book. Nothing in it is ever changed: each change is a version that ends rows and adds others, so what a past
-- version said can be read for ever: rows with added_in <= v and (ended_in is null or ended_in > v).
alter table tenantry.revisions drop constraint revisions_stream_check;
alter table tenantry.revisions add constraint revisions_stream_check check (stream ~ '^[a-z_]{1,40}$');
insert into tenantry.revisions (stream) values ('prices');

create table tenantry.price_versions (
  -- The revision of the stream `prices` that announced it.
  version bigint primary key,
  kind text not null check (kind in ('seed', 'import', 'edit')),
  reason text not null check (length(reason) <= 1000),
  added int not null check (added >= 0),
  ended int not null check (ended >= 0),
  by text not null,
  at timestamptz not null default clock_timestamp()
);
grant select, insert on tenantry.price_versions to tenantry_staff;

-- An ended row stays as it was: only its end may be written, and once.
create function tenantry.only_end_once() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if old.ended_in is not null or new.ended_in is null or to_jsonb(old) - 'ended_in' <> to_jsonb(new) - 'ended_in' then
    raise exception 'a row of the price book ends once' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;

create table tenantry.prices (
  id bigint generated always as identity primary key,
  layer text not null check (layer in ('contract', 'book', 'seed')),
  -- Contract whose price it is, '' in the other layers.
  contract text not null check ((contract <> '') = (layer = 'contract')),
  provider text not null check (length(provider) between 1 and 128 and provider = lower(provider)),
  model text not null check (length(model) between 1 and 256 and model = lower(model)),
  variant text not null check (variant in ('standard', 'batch', 'flex', 'priority')),
  kind text not null check (kind ~ '^[a-z0-9_]{1,40}$'),
  -- Minutes of the day in UTC; -1: the whole day.
  daily_from smallint not null check (daily_from between -1 and 1439),
  daily_to smallint not null check (daily_to between -1 and 1440),
  -- Pico-units of US dollars a unit: whole, so that sums are exact.
  base_pico bigint not null check (base_pico >= 0),
  -- [[over, "pico"]] ascending; as text, because JSON numbers end at 2^53.
  steps jsonb not null check (jsonb_typeof(steps) = 'array'),
  -- Whole hours, as usage is priced by the hour; null: since ever, until further notice.
  effective_from timestamptz check (date_trunc('hour', effective_from, 'UTC') = effective_from),
  effective_to timestamptz check (date_trunc('hour', effective_to, 'UTC') = effective_to),
  source text not null check (source in ('genai-prices', 'litellm', 'csv', 'manual')),
  source_ref text not null check (length(source_ref) <= 200),
  added_in bigint not null references tenantry.price_versions (version),
  ended_in bigint references tenantry.price_versions (version),
  subject bigint generated always as (hashtextextended(
    layer || E'\n' || contract || E'\n' || provider || E'\n' || model || E'\n' || variant || E'\n' || kind || E'\n' ||
    daily_from::text || E'\n' || daily_to::text, 0)) stored,
  constraint prices_period check (effective_from < effective_to),
  constraint prices_daily check ((daily_from = -1) = (daily_to = -1)),
  -- One price for one thing at a time. A range of one hash, as plain equality would need an extension.
  constraint prices_no_overlap exclude using gist (
    int8range(subject, subject, '[]') with &&, tstzrange(effective_from, effective_to) with &&) where (ended_in is null)
);
create index prices_versions on tenantry.prices (ended_in);
create trigger prices_end_once after update on tenantry.prices for each row execute function tenantry.only_end_once();
grant select, insert, update on tenantry.prices to tenantry_staff;

-- What one tenant was promised.
create table tenantry.price_overrides (
  tenant_id text not null references tenantry.tenants (tenant_id),
  id bigint generated always as identity,
  provider text not null check (length(provider) between 1 and 128 and provider = lower(provider)),
  model text not null check (length(model) between 1 and 256 and model = lower(model)),
  variant text not null check (variant in ('standard', 'batch', 'flex', 'priority')),
  kind text not null check (kind ~ '^[a-z0-9_]{1,40}$'),
  daily_from smallint not null check (daily_from between -1 and 1439),
  daily_to smallint not null check (daily_to between -1 and 1440),
  base_pico bigint not null check (base_pico >= 0),
  steps jsonb not null check (jsonb_typeof(steps) = 'array'),
  effective_from timestamptz check (date_trunc('hour', effective_from, 'UTC') = effective_from),
  effective_to timestamptz check (date_trunc('hour', effective_to, 'UTC') = effective_to),
  source text not null check (source in ('genai-prices', 'litellm', 'csv', 'manual')),
  source_ref text not null check (length(source_ref) <= 200),
  added_in bigint not null references tenantry.price_versions (version),
  ended_in bigint references tenantry.price_versions (version),
  subject bigint generated always as (hashtextextended(
    tenant_id || E'\n' || provider || E'\n' || model || E'\n' || variant || E'\n' || kind || E'\n' ||
    daily_from::text || E'\n' || daily_to::text, 0)) stored,
  primary key (tenant_id, id),
  constraint price_overrides_period check (effective_from < effective_to),
  constraint price_overrides_daily check ((daily_from = -1) = (daily_to = -1)),
  constraint price_overrides_no_overlap exclude using gist (
    int8range(subject, subject, '[]') with &&, tstzrange(effective_from, effective_to) with &&) where (ended_in is null)
);
create trigger price_overrides_end_once after update on tenantry.price_overrides
  for each row execute function tenantry.only_end_once();
call tenantry.protect_tenant_table('tenantry.price_overrides');
grant select, insert, update on tenantry.price_overrides to tenantry_staff;

create table tenantry.contracts (
  id bigint generated always as identity primary key,
  name text not null check (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  discount_bps int not null check (discount_bps between 0 and 10000),
  effective_from timestamptz check (date_trunc('hour', effective_from, 'UTC') = effective_from),
  effective_to timestamptz check (date_trunc('hour', effective_to, 'UTC') = effective_to),
  added_in bigint not null references tenantry.price_versions (version),
  ended_in bigint references tenantry.price_versions (version),
  constraint contracts_period check (effective_from < effective_to)
);
create unique index contracts_name on tenantry.contracts (name) where ended_in is null;
create trigger contracts_end_once after update on tenantry.contracts
  for each row execute function tenantry.only_end_once();
grant select, insert, update on tenantry.contracts to tenantry_staff;

create table tenantry.contract_members (
  tenant_id text not null references tenantry.tenants (tenant_id),
  id bigint generated always as identity,
  contract text not null,
  effective_from timestamptz check (date_trunc('hour', effective_from, 'UTC') = effective_from),
  effective_to timestamptz check (date_trunc('hour', effective_to, 'UTC') = effective_to),
  added_in bigint not null references tenantry.price_versions (version),
  ended_in bigint references tenantry.price_versions (version),
  subject bigint generated always as (hashtextextended(tenant_id, 0)) stored,
  primary key (tenant_id, id),
  constraint contract_members_period check (effective_from < effective_to),
  -- A tenant is under one contract at a time.
  constraint contract_members_no_overlap exclude using gist (
    int8range(subject, subject, '[]') with &&, tstzrange(effective_from, effective_to) with &&) where (ended_in is null)
);
create index contract_members_contract on tenantry.contract_members (contract);
create trigger contract_members_end_once after update on tenantry.contract_members
  for each row execute function tenantry.only_end_once();
call tenantry.protect_tenant_table('tenantry.contract_members');
grant select, insert, update on tenantry.contract_members to tenantry_staff;

-- Months whose AI costs are final. What becomes known later is written beside them, as corrections.
create table tenantry.ai_months (
  month date primary key check (extract(day from month) = 1),
  closed_by text not null,
  closed_at timestamptz not null default clock_timestamp(),
  -- Version that parts of the month are priced by: that of the close, then of the last repricing.
  book_version bigint not null
);
grant select, insert, update on tenantry.ai_months to tenantry_staff;

create table tenantry.repricings (
  id uuid primary key default gen_random_uuid(),
  -- Months, half-open.
  from_month date not null,
  to_month date not null check (to_month > from_month),
  book_version bigint not null,
  reason text not null check (length(reason) between 1 and 1000),
  lines int not null check (lines >= 0),
  difference_micro numeric(40) not null,
  by text not null,
  at timestamptz not null default clock_timestamp()
);
grant select, insert on tenantry.repricings to tenantry_staff;

-- What a tenant's calls to a model cost in a closed month, and every correction of it. No reference to tenants: usage that
-- names no tenant is closed, too.
create table tenantry.ai_month_lines (
  tenant_id text not null,
  month date not null references tenantry.ai_months (month),
  id bigint generated always as identity,
  -- null: the figure at the close.
  repricing uuid references tenantry.repricings (id),
  provider text not null,
  model text not null,
  -- Differences in a correction.
  calls bigint not null,
  unpriced_calls bigint not null,
  cost_pico numeric(40) not null,
  primary key (tenant_id, month, id)
);
create index ai_month_lines_month on tenantry.ai_month_lines (month);
create index ai_month_lines_repricing on tenantry.ai_month_lines (repricing) where repricing is not null;
call tenantry.protect_tenant_table('tenantry.ai_month_lines');
grant select on tenantry.ai_month_lines to tenantry_app;
grant select, insert on tenantry.ai_month_lines to tenantry_staff;
