-- Hard deletion of a tenant, and the proof of it.

-- A request is also the job that carries it out: its place is kept here, so that any server goes on where another was
-- killed. When the job is done the row goes too, as everything of the tenant does; the certificate bears the same id.
alter table tenantry.deletion_requests
  drop constraint deletion_requests_state_check,
  drop constraint deletion_requests_check1,
  add column legal_basis text not null default '' check (length(legal_basis) <= 500),
  -- Where the tenant stood before the request closed it; put back when the request is cancelled.
  add column state_before jsonb check (jsonb_typeof(state_before) = 'object'),
  add column started_at timestamptz,
  add column started_by text,
  add column step text,
  -- What was deleted so far, table by table; written in the transaction that deletes.
  add column progress jsonb not null default '{}' check (jsonb_typeof(progress) = 'object'),
  add column waits_for text check (length(waits_for) <= 500),
  add column failure text check (length(failure) <= 500),
  add column failures int not null default 0,
  add column next_try_at timestamptz;
alter table tenantry.deletion_requests
  add constraint deletion_requests_state_check check (state in ('requested', 'cancelled', 'running', 'failed')),
  add constraint deletion_requests_ended check ((ended_at is not null) = (state = 'cancelled')),
  add constraint deletion_requests_started check ((started_at is not null and started_by is not null and step is not null)
    = (state in ('running', 'failed')));
drop index tenantry.deletion_requests_one_open;
create unique index deletion_requests_one_open on tenantry.deletion_requests (tenant_id) where state <> 'cancelled';
create index deletion_requests_to_do on tenantry.deletion_requests (not_before) where state in ('requested', 'running');

-- Who was deleted, told by a keyed hash of the id: telemetry that comes late must not bring the tenant back. A tenant that
-- people enter anew under the same id is in `tenants` again, and this row then only tells the past.
create table tenantry.deleted_tenants (
  pseudonym text primary key check (pseudonym ~ '^deleted-[0-9a-f]{32}$'),
  -- Which installation key the hash was made with.
  key_id text not null,
  certificate_id uuid not null,
  since timestamptz not null default clock_timestamp()
);
grant select, insert, update on tenantry.deleted_tenants to tenantry_staff;

-- Proofs of deletion: no personal data, and so no tenant column. `body` is the very text that was signed.
create table tenantry.deletion_certificates (
  certificate_id uuid primary key,
  pseudonym text not null,
  issued_at timestamptz not null,
  body text not null check (length(body) <= 1000000),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  signature text not null,
  public_key text not null,
  -- What was done to the stores' own files afterwards; null: still to be done.
  aftercare jsonb
);
create index deletion_certificates_newest on tenantry.deletion_certificates (issued_at desc);
grant select, insert, update on tenantry.deletion_certificates to tenantry_staff;

-- Everything about a certificate but its aftercare stays as it was issued.
create function tenantry.refuse_certificate_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and to_jsonb(old) - 'aftercare' = to_jsonb(new) - 'aftercare' then
    return new;
  end if;
  raise exception 'a deletion certificate stays as it was issued' using errcode = 'insufficient_privilege';
end
$$;
create trigger deletion_certificates_stay before update or delete on tenantry.deletion_certificates
  for each row execute function tenantry.refuse_certificate_change();

-- Records of the audit log whose words about a person or tenant were taken out. The chain's links stay as they are, so
-- that its order and length are proven as before; that a record no longer fits its link is accounted for here, by a hash of
-- what is left of it, and all hashes of one deletion are told in that deletion's own record in the chain and in its
-- signed certificate. The alternatives: to keep the words (what erasure is there to end), to hash pseudonyms from the
-- start (which takes the names from the log while they are needed), or to build the chain anew (which is what the
-- chain is there to show as fraud).
create table tenantry.audit_erasures (
  position bigint not null check (position > 0),
  certificate_id uuid not null,
  -- Of two deletions that took words out of the same record the later one tells what is left of it.
  number bigint generated always as identity,
  digest bytea not null check (length(digest) = 32),
  primary key (position, certificate_id)
);
create index audit_erasures_of_certificate on tenantry.audit_erasures (certificate_id, position);
grant select, insert, update on tenantry.audit_erasures to tenantry_staff;

-- As before, but for what erasure takes out: when, in which role and what kind of act it was stay for ever.
create or replace function tenantry.refuse_audit_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and tg_table_name = 'audit_log' then
    if new.seq = old.seq and new.at = old.at and new.role = old.role and new.action = old.action
        and exists (select from tenantry.audit_erasures e join tenantry.audit_chain c on c.position = e.position
                    where c.seq = old.seq) then
      return new;
    end if;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
grant update on tenantry.audit_log to tenantry_staff;

-- The ledger of burst credit is append-only but for the end of its tenant.
create or replace function tenantry.refuse_burst_entry_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' and exists (select from tenantry.deletion_requests d
                                  where d.tenant_id = old.tenant_id and d.state = 'running') then
    return old;
  end if;
  raise exception 'the burst credit ledger is append-only' using errcode = 'insufficient_privilege';
end
$$;

-- What is the operator's own and only names the tenant is rewritten to name the pseudonym.
grant update on tenantry.decision_inputs, tenantry.bill_lines, tenantry.allocation_rules, tenantry.storage_steps,
  tenantry.price_versions to tenantry_staff;

-- Ledgers whose sums must go on adding up to a bill or a closed month keep their figures under the pseudonym.
grant update on tenantry.cost_shares, tenantry.cost_months, tenantry.ai_month_lines to tenantry_staff;

-- The staff role may delete a tenant's rows from every table that there is by now; later migrations grant it themselves.
do $$
declare
  target regclass;
begin
  for target in
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where n.nspname = 'tenantry' and c.relkind = 'r' and c.relname <> 'audit_log'
  loop
    execute format('grant delete on %s to tenantry_staff', target);
  end loop;
end
$$;
