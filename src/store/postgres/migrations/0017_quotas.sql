-- What plans include and since when, which plan a tenant had when, and what follows from both: burst credits, signals
-- for sales, and where a tenant is placed.

-- A plan's terms from one moment on, until the next: a past month is judged by what held then.
create table tenantry.plan_versions (
  plan text not null references tenantry.plans (name),
  effective_from timestamptz not null,
  -- [{key, period, limit, kind, burst}]; limits as text, because JSON numbers end at 2^53.
  quotas jsonb not null check (jsonb_typeof(quotas) = 'array'),
  guarantee_rps double precision check (guarantee_rps >= 0),
  ceiling_rps double precision check (ceiling_rps > 0),
  weight double precision not null check (weight > 0),
  features text[],
  price_micro bigint check (price_micro >= 0),
  price_currency text check (price_currency ~ '^[A-Z]{3}$'),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp(),
  primary key (plan, effective_from),
  constraint plan_versions_price_whole check (num_nulls(price_micro, price_currency) in (0, 2)),
  -- A throttle that may not go below the guarantee could never hold a ceiling under it.
  constraint plan_versions_room check (guarantee_rps is null or ceiling_rps is null or guarantee_rps <= ceiling_rps)
);
grant select on tenantry.plan_versions to tenantry_app;
grant select, insert, update on tenantry.plan_versions to tenantry_staff;

-- Which plan a tenant has been on since when; null: on none. The newest row is what tenants.plan says.
create table tenantry.tenant_plan_history (
  tenant_id text not null references tenantry.tenants (tenant_id),
  effective_from timestamptz not null,
  plan text references tenantry.plans (name),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, effective_from)
);
-- Plans given before there was a history are taken to have held since the tenant was first seen. Row security hides
-- tenants from their owner, too, while it is forced.
alter table tenantry.tenants no force row level security;
insert into tenantry.tenant_plan_history (tenant_id, effective_from, plan, set_by)
select tenant_id, first_seen_at, plan, 'migration' from tenantry.tenants where plan is not null;
alter table tenantry.tenants force row level security;
call tenantry.protect_tenant_table('tenantry.tenant_plan_history');
grant select on tenantry.tenant_plan_history to tenantry_app;
grant select, insert on tenantry.tenant_plan_history to tenantry_staff;

-- The day of the month on which a tenant's own month begins; without a row: the calendar's.
create table tenantry.billing_days (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  day int not null check (day between 1 and 31),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
call tenantry.protect_tenant_table('tenantry.billing_days');
grant select on tenantry.billing_days to tenantry_app;
grant select, insert, update, delete on tenantry.billing_days to tenantry_staff;

-- Seats in use, as the app says; each row holds until the next.
create table tenantry.seats (
  tenant_id text not null references tenantry.tenants (tenant_id),
  at timestamptz not null,
  seats bigint not null check (seats >= 0),
  set_by text not null,
  primary key (tenant_id, at)
);
call tenantry.protect_tenant_table('tenantry.seats');
grant select on tenantry.seats to tenantry_app;
grant select, insert, update on tenantry.seats to tenantry_staff;

-- Burst credits. An account is the row that is locked while its lots change.
create table tenantry.burst_accounts (
  tenant_id text not null references tenantry.tenants (tenant_id),
  key text not null check (length(key) between 1 and 200),
  primary key (tenant_id, key)
);
call tenantry.protect_tenant_table('tenantry.burst_accounts');
grant select on tenantry.burst_accounts to tenantry_app;
grant select, insert, update on tenantry.burst_accounts to tenantry_staff;

-- What one closed period earned, once: also a period that earned nothing leaves its row, and is not asked about again.
create table tenantry.burst_lots (
  tenant_id text not null,
  key text not null,
  period text not null check (period in ('day', 'month')),
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end > period_start),
  -- What it was worked out from.
  quota numeric(30, 0) not null check (quota >= 0),
  used numeric(30, 0) not null check (used >= 0),
  earned numeric(30, 0) not null check (earned >= 0),
  remaining numeric(30, 0) not null check (remaining between 0 and earned),
  expires_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, key, period, period_start),
  foreign key (tenant_id, key) references tenantry.burst_accounts (tenant_id, key)
);
create index burst_lots_live on tenantry.burst_lots (tenant_id, key, expires_at) where remaining > 0;
create index burst_lots_expiry on tenantry.burst_lots (expires_at) where remaining > 0;
call tenantry.protect_tenant_table('tenantry.burst_lots');
grant select on tenantry.burst_lots to tenantry_app;
grant select, insert, update on tenantry.burst_lots to tenantry_staff;

-- The ledger: every entry takes from one account and gives the same to another. Rows are added and never changed.
create table tenantry.burst_entries (
  tenant_id text not null,
  seq bigint generated always as identity,
  key text not null,
  period text not null,
  period_start timestamptz not null,
  at timestamptz not null,
  kind text not null check (kind in ('earned', 'spent', 'expired')),
  debit text not null,
  credit text not null,
  amount numeric(30, 0) not null check (amount > 0),
  -- The beginning of the period whose use was paid for; of what was spent only.
  covers timestamptz,
  -- What it belongs to; the same reference is booked on a lot once, however often it is asked for.
  reference text not null check (length(reference) between 1 and 200),
  reason text not null check (length(reason) between 1 and 1000),
  booked_by text not null,
  primary key (tenant_id, seq),
  unique (tenant_id, key, reference, period, period_start),
  foreign key (tenant_id, key, period, period_start)
    references tenantry.burst_lots (tenant_id, key, period, period_start),
  constraint burst_entries_double check (
    case kind
      when 'earned' then debit = 'allowance' and credit = 'balance'
      when 'spent' then debit = 'balance' and credit = 'spent' and covers is not null
      when 'expired' then debit = 'balance' and credit = 'expired'
    end is true
  )
);
create index burst_entries_newest on tenantry.burst_entries (tenant_id, seq desc);
create index burst_entries_covers on tenantry.burst_entries (tenant_id, key, covers) where kind = 'spent';
call tenantry.protect_tenant_table('tenantry.burst_entries');
grant select on tenantry.burst_entries to tenantry_app;
grant select, insert on tenantry.burst_entries to tenantry_staff;

create function tenantry.refuse_burst_entry_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the burst credit ledger is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger burst_entries_append_only before update or delete on tenantry.burst_entries
  for each row execute function tenantry.refuse_burst_entry_change();
create trigger burst_entries_no_truncate before truncate on tenantry.burst_entries
  for each statement execute function tenantry.refuse_burst_entry_change();

-- What sales should look at. Nothing for tenantry_app: signals speak of margins and of what might be sold.
create table tenantry.signals (
  id uuid not null default gen_random_uuid(),
  tenant_id text not null references tenantry.tenants (tenant_id),
  kind text not null check (kind in
    ('near_quota', 'growth', 'beyond_plan', 'negative_margin', 'limited_experience', 'shrinking')),
  -- What it is about within its kind: a quota's key, a feature; '' if there is only one.
  subject text not null check (length(subject) <= 200),
  since timestamptz not null,
  seen_at timestamptz not null,
  strength int not null check (strength between 0 and 100),
  sentence text not null check (length(sentence) between 1 and 1000),
  evidence jsonb not null check (jsonb_typeof(evidence) = 'object'),
  ended_at timestamptz check (ended_at >= since),
  dismissed_at timestamptz,
  dismissed_by text,
  dismissed_reason text check (length(dismissed_reason) between 1 and 1000),
  -- null beside a dismissal: for as long as the signal lasts.
  snoozed_until timestamptz,
  primary key (id, tenant_id),
  constraint signals_dismissed_whole check (num_nulls(dismissed_at, dismissed_by, dismissed_reason) in (0, 3))
);
create unique index signals_one_open on tenantry.signals (tenant_id, kind, subject) where ended_at is null;
create index signals_newest on tenantry.signals (since desc);
create index signals_over on tenantry.signals (ended_at) where ended_at is not null;
call tenantry.protect_tenant_table('tenantry.signals');
grant select, insert, update, delete on tenantry.signals to tenantry_staff;

-- How long a condition has held or been gone, so that a signal comes and goes once and not with every evaluation.
create table tenantry.signal_watches (
  tenant_id text not null references tenantry.tenants (tenant_id),
  kind text not null,
  subject text not null check (length(subject) <= 200),
  on_since timestamptz,
  off_since timestamptz,
  evaluated_at timestamptz not null,
  primary key (tenant_id, kind, subject)
);
call tenantry.protect_tenant_table('tenantry.signal_watches');
grant select, insert, update, delete on tenantry.signal_watches to tenantry_staff;

-- What an instance of a tenant's own would cost, and what the pools are made of. One document, replaced whole: offers
-- only mean something beside each other.
create table tenantry.dedicated_offers (
  id int primary key check (id = 1),
  terms jsonb not null check (jsonb_typeof(terms) = 'object'),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
grant select, insert, update on tenantry.dedicated_offers to tenantry_staff;

-- Where people have placed a tenant; without a row: in the pool.
create table tenantry.placements (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  placement text not null check (placement in ('pooled', 'dedicated')),
  reason text not null check (length(reason) between 1 and 1000),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp()
);
call tenantry.protect_tenant_table('tenantry.placements');
grant select on tenantry.placements to tenantry_app;
grant select, insert, update on tenantry.placements to tenantry_staff;
