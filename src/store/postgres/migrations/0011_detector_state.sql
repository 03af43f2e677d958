-- What the minute detectors remember, so that a restart does not make every tenant a stranger. A shard holds many
-- tenants as bytes that only the detector reads; nothing in it can be asked for by tenant, and only staff reach it.
create table tenantry.detector_state (
  shard smallint primary key check (shard >= 0),
  -- Unix minutes: the last one that the shard has judged, and the last one whose findings were told.
  judged_until bigint not null,
  told_until bigint not null,
  state bytea not null,
  saved_at timestamptz not null default clock_timestamp()
);
grant select, insert, update, delete on tenantry.detector_state to tenantry_staff;
