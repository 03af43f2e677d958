-- Who changed what. Rows are added and never changed: nobody has the right to, and the triggers stop the owner too.
create table tenantry.audit_log (
  seq bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  subject text not null,
  role text not null,
  tenant_id text,
  action text not null check (length(action) between 1 and 100),
  resource text not null,
  before jsonb,
  after jsonb,
  request_id text
);
create index audit_log_of_tenant on tenantry.audit_log (tenant_id, seq desc);
call tenantry.protect_tenant_table('tenantry.audit_log');
-- Nothing for tenantry_app: the log names the operator's people.
grant select, insert on tenantry.audit_log to tenantry_staff;

create function tenantry.refuse_audit_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_log_append_only before update or delete on tenantry.audit_log
  for each row execute function tenantry.refuse_audit_change();
create trigger audit_log_no_truncate before truncate on tenantry.audit_log
  for each statement execute function tenantry.refuse_audit_change();
