-- What is known of the operator's own databases: counters of statements as they last stood, so that the next look tells
-- what happened since, and the report that came of it. Statements stand for the operator's code and not for a tenant;
-- values and comments were taken out of them. Only staff reach it.
create table tenantry.query_audits (
  target text primary key check (length(target) between 1 and 300),
  checked_at timestamptz not null,
  problem text check (length(problem) <= 2000),
  snapshot jsonb,
  report jsonb
);
grant select, insert, update, delete on tenantry.query_audits to tenantry_staff;
