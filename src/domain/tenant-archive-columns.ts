/**
 * What may be told of a tenant's rows, to whom, and what a restore brings back: every column of every table by decision.
 * A column that is not here leaves the house in no export, and a test fails until somebody has decided.
 */
export interface TableTerms {
  /** The tenant's own; column names with spaces between them, as all three. */
  readonly tenant: string;
  /** What the operator noted, pays, earns or decided, and names of its people. */
  readonly operator: string;
  /** What lets somebody in, or a hash of it: in no export. */
  readonly secret?: string;
  /** Why a restore does not bring the rows back, and an archive does not hold them; absent: it does. */
  readonly notArchived?: string;
  /** Which rows an archive holds, as SQL; absent: all. */
  readonly archivedRows?: string;
}

const LIVE = 'tells what goes on at the moment';
const OPERATORS_RECORD = "the operator's record of this system, which is told in it alone";
const SCIM = 'is provisioned by the directory of the tenant, which sends it anew';

export const POSTGRES_TERMS: Readonly<Record<string, TableTerms>> = {
  tenants: {
    tenant: 'tenant_id display_name plan status first_seen_at created_at trial_ends_at',
    operator: '',
  },
  tenant_states: {
    tenant: 'tenant_id status effect reason_code until changed_at',
    operator: 'version reason changed_by by_person',
  },
  tenant_plan_history: { tenant: 'tenant_id effective_from plan set_at', operator: 'set_by' },
  tenant_plan_schedule: { tenant: 'tenant_id plan effective_from set_at', operator: 'why set_by' },
  tenant_retention: {
    tenant: 'tenant_id spans_days points_days minutes_days hours_days days_days set_at',
    operator: 'set_by',
  },
  tenant_onboardings: {
    tenant: 'tenant_id onboarded_at',
    operator: 'terms created key_id idempotency_key onboarded_by',
    notArchived: 'is about the first entry of the tenant and names a key',
  },
  tenant_profiles: { tenant: 'tenant_id', operator: 'segment owner tags revision set_by set_at' },
  tenant_stages: { tenant: 'tenant_id', operator: 'stage by at reason' },
  members: {
    tenant: 'tenant_id member_id email role state added_by_operator added_at changed_at',
    operator: 'added_by',
  },
  keys: {
    tenant: 'id name scopes tenant_id service created_at expires_at revoked_at last_used_at made_by_tenant rotated_at',
    operator: 'created_by revoked_by rotated_by',
    secret: 'sha256 previous_sha256 previous_until previous_used_at',
    notArchived: 'is worth nothing without the hashes of the keys, which never leave the house',
  },
  embed_tokens: {
    tenant: 'tenant_id views created_at expires_at revoked_at',
    operator: 'embed_user created_by revoked_by',
    secret: 'token_id',
    notArchived: 'would let tokens in again that ended with the tenant',
  },
  scim_directories: {
    tenant: 'tenant_id rules authoritative set_by_operator set_at changed_at',
    operator: 'revision set_by',
    notArchived: SCIM,
  },
  scim_users: {
    tenant: 'tenant_id user_id user_name external_id email active content role member_id version created_at changed_at',
    operator: '',
    notArchived: SCIM,
  },
  scim_groups: {
    tenant: 'tenant_id group_id display_name external_id version created_at changed_at',
    operator: '',
    notArchived: SCIM,
  },
  scim_group_members: { tenant: 'tenant_id group_id user_id', operator: '', notArchived: SCIM },
  scim_names: { tenant: 'tenant_id user_id left_at', operator: '', secret: 'subject', notArchived: SCIM },
  caps: {
    tenant:
      'tenant_id period amount_micro currency created_at updated_at key model time_zone ladder on_unavailable on_unpriced',
    operator: 'updated_by',
  },
  spend_accounts: {
    tenant:
      'tenant_id period key model period_start period_end reserved_micro spent_micro presumed_micro observed_micro observed_at calls unpriced_calls excess_calls excess_micro largest_excess_micro unreserved_micro refusals',
    operator: '',
  },
  spend_alerts: {
    tenant: 'tenant_id period key model period_start percent amount_micro used_micro step at',
    operator: 'reason',
  },
  spend_reservations: {
    tenant: 'id tenant_id key model service state granted_micro spent_micro calls created_at expires_at',
    operator:
      'key_id instance_id unpriced_calls excess_calls excess_micro largest_excess_micro in_flight unreserved accounts usable_until',
    notArchived: LIVE,
  },
  seats: { tenant: 'tenant_id at seats', operator: 'set_by' },
  billing_days: { tenant: 'tenant_id day set_at', operator: 'set_by' },
  burst_accounts: { tenant: 'tenant_id key', operator: '' },
  burst_lots: {
    tenant: 'tenant_id key period period_start period_end quota used earned remaining expires_at created_at',
    operator: '',
  },
  burst_entries: {
    tenant: 'tenant_id seq key period period_start at kind debit credit amount covers reference',
    operator: 'reason booked_by',
  },
  placements: { tenant: 'tenant_id placement set_at', operator: 'reason set_by' },
  anomalies: {
    tenant: 'id tenant_id metric started_at detected_at ended_at value baseline ratio',
    operator: 'rule reason',
  },
  flags: {
    tenant: 'id tenant_id kind scope value mode created_at expires_at lifted_at',
    operator: 'reason created_by lifted_by lifted_revision anomaly_id revision',
    // One in force would be in force again, without anybody having decided it.
    archivedRows: 'lifted_at is not null or expires_at <= statement_timestamp()',
  },
  breaker_sightings: {
    tenant: 'tenant_id integration service state since calls failures last_error openings reported_at expires_at',
    operator: 'instance_id key_id',
    notArchived: LIVE,
  },
  alerts: {
    tenant: 'tenant_id',
    operator: 'id plan kind key severity title reason link started_at raised_at ended_at acked_at acked_by',
  },
  alert_notices: {
    tenant: 'tenant_id',
    operator:
      'id alert_id route_id group_key event state due_at first_due_at attempts lease_token leased_until told_at failed_at error message_key first_message_key',
    notArchived: 'would be sent a second time',
  },
  alert_mutes: { tenant: 'tenant_id', operator: 'id kind reason created_by created_at expires_at' },
  allow_list: { tenant: 'tenant_id', operator: 'owner reason created_by created_at expires_at' },
  approvals: {
    tenant: 'tenant_id',
    operator: 'id kind subject proposal explanation asked_by asked_at expires_at verdict decided_by decided_at note',
  },
  decisions: {
    tenant: 'tenant_id',
    operator: 'id at kind held_back_by explanation anomaly_id flag_id input_id victims_p95_before victims_p95_after',
  },
  known_peaks: {
    tenant: 'tenant_id',
    operator: 'id name note from_at to_at time_zone weekdays start_minute length_minutes created_by created_at',
  },
  signals: {
    tenant: 'tenant_id',
    operator:
      'id kind subject since seen_at strength sentence evidence ended_at dismissed_at dismissed_by dismissed_reason snoozed_until',
  },
  signal_watches: { tenant: 'tenant_id', operator: 'kind subject on_since off_since evaluated_at' },
  price_overrides: {
    tenant: 'tenant_id',
    operator:
      'id provider model variant kind daily_from daily_to base_pico steps effective_from effective_to source source_ref added_in ended_in subject',
  },
  contract_members: {
    tenant: 'tenant_id',
    operator: 'id contract effective_from effective_to added_in ended_in subject',
  },
  ai_month_lines: {
    tenant: 'tenant_id',
    operator: 'month id repricing provider model calls unpriced_calls cost_pico',
  },
  cost_months: { tenant: 'tenant_id', operator: 'month part allocation_id currency micro' },
  cost_shares: { tenant: 'tenant_id', operator: 'allocation_id group_nos micros basis_nos usages' },
  revenue_customers: { tenant: 'tenant_id', operator: 'customer_id set_by set_at' },
  revenue_invoices: {
    tenant: 'tenant_id',
    operator: 'invoice_id customer_id earned_from earned_to terms import_id updated_at',
  },
  revenue_subscriptions: {
    tenant: 'tenant_id',
    operator: 'subscription_id effective_from customer_id terms import_id',
  },
  audit_log: {
    tenant: 'seq at tenant_id action resource request_id',
    operator: 'subject role before after',
    notArchived: OPERATORS_RECORD,
  },
  deletion_requests: {
    tenant: 'tenant_id request_id state requested_at not_before ended_at started_at',
    operator:
      'reason requested_by requested_by_operator ended_by ended_by_operator legal_basis state_before started_by step progress waits_for failure failures next_try_at',
    notArchived: OPERATORS_RECORD,
  },
  legal_holds: { tenant: 'tenant_id', operator: 'reason set_by set_at', notArchived: OPERATORS_RECORD },
  tenant_exports: {
    tenant: 'tenant_id format sections window_from window_to state asked_at ended_at',
    operator: 'export_id audience progress error asked_by asked_by_operator kept_by attempts expires_at',
    notArchived: OPERATORS_RECORD,
  },
  tenant_restores: {
    tenant: 'tenant_id',
    operator: 'restore_id question state progress steps report error asked_by asked_at kept_by attempts ended_at',
    notArchived: OPERATORS_RECORD,
  },
};

const METERED_BY = 'KeyId';

/** Of ClickHouse. A restore brings back all that an archive holds, which is everything. */
export const CLICKHOUSE_TERMS: Readonly<Record<string, TableTerms>> = {
  activity_by_ten_seconds: { tenant: 'TenantId Time Requests AiTokens', operator: '' },
  ...levels('ai_usage_by', ['minute', 'hour', 'day'], {
    tenant:
      'TenantId ServiceName Provider Model Operation InputTier Time Calls Errors DurationNs InputTokens OutputTokens CacheReadTokens CacheWriteTokens ReasoningTokens SearchUnits ServiceTier',
    operator: '',
  }),
  ...levels('cache_lookups_by', ['minute', 'hour', 'day'], {
    tenant: 'TenantId ServiceName Time Hits Misses',
    operator: '',
  }),
  ...levels('db_calls_by', ['minute', 'hour', 'day'], {
    tenant: 'TenantId ServiceName DbSystem DbOperation Time Calls Errors SlowCalls DurationNs Rows CallsWithRows',
    operator: '',
  }),
  ...levels('db_queries_by', ['hour', 'day'], {
    tenant:
      'TenantId ServiceName DbSystem QueryHash Time Query Calls Errors SlowCalls DurationNs Rows CallsWithRows Latency',
    operator: '',
  }),
  ...levels('event_values_by', ['minute', 'hour', 'day'], {
    tenant: 'TenantId Type Path Time Events Total Least Most Latest',
    operator: '',
  }),
  ...levels('requests_by', ['minute', 'hour', 'day'], {
    tenant: 'TenantId ServiceName Route Time Requests Errors DurationNs RequestBytes ResponseBytes Latency',
    operator: '',
  }),
  ...levels('resource_use_by', ['minute', 'hour', 'day'], {
    tenant:
      'TenantId ServiceName Time CpuNs CpuSamples EventLoopNs NetworkReceiveBytes NetworkTransmitBytes AllocatedBytes PointsNotAdded',
    operator: '',
  }),
  ...levels('spans_by', ['minute', 'hour', 'day'], {
    tenant: 'TenantId ServiceName Time Spans IntegrationCalls IntegrationErrors AdoptedSpans',
    operator: '',
  }),
  storage_gauges: {
    tenant: 'TenantId Store Kind Time Bytes ErrorBytes Objects Method HoldMs InsertedAt',
    operator: '',
  },
  ...levels('storage_by', ['hour', 'day'], {
    tenant: 'TenantId Store Time ByteMs CoveredMs Bytes CountedAt',
    operator: '',
  }),
  spans: {
    tenant:
      'TenantId Timestamp Duration TraceId SpanId ParentSpanId TraceState SpanName SpanKind ServiceName ResourceAttributes ScopeName ScopeVersion ScopeAttributes SpanAttributes StatusCode StatusMessage EventsTimestamp EventsName EventsAttributes LinksTraceId LinksSpanId LinksTraceState LinksAttributes ReceivedAt IsError Route HttpStatus RequestBytes ResponseBytes DbSystem DbOperation CacheHits CacheMisses AiOperation AiProvider AiModel AiInputTokens AiOutputTokens AiCacheReadTokens AiCacheWriteTokens AiReasoningTokens DbRows AiSearchUnits Integration IntegrationOutcome AiServiceTier IsAdopted',
    operator: METERED_BY,
  },
  spans_set_aside: {
    tenant: 'ReceivedAt Reason TenantId ServiceName SpanName SpanKind TraceId SpanId StartNs EndNs SpanAttributes',
    operator: METERED_BY,
  },
  metric_points: {
    tenant:
      'TenantId MetricName Unit Kind Temporality IsMonotonic ServiceName ServiceInstance ScopeName StartTime Time Value Observations Attributes ResourceAttributes ReceivedAt',
    operator: METERED_BY,
  },
  metric_points_set_aside: {
    tenant: 'ReceivedAt Reason TenantId ServiceName MetricName Kind StartNs TimeNs Value Attributes',
    operator: METERED_BY,
  },
  usage_events: {
    tenant: 'TenantId Type Time Source Id Numbers Texts Data ReceivedAt',
    operator: METERED_BY,
  },
};

function levels(family: string, steps: readonly string[], terms: TableTerms): Record<string, TableTerms> {
  return Object.fromEntries(steps.map((step) => [`${family}_${step}`, terms]));
}

/** Column names of one of the lists. */
export function columnsOf(list: string | undefined): readonly string[] {
  return list === undefined || list === '' ? [] : list.split(' ');
}

/** Tables of ClickHouse that hold single things and not sums of them. */
const TELEMETRY_TABLES = ['spans', 'spans_set_aside', 'metric_points', 'metric_points_set_aside', 'usage_events'];

export function sectionOf(table: string): 'telemetry' | 'usage' {
  return TELEMETRY_TABLES.includes(table) ? 'telemetry' : 'usage';
}
