-- What the operator counts, and the events to be counted on their way into ClickHouse.

-- The operator's: no tenant column. Whoever may ask for a meter's values may read what it is.
create table tenantry.meters (
  slug text primary key check (slug ~ '^[a-z0-9]+(_[a-z0-9]+)*$' and length(slug) <= 63),
  event_type text not null check (length(event_type) between 1 and 256),
  aggregation text not null check (aggregation in ('sum', 'count', 'unique_count', 'avg', 'min', 'max', 'latest')),
  -- JSON path into the event's data, in its one way to be written (src/domain/json-path.ts).
  value_path text check (length(value_path) between 2 and 1200),
  -- {name: path}
  group_by jsonb not null check (jsonb_typeof(group_by) = 'object'),
  unit text not null check (length(unit) between 1 and 50),
  description text not null check (length(description) <= 500),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint meters_value check ((aggregation = 'count') = (value_path is null))
);
grant select on tenantry.meters to tenantry_app;
grant select, insert, delete on tenantry.meters to tenantry_staff;

-- Which events were taken in: the unique key is what counts an event once, over retries, restarts and servers. A hash
-- (of tenant, source and id) tells nobody anything, so there is no tenant column, and a row costs some 80 bytes. Kept
-- for longer than an event may be late (meter-event-intake.ts).
create table tenantry.usage_event_ids (
  event_key uuid primary key,
  -- Half of a hash of everything else in the event: whether a repetition says the same.
  content bigint not null,
  taken_at timestamptz not null
);
-- Rows come in the order of time, so a few pages of index find the old ones.
create index usage_event_ids_age on tenantry.usage_event_ids using brin (taken_at);
grant select, insert, delete on tenantry.usage_event_ids to tenantry_staff;

-- Events that were acknowledged and are not in ClickHouse yet: one row an accepted request, entered in the transaction
-- that enters the ids. Of any tenants, hence no tenant column, and nothing for tenantry_app.
create table tenantry.usage_event_batches (
  id bigint generated always as identity primary key,
  -- JSON lines as ClickHouse takes them.
  rows text not null,
  events int not null check (events > 0),
  taken_at timestamptz not null
);
grant select, insert, delete on tenantry.usage_event_batches to tenantry_staff;

-- Batches put together for one insert. The id is its deduplication token: these rows and no others, for ever.
create table tenantry.usage_event_segments (
  id uuid primary key,
  rows text not null,
  events int not null check (events > 0),
  taken_at timestamptz not null,
  sealed_at timestamptz not null default clock_timestamp()
);
grant select, insert, delete on tenantry.usage_event_segments to tenantry_staff;
