import { rfc3339 } from './convert.ts';
import { attributeBudget, shownAttributes, withoutSecrets } from './traces-attributes.ts';
import type { LatencyHeatMap, TraceDetail, TraceItem, TraceSpanItem } from './traces-contract.ts';
import type { LatencyHeat, TraceSpan, TraceSummary, Traces } from './traces-ports.ts';

const orNull = (text: string): string | null => (text === '' ? null : text);

/** What an app says of its failures names its tables and hosts: that is for staff. */
const messageFor = (forTenant: boolean, text: string): string | null =>
  forTenant ? null : orNull(withoutSecrets(text));

export function traceToWire(trace: TraceSummary, forTenant: boolean): TraceItem {
  return {
    tenant_id: trace.tenantId,
    trace_id: trace.traceId,
    span_id: trace.spanId,
    name: trace.name,
    route: orNull(trace.route),
    service: trace.service,
    http_status: trace.httpStatus === 0 ? null : trace.httpStatus,
    status: trace.failed ? 'error' : 'ok',
    started_at: rfc3339(trace.startedAt),
    duration_ms: trace.durationMs,
    root_name: trace.rootName,
    root_service: trace.rootService,
    trace_started_at: rfc3339(trace.traceStartedAt),
    trace_duration_ms: trace.traceDurationMs,
    services: [...trace.services],
    spans: trace.spans,
    failed_spans: trace.failedSpans,
    db_calls: trace.dbCalls,
    db_ms: trace.dbMs,
    ai_calls: trace.aiCalls,
    ai_ms: trace.aiMs,
    error_message: messageFor(forTenant, trace.errorMessage),
  };
}

type Room = ReturnType<typeof attributeBudget>;

function spanToWire(span: TraceSpan, resource: number | null, forTenant: boolean, room: Room): TraceSpanItem {
  const attributes = room(shownAttributes(span.attributes, forTenant));
  const events = span.events.map((event) => ({
    offset_ms: event.offsetMs,
    name: event.name,
    attributes: room(shownAttributes(event.attributes, forTenant)),
  }));
  return {
    span_id: span.spanId,
    parent_span_id: orNull(span.parentSpanId),
    ...{ name: span.name, kind: span.kind, service: span.service, scope: span.scope },
    offset_ms: span.offsetMs,
    duration_ms: span.durationMs,
    status: span.failed ? 'error' : span.status === 'Ok' ? 'ok' : 'unset',
    status_message: messageFor(forTenant, span.statusMessage),
    route: orNull(span.route),
    http_status: span.httpStatus === 0 ? null : span.httpStatus,
    db_system: orNull(span.dbSystem),
    ai_operation: orNull(span.aiOperation),
    attributes,
    attributes_hidden: Math.max(0, span.attributesTotal - Object.keys(attributes).length),
    resource,
    events,
    events_hidden: Math.max(0, span.eventsTotal - events.length),
  };
}

type Trace = NonNullable<Awaited<ReturnType<Traces['trace']>>>;

/** A trace as staff or a tenant may see it. Spans of one process share its resource, which only staff are told. */
export function traceDetailToWire(
  { tenantId, traceId }: { readonly tenantId: string; readonly traceId: string },
  { spans, totalSpans, otherSpans }: Trace,
  forTenant: boolean,
): TraceDetail {
  const room = attributeBudget();
  const resources = new Map<string, { index: number; attributes: Record<string, string> }>();
  const resourceOf = (span: TraceSpan): number | null => {
    if (forTenant) return null;
    const key = JSON.stringify(span.resource);
    const known = resources.get(key);
    if (known !== undefined) return known.index;
    const made = { index: resources.size, attributes: room(shownAttributes(span.resource, false)) };
    resources.set(key, made);
    return made.index;
  };
  return {
    tenant_id: tenantId,
    trace_id: traceId,
    started_at: rfc3339(Math.min(...spans.map(({ startedAt }) => startedAt))),
    duration_ms: Math.max(...spans.map(({ offsetMs, durationMs }) => offsetMs + durationMs)),
    spans: spans.map((span) => spanToWire(span, resourceOf(span), forTenant, room)),
    total_spans: totalSpans,
    cut: totalSpans > spans.length,
    other_spans: forTenant ? null : otherSpans,
    resources: [...resources.values()].map(({ attributes }) => attributes),
  };
}

export function heatToWire(tenantId: string, stepSeconds: number, heat: LatencyHeat): LatencyHeatMap {
  return {
    tenant_id: tenantId,
    from: rfc3339(heat.window.from),
    to: rfc3339(heat.window.to),
    step_seconds: stepSeconds,
    source: 'rollups',
    bounds_ms: [...heat.boundsMs],
    steps: heat.steps.map(({ at, requests, errors, counts }) => ({ at, requests, errors, counts: [...counts] })),
    routes: heat.routes.map(({ route, requests, errors, totalMs, p50Ms, p95Ms, p99Ms, steps }) => ({
      ...{ route, requests, errors, total_ms: totalMs, p50_ms: p50Ms, p95_ms: p95Ms, p99_ms: p99Ms },
      steps: {
        requests: steps.map((step) => step?.requests ?? 0),
        errors: steps.map((step) => step?.errors ?? 0),
        p50_ms: steps.map((step) => step?.p50Ms ?? null),
        p95_ms: steps.map((step) => step?.p95Ms ?? null),
        p99_ms: steps.map((step) => step?.p99Ms ?? null),
      },
    })),
    total_routes: heat.totalRoutes,
  };
}
