-- What people and experiments say about automation, and what it must not forget over a change of leaders.

-- Rules that have ever run here: a promotion counts from when its rule was first in shadow. No tenant column: rules
-- judge all tenants.
create table tenantry.rules (
  rule text primary key check (length(rule) between 1 and 100),
  first_seen_at timestamptz not null default clock_timestamp()
);
grant select, insert on tenantry.rules to tenantry_staff;

-- Replays of history through a rule, run here or told by a command line. No tenant column: each is about all tenants.
create table tenantry.backtests (
  id uuid primary key default gen_random_uuid(),
  rule text not null check (length(rule) between 1 and 100),
  -- Of everything that the rule is made of: a result says nothing about a rule that has changed since.
  rule_hash text not null check (rule_hash ~ '^[0-9a-f]{64}$'),
  source text not null check (source in ('api', 'command')),
  state text not null check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
  question jsonb not null check (jsonb_typeof(question) = 'object'),
  progress double precision not null default 0 check (progress between 0 and 1),
  result jsonb check (jsonb_typeof(result) = 'object'),
  error text check (length(error) <= 300),
  asked_by text not null,
  asked_at timestamptz not null default clock_timestamp(),
  -- Of the server that runs it; one that is silent for too long has died.
  beat_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  constraint backtests_result_when_done check ((state = 'done') = (result is not null)),
  constraint backtests_end check ((state in ('done', 'failed', 'cancelled')) = (ended_at is not null))
);
create index backtests_newest on tenantry.backtests (asked_at desc);
create index backtests_of_rule on tenantry.backtests (rule, ended_at desc) where state = 'done';
grant select, insert, update, delete on tenantry.backtests to tenantry_staff;

-- How far each rule may go. Steps are added and never changed, so that the newest holds and the others tell the way.
create table tenantry.rule_stages (
  rule text not null references tenantry.rules (rule),
  at timestamptz not null default clock_timestamp(),
  stage text not null check (stage in ('off', 'shadow', 'canary', 'enforce')),
  by text not null,
  reason text not null check (length(reason) between 1 and 1000),
  approved_by text check (approved_by <> by),
  backtest_id uuid references tenantry.backtests (id),
  unproven_because text check (length(unproven_because) between 1 and 1000),
  -- What it would have done while it was watched: the evidence that the promotion was asked for on.
  evidence jsonb not null check (jsonb_typeof(evidence) = 'object'),
  primary key (rule, at)
);
grant select, insert on tenantry.rule_stages to tenantry_staff;

-- Tenants that automation goes less far with than its rules do.
create table tenantry.tenant_stages (
  tenant_id text primary key references tenantry.tenants (tenant_id),
  stage text not null check (stage in ('off', 'shadow', 'canary', 'enforce')),
  by text not null,
  at timestamptz not null default clock_timestamp(),
  reason text not null check (length(reason) between 1 and 1000)
);
call tenantry.protect_tenant_table('tenantry.tenant_stages');
grant select, insert, update, delete on tenantry.tenant_stages to tenantry_staff;

-- What waits for a person, and what came of it. '(all)': about a rule. Without an answer it ends by itself.
create table tenantry.approvals (
  id uuid not null default gen_random_uuid(),
  tenant_id text not null check (length(tenant_id) between 1 and 128),
  kind text not null check (kind in ('throttle', 'promotion')),
  -- The finding, or the rule.
  subject text not null check (length(subject) between 1 and 200),
  proposal jsonb not null check (jsonb_typeof(proposal) = 'object'),
  explanation text not null check (length(explanation) between 1 and 2000),
  asked_by text not null,
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  verdict text check (verdict in ('approved', 'denied')),
  decided_by text,
  decided_at timestamptz,
  note text check (length(note) between 1 and 1000),
  primary key (id, tenant_id),
  constraint approvals_end check (expires_at > asked_at and expires_at <= asked_at + interval '31 days'),
  constraint approvals_decided_whole check (num_nulls(verdict, decided_by, decided_at) in (0, 3)),
  -- Nobody approves what they asked for themselves.
  constraint approvals_four_eyes check (verdict is distinct from 'approved' or decided_by <> asked_by)
);
-- A finding is asked about once: what people let pass is not brought before them again and again.
create unique index approvals_one_of_finding on tenantry.approvals (tenant_id, subject) where kind = 'throttle';
create index approvals_newest on tenantry.approvals (tenant_id, asked_at desc);
create index approvals_asked on tenantry.approvals (asked_at desc);
create index approvals_open on tenantry.approvals (expires_at) where verdict is null;
call tenantry.protect_tenant_table('tenantry.approvals');
grant select, insert, update on tenantry.approvals to tenantry_staff;

-- Times in which much load is expected, of one tenant or of '(all)'.
create table tenantry.known_peaks (
  id uuid not null default gen_random_uuid(),
  tenant_id text not null check (length(tenant_id) between 1 and 128),
  name text not null check (length(name) between 1 and 200),
  note text not null check (length(note) <= 1000),
  -- Either once ...
  from_at timestamptz,
  to_at timestamptz,
  -- ... or every week, on these days (1 = Monday) from this minute of the day in the zone, for so many minutes.
  time_zone text check (length(time_zone) between 1 and 64),
  weekdays int[] check (cardinality(weekdays) between 1 and 7 and weekdays <@ '{1,2,3,4,5,6,7}'),
  start_minute int check (start_minute between 0 and 1439),
  length_minutes int check (length_minutes between 1 and 10080),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (id, tenant_id),
  constraint known_peaks_one_way check (
    (num_nulls(from_at, to_at) = 0 and to_at > from_at
      and num_nulls(time_zone, weekdays, start_minute, length_minutes) = 4)
    or (num_nulls(from_at, to_at) = 2 and num_nulls(time_zone, weekdays, start_minute, length_minutes) = 0)
  )
);
create index known_peaks_of_tenant on tenantry.known_peaks (tenant_id, created_at);
call tenantry.protect_tenant_table('tenantry.known_peaks');
grant select, insert, update, delete on tenantry.known_peaks to tenantry_staff;

-- The red button as all servers share it, beside each one's own file and environment. One row.
create table tenantry.kill_switch (
  only_one boolean primary key default true check (only_one),
  is_on boolean not null,
  reason text not null check (length(reason) <= 1000),
  by text,
  at timestamptz,
  -- Of the flags: whoever obeys it has heard of the switch.
  revision bigint not null
);
insert into tenantry.kill_switch (is_on, reason, revision) values (false, '', 0);
grant select, update on tenantry.kill_switch to tenantry_staff;

-- What the leading detector must not forget when another one takes over. One row.
create table tenantry.policy_state (
  only_one boolean primary key default true check (only_one),
  -- Why automatic throttling stands still; null: it does not.
  page text,
  page_since timestamptz,
  -- Up to when tenants were judged.
  judged_until timestamptz,
  -- The state of the fast rule; so large a text only where tenants are many, and it is written only when a finding begins or ends.
  detector text,
  constraint policy_state_page_whole check (num_nulls(page, page_since) in (0, 2))
);
insert into tenantry.policy_state (only_one) values (true);
grant select, update on tenantry.policy_state to tenantry_staff;

-- The tenants that automation leaves alone are told to apps too, for as long as the entry holds: the flag outlives what
-- other flags may.
alter table tenantry.flags
  drop constraint flags_kind_check,
  drop constraint flags_end_by_themselves,
  drop constraint flags_value_fits_kind;
alter table tenantry.flags
  add constraint flags_kind_check check (kind in ('throttle', 'degrade', 'breaker', 'allow')),
  add constraint flags_end_by_themselves check (
    expires_at > created_at
    and expires_at <= created_at + case when kind = 'allow' then interval '366 days' else interval '24 hours' end),
  add constraint flags_value_fits_kind check (
    case kind
      when 'throttle' then jsonb_typeof(value -> 'requestsPerSecond') = 'number'
        and (value ->> 'requestsPerSecond')::numeric >= 0
        and jsonb_typeof(value -> 'burst') = 'number' and (value ->> 'burst')::numeric >= 1
      when 'breaker' then jsonb_typeof(scope -> 'integration') = 'string'
        and value ->> 'state' in ('auto', 'open', 'closed')
      when 'degrade' then jsonb_typeof(scope -> 'feature') = 'string'
        and value ->> 'step' in ('ok', 'warn', 'cached_only', 'blocked')
      when 'allow' then scope = '{}' and value = '{}'
    end is true
  );

-- Rules of different kinds may find the same figure out of line: each keeps its own finding of it.
drop index tenantry.anomalies_one_open;
create unique index anomalies_one_open on tenantry.anomalies (tenant_id, metric, rule) where ended_at is null;

-- A decision may also be to ask a person.
alter table tenantry.decisions drop constraint decisions_kind_check;
alter table tenantry.decisions add constraint decisions_kind_check check (kind in ('throttle', 'alert', 'lift', 'ask'));
