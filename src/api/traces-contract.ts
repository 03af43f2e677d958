/** Wire types of traces and of the heat map of latencies; see contract.ts. */

export type TraceOrder = 'slowest' | 'failed' | 'newest';

export interface TraceItem {
  tenant_id: string;
  trace_id: string;
  /** The request that fits the question; name, route, service, times and status are its. */
  span_id: string;
  name: string;
  /** null: the request is no server's, such as a job. */
  route: string | null;
  service: string;
  http_status: number | null;
  status: 'ok' | 'error';
  started_at: string;
  duration_ms: number;
  /** First span of the tenant in the trace. */
  root_name: string;
  root_service: string;
  /** From the first span of the tenant to the end of its last. */
  trace_started_at: string;
  trace_duration_ms: number;
  services: string[];
  spans: number;
  failed_spans: number;
  db_calls: number;
  db_ms: number;
  ai_calls: number;
  ai_ms: number;
  /** Cut; null: nothing was said, or it is the operator's to know. */
  error_message: string | null;
}

export interface TraceList {
  from: string;
  to: string;
  items: TraceItem[];
  next_cursor: string | null;
}

interface TraceEventItem {
  /** Since the start of its span. */
  offset_ms: number;
  name: string;
  attributes: Record<string, string>;
}

export interface TraceSpanItem {
  span_id: string;
  /** null: the trace begins here. Its span may be missing: of another tenant, not sent, or not yet here. */
  parent_span_id: string | null;
  name: string;
  kind: string;
  service: string;
  /** Since `started_at` of the trace; negative never, but a child may begin before its parent where clocks differ. */
  offset_ms: number;
  duration_ms: number;
  status: 'unset' | 'ok' | 'error';
  status_message: string | null;
  route: string | null;
  http_status: number | null;
  db_system: string | null;
  ai_operation: string | null;
  scope: string;
  attributes: Record<string, string>;
  /** Attributes that are not told: secrets, what is the operator's to know, and what is too much. */
  attributes_hidden: number;
  /** Index in `resources`; null: not told. */
  resource: number | null;
  events: TraceEventItem[];
  events_hidden: number;
}

export interface TraceDetail {
  tenant_id: string;
  trace_id: string;
  started_at: string;
  duration_ms: number;
  /** Earliest first. */
  spans: TraceSpanItem[];
  /** Of the tenant in the trace; more than there are in `spans` when it was cut. */
  total_spans: number;
  cut: boolean;
  /** Spans of the trace that are not this tenant's; null: not for tenant roles. */
  other_spans: number | null;
  resources: Record<string, string>[];
}

interface HeatStepItem {
  /** Unix milliseconds of its start. */
  at: number;
  requests: number;
  errors: number;
  /** Requests in each bucket: below bounds_ms[0], …, at or above the last bound. They add up to `requests`. */
  counts: number[];
}

export interface RouteLatencyItem {
  route: string;
  requests: number;
  errors: number;
  total_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  /** One value a step, oldest first; null: no request in it. */
  steps: {
    requests: number[];
    errors: number[];
    p50_ms: (number | null)[];
    p95_ms: (number | null)[];
    p99_ms: (number | null)[];
  };
}

export interface LatencyHeatMap {
  tenant_id: string;
  from: string;
  to: string;
  step_seconds: number;
  /** rollups: read from the sketches that are kept by minute, hour and day; counts are exact up to 100 requests a step, within 0.5 % of them beyond. */
  source: 'rollups';
  /** Upper bounds of the buckets but the last, in milliseconds. */
  bounds_ms: number[];
  steps: HeatStepItem[];
  routes: RouteLatencyItem[];
  /** Routes in the window, those that are not listed too. */
  total_routes: number;
}
