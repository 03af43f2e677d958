-- Reports that are sent on a schedule, and what became of each.

create table tenantry.report_schedules (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 100),
  dataset text not null check (dataset in ('usage', 'quotas', 'ai-costs', 'costs', 'margins')),
  format text not null check (format in ('csv', 'json', 'parquet')),
  step text not null check (step in ('total', 'day', 'month')),
  period text not null check (period in ('day', 'week', 'month')),
  time_zone text not null check (length(time_zone) <= 64),
  -- Null: of every tenant. Staff only either way, so the table is nobody's rows.
  about_tenant text,
  -- Address and signing secret, under a key that the database does not hold.
  sealed_target text not null check (length(sealed_target) <= 20000),
  host text not null check (length(host) <= 255),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  next_at timestamptz not null
);
grant select, insert, update, delete on tenantry.report_schedules to tenantry_staff;

-- One for each schedule and period, whoever comes to make it.
create table tenantry.report_deliveries (
  schedule_id uuid not null references tenantry.report_schedules (id) on delete cascade,
  period_from timestamptz not null,
  period_to timestamptz not null,
  state text not null check (state in ('waiting', 'sent', 'failed')),
  attempts int not null default 0,
  detail text check (length(detail) <= 500),
  report_rows bigint,
  first_due_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  at timestamptz not null default clock_timestamp(),
  primary key (schedule_id, period_from)
);
create index report_deliveries_due on tenantry.report_deliveries (due_at) where state = 'waiting';
grant select, insert, update, delete on tenantry.report_deliveries to tenantry_staff;
