-- The audit log as a chain: every record carries a hash over itself and over the hash before it, so that an edit, a
-- deletion, a record slipped in or a change of order shows when the chain is walked (src/store/postgres/audit-chain.ts).
--
-- The place in the chain is given at commit, by a deferred trigger: whoever takes it holds the lock for the length of a
-- commit and waits for nobody afterwards, so it can be part of no deadlock. Order in the chain is order of commits; `seq`
-- is order of inserts, and the two may differ for neighbours.
create table tenantry.audit_chain (
  -- 1, 2, 3, … without gaps: a missing one is a deletion.
  position bigint primary key check (position > 0),
  seq bigint not null unique,
  hash bytea not null check (length(hash) = 32)
);
grant select, insert on tenantry.audit_chain to tenantry_staff;

create trigger audit_chain_append_only before update or delete on tenantry.audit_chain
  for each row execute function tenantry.refuse_audit_change();
create trigger audit_chain_no_truncate before truncate on tenantry.audit_chain
  for each statement execute function tenantry.refuse_audit_change();

-- SHA-256 over the hash before (32 zero bytes at the start) and the fields as netstrings, `-` for null: no two records
-- give the same text. With the rights of whoever inserts; the functions run as nobody's deputy.
create function tenantry.chain_audit() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  place bigint;
  previous bytea;
  fields text[];
  field text;
  payload text := '';
begin
  perform pg_advisory_xact_lock(7070, hashtext('audit-chain'));
  -- Sees what was committed while this waited: each statement of a function that is volatile has a snapshot of its own.
  select c.position, c.hash into place, previous from tenantry.audit_chain c order by c.position desc limit 1;
  place := coalesce(place, 0) + 1;
  fields := array[place::text, new.seq::text, to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    new.subject, new.role, new.tenant_id, new.action, new.resource, new.before::text, new.after::text, new.request_id];
  foreach field in array fields loop
    payload := payload || coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, '-') || ',';
  end loop;
  insert into tenantry.audit_chain (position, seq, hash)
    values (place, new.seq, sha256(coalesce(previous, decode(repeat('00', 32), 'hex')) || convert_to(payload, 'UTF8')));
  return null;
end
$$;

create constraint trigger audit_log_chained after insert on tenantry.audit_log
  deferrable initially deferred for each row execute function tenantry.chain_audit();

-- Records from before the chain, in the order of their numbers. The statements are those of the trigger.
do $$
declare
  old record;
  place bigint := 0;
  link bytea := decode(repeat('00', 32), 'hex');
  fields text[];
  field text;
  payload text;
begin
  set local role tenantry_staff;
  perform set_config('app.super_admin', 'on', true);
  for old in select * from tenantry.audit_log order by seq loop
    place := place + 1;
    fields := array[place::text, old.seq::text, to_char(old.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      old.subject, old.role, old.tenant_id, old.action, old.resource, old.before::text, old.after::text, old.request_id];
    payload := '';
    foreach field in array fields loop
      payload := payload || coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, '-') || ',';
    end loop;
    link := sha256(link || convert_to(payload, 'UTF8'));
    insert into tenantry.audit_chain (position, seq, hash) values (place, old.seq, link);
  end loop;
  perform set_config('app.super_admin', '', true);
  set local role tenantry_owner;
end
$$;

-- A tenant's admin reads what was done about the tenant: the rows by row security, which of them and without the names of
-- the operator's people by src/domain/audit.ts.
grant select on tenantry.audit_log to tenantry_app;
create index audit_log_of_time on tenantry.audit_log (at);
create index audit_log_of_subject on tenantry.audit_log (subject, seq desc);
create index audit_log_of_action on tenantry.audit_log (action, seq desc);
