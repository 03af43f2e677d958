import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, type Window } from '../domain/window.ts';
import { type OtherSpansRow, traceOtherSpans } from './queries/across-tenants/trace-other-spans.ts';
import { type TraceSpanRow, tenantTrace } from './queries/tenant-trace.ts';
import { type TraceSummaryRow, tenantTraceSummaries } from './queries/tenant-trace-summaries.ts';
import { type TraceCandidateRow, type TracesQuestion, tenantTraces } from './queries/tenant-traces.ts';
import { NS_PER_MS } from './trace-sql.ts';

/** A trace is over within this time of each of its requests; what lies farther away is not added up in lists. */
const AROUND_MS = HOUR_MS;
/** A page is drawn from so many spans; the rest is counted. */
const MAX_SPANS = 2_000;

export interface TraceSummary {
  readonly tenantId: string;
  readonly traceId: string;
  /** Of the request that fits the question; name, route, times and status are its. */
  readonly spanId: string;
  readonly name: string;
  /** '': a request that is no server's. */
  readonly route: string;
  readonly service: string;
  /** 0: none was told. */
  readonly httpStatus: number;
  readonly failed: boolean;
  /** Unix ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Of all spans of the tenant in the trace. */
  readonly rootName: string;
  readonly rootService: string;
  readonly traceStartedAt: number;
  readonly traceDurationMs: number;
  readonly services: readonly string[];
  readonly spans: number;
  readonly failedSpans: number;
  readonly dbCalls: number;
  readonly dbMs: number;
  readonly aiCalls: number;
  readonly aiMs: number;
  /** '': nothing failed, or nothing was said. */
  readonly errorMessage: string;
}

interface TraceEvent {
  /** Since the start of its span. */
  readonly offsetMs: number;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface TraceSpan {
  readonly tenantId: string;
  readonly spanId: string;
  /** '': none. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  /** Since the earliest span of the trace that is the tenant's. */
  readonly offsetMs: number;
  /** Unix ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly status: 'Unset' | 'Ok' | 'Error';
  readonly failed: boolean;
  readonly statusMessage: string;
  readonly route: string;
  readonly httpStatus: number;
  readonly dbSystem: string;
  readonly aiOperation: string;
  readonly scope: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly attributesTotal: number;
  readonly resource: Readonly<Record<string, string>>;
  readonly events: readonly TraceEvent[];
  readonly eventsTotal: number;
}

export interface Trace {
  /** Earliest first, at most 2,000. */
  readonly spans: readonly TraceSpan[];
  /** Of the tenant in the trace, those beyond the limit too. */
  readonly totalSpans: number;
  /** Spans of the trace that are not the tenant's; null: was not asked. */
  readonly otherSpans: number | null;
}

/** A page of one tenant's traces. `more`: there are further ones behind it. */
export async function readTraces(
  reader: AnalyticsReader,
  question: TracesQuestion,
): Promise<{ readonly items: readonly TraceSummary[]; readonly more: boolean }> {
  const { tenantId, limit } = question;
  const found = await reader.rows<TraceCandidateRow>(tenantTraces({ ...question, limit: limit + 1 }));
  const page = found.slice(0, limit);
  if (page.length === 0) return { items: [], more: false };
  const window = {
    from: Math.min(...page.map((row) => row.started_at_ms)) - AROUND_MS,
    to: Math.max(...page.map((row) => row.ended_at_ms)) + AROUND_MS,
  };
  const rows = await reader.rows<TraceSummaryRow>(
    tenantTraceSummaries(
      tenantId,
      window,
      page.map((row) => row.trace_id),
      page.map((row) => row.span_id),
    ),
  );
  const summaries = new Map(rows.map((row) => [row.trace_id, row]));
  const items = page.flatMap(({ trace_id: id, span_id: spanId }) => {
    const row = summaries.get(id);
    // Retention can take a trace away between the two questions.
    return row === undefined ? [] : [summaryOf(row, spanId)];
  });
  return { items, more: found.length > limit };
}

function summaryOf(row: TraceSummaryRow, spanId: string): TraceSummary {
  return {
    tenantId: row.tenant_id,
    traceId: row.trace_id,
    spanId,
    ...{ name: row.name, route: row.route, service: row.service },
    httpStatus: row.http_status,
    failed: row.failed === 1,
    startedAt: row.started_at_ms,
    durationMs: row.duration_ns / NS_PER_MS,
    rootName: row.root_name,
    rootService: row.root_service,
    traceStartedAt: row.trace_started_at_ms,
    traceDurationMs: row.trace_duration_ns / NS_PER_MS,
    services: row.services,
    spans: row.spans,
    failedSpans: row.failed_spans,
    dbCalls: row.db_calls,
    dbMs: row.db_ns / NS_PER_MS,
    aiCalls: row.ai_calls,
    aiMs: row.ai_ns / NS_PER_MS,
    errorMessage: row.error_message,
  };
}

/**
 * One tenant's spans of one trace; undefined: it has none there.
 * @param near Unix ms near which the trace was; spares looking through every day that is kept, undefined where not known
 * @param withOthers also counts the spans of other tenants in the trace
 */
export async function readTrace(
  reader: AnalyticsReader,
  asked: {
    readonly tenantId: TenantId;
    readonly traceId: string;
    readonly near: number | undefined;
    readonly withOthers: boolean;
  },
): Promise<Trace | undefined> {
  const { tenantId, traceId, near, withOthers } = asked;
  const windowNear = near === undefined ? undefined : { from: near - DAY_MS, to: near + DAY_MS };
  const question = { tenantId, traceId, limit: MAX_SPANS };
  let rows = await reader.rows<TraceSpanRow>(tenantTrace({ ...question, window: windowNear }));
  // The hint comes from an address that people edit: a wrong one must not hide the trace.
  if (rows.length === 0 && windowNear !== undefined) {
    rows = await reader.rows<TraceSpanRow>(tenantTrace({ ...question, window: undefined }));
  }
  const [first] = rows;
  if (first === undefined) return undefined;
  const otherSpans = withOthers ? await countOthers(reader, tenantId, traceId, rows) : null;
  return { spans: rows.map(spanOf), totalSpans: first.all_spans, otherSpans };
}

async function countOthers(
  reader: AnalyticsReader,
  tenantId: TenantId,
  traceId: string,
  rows: readonly TraceSpanRow[],
): Promise<number> {
  const starts = rows.map((row) => row.started_at_ms);
  const window: Window = { from: Math.min(...starts) - AROUND_MS, to: Math.max(...starts) + AROUND_MS };
  const [counted] = await reader.rows<OtherSpansRow>(traceOtherSpans(tenantId, traceId, window));
  return counted?.spans ?? 0;
}

function spanOf(row: TraceSpanRow): TraceSpan {
  return {
    tenantId: row.tenant_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    ...{ name: row.name, kind: row.kind, service: row.service, status: row.status, route: row.route },
    offsetMs: row.offset_ns / NS_PER_MS,
    startedAt: row.started_at_ms,
    durationMs: row.duration_ns / NS_PER_MS,
    failed: row.failed === 1,
    statusMessage: row.status_message,
    httpStatus: row.http_status,
    dbSystem: row.db_system,
    aiOperation: row.ai_operation,
    scope: row.scope_name,
    attributes: row.attributes,
    attributesTotal: row.attributes_total,
    resource: row.resource,
    events: row.events.map(([offsetNs, name, attributes]) => ({ offsetMs: offsetNs / NS_PER_MS, name, attributes })),
    eventsTotal: row.events_total,
  };
}
