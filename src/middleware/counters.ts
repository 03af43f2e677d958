/**
 * What the middleware counts. Every error it swallows and every fallback it takes has a name here: the guest never
 * breaks its host, so these figures are the only place where its own faults show.
 */
const COUNTER_NAMES = [
  /** Requests for which no source named a tenant. */
  'tenant_missing',
  /** A source named a tenant whose id is malformed; the next source was tried. */
  'tenant_malformed',
  /** A source threw or rejected; the next source was tried. */
  'tenant_source_failed',
  /** The sources together took too long; the request went on without a tenant. */
  'tenant_source_timeout',
  /** A bearer token that did not verify; it yields no tenant. */
  'jwt_rejected',
  /** An API key that the app does not know; it yields no tenant. */
  'api_key_rejected',
  /** A tenant claimed in a header, or in baggage, by a peer that is not trusted with it. */
  'header_untrusted',
  'baggage_untrusted',
  /** Spans that carried another tenant than their context; the context won. */
  'span_tenant_conflict',
  /** Spans started before their request's tenant was known, marked afterwards. */
  'span_stamped_late',
  /** Spans of a request that could not be marked afterwards, because too many were started before. */
  'span_stamp_overflow',
  'span_stamp_failed',
  'hook_failed',
  'cache_record_failed',
  /** Calls (of integrations, tools, models) that could not be marked; the calls themselves went on. */
  'mark_failed',
  /** Model calls that an instrumentation, or a call further inside, had already marked. */
  'ai_call_already_marked',
  /** Model calls whose answer had no usage: streams broken off or asked without usage, raw responses. */
  'ai_usage_missing',
  /** Tool calls whose arguments have no hash: too large, or not made of plain data. */
  'tool_args_unhashed',
  'tool_log_failed',
  'throttle_failed',
  /** Requests answered 429. */
  'throttle_refused',
  /** Requests that an enforcing throttle would have refused. */
  'throttle_shadow_refused',
  /** Of the refused: those that came while too many of the tenant were under way. */
  'throttle_refused_concurrency',
  /** Requests answered 403 because their tenant is suspended or closed. */
  'suspended_refused',
  'suspension_failed',
  /** Decisions made on this instance's share because the store for exact limits failed or was slow. */
  'throttle_exact_fallback',
  /** The app's function that labels requests threw; the request went on without a label. */
  'label_failed',
  'breaker_refused',
  'breaker_failed',
  /** Breakers forgotten because too many were in use at once. */
  'breaker_evicted',
  /** Calls given up at their breaker's time-out. */
  'breaker_timeout',
  /** Reports on breakers that did not reach the server; they are sent again. */
  'breaker_report_failed',
  /** Changes of breakers that the server is never told of: too many at once, or it refused them. */
  'breaker_report_lost',
  'flag_stream_connected',
  'flag_stream_failed',
  /** Connections given up because nothing was heard for too long. */
  'flag_stream_idle',
  /** Answers other than 200 with an event stream; 401 and 403 among them. */
  'flag_stream_rejected',
  /** Times that polling took the stream's place, because it brought nothing. */
  'flag_polling_begun',
  'flag_poll_changed',
  'flag_poll_unchanged',
  'flag_poll_failed',
  /** Times that nothing was heard of the server for so long that the flags held may be out of date. */
  'flag_stale',
  /** Times that the wall clock was set or the machine slept; flags end in time all the same. */
  'flag_clock_jumped',
  /** Flags not taken in because too many were held. */
  'flag_overflow',
  'flag_client_failed',
  'flag_listener_failed',
  'flag_event_malformed',
  'flag_malformed',
  /** Events ignored because a newer revision is already held. */
  'flag_revision_stale',
  /** The server's revisions began anew (its database was replaced). */
  'flag_revision_reset',
  'flag_ack_failed',
  'spans_ended',
  'spans_exported',
  /** Spans whose export failed for good. */
  'spans_export_failed',
  /** AI calls for which no tenant was known; they are not counted against any cap. */
  'spend_no_tenant',
  /** AI calls refused because a cap is reached, a price is unknown, or no server could be asked and the cap says so. */
  'spend_refused',
  /** AI calls that went on without budget, because no server could be asked. */
  'spend_unreserved',
  /** AI calls that were refused because no server could be asked. */
  'spend_unavailable_refused',
  /** AI calls that found every slice taken again and again by others. */
  'spend_contended',
  /** AI calls that cost more than was reserved for them. */
  'spend_exceeded',
  /** AI calls without a known price. */
  'spend_unpriced',
  /** AI calls whose answer did not say what was used; they were counted at what was reserved. */
  'spend_usage_unknown',
  /** No answer of the server to a request for budget, or to a report of what was spent; it is repeated. */
  'spend_server_away',
  /** Answers other than 200 to such requests. */
  'spend_rejected',
  'spend_failed',
  'shutdown_failed',
  /** Reports of resource use that the server took. */
  'resource_use_exported',
  /** Reports of resource use that did not arrive; what they said is lost. */
  'resource_use_export_failed',
  'resource_use_failed',
  /** Requests and switches of tenants beyond the number that is held apart; their use is under `(other)`. */
  'resource_use_overflow',
  /** `@datadog/pprof` is not installed, or not for this platform: only bytes are counted. */
  'cpu_profiler_missing',
  /** Another library runs the profiler: only bytes are counted. */
  'cpu_profiler_in_use',
  /** The profiler took no samples while the loop was busy, and was started anew. */
  'cpu_profiler_restarted',
  /** No OpenTelemetry context manager is registered, so whose time it is cannot be known: only bytes are counted. */
  'context_manager_missing',
  /** `@opentelemetry/exporter-metrics-otlp-proto` or `sdk-metrics` is not installed: resource use is not sent. */
  'metrics_exporter_missing',
] as const;

/** What `stats()` counts. */
export type CounterName = (typeof COUNTER_NAMES)[number];

/** Counts since the process started, by name; every name is present. */
export type Stats = Readonly<Record<CounterName, number>>;

export class Counters {
  readonly #counts = new Map<CounterName, number>();

  add(name: CounterName, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  get(name: CounterName): number {
    return this.#counts.get(name) ?? 0;
  }
}

/** Counts of functions that belong to no Tenantry instance: span marking and cache lookups. */
export const processCounters = new Counters();

/** Adds to `processCounters`. */
export const countInProcess = (name: CounterName): void => processCounters.add(name);

/** One figure per name, added up over the given counters. */
export function statsOf(...all: readonly Counters[]): Stats {
  const sum = (name: CounterName) => all.reduce((total, counters) => total + counters.get(name), 0);
  return Object.fromEntries(COUNTER_NAMES.map((name) => [name, sum(name)])) as Record<CounterName, number>;
}
