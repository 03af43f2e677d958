import type { LatencyHeatMap, TraceDetail, TraceItem, TraceSpanItem } from '../../src/api/traces-contract.ts';

/** A span from `from` to `to`, in ms since the start of its trace. */
export function spanItem(
  id: string,
  parent: string | null,
  [from, to]: readonly [number, number],
  changes: Partial<TraceSpanItem> = {},
): TraceSpanItem {
  return {
    ...{ span_id: id, parent_span_id: parent, name: id, kind: 'Internal', service: 'shop', scope: '' },
    ...{ offset_ms: from, duration_ms: to - from, status: 'unset', status_message: null },
    ...{ route: null, http_status: null, db_system: null, ai_operation: null },
    ...{ attributes: {}, attributes_hidden: 0, resource: null, events: [], events_hidden: 0 },
    ...changes,
  };
}

export function traceItem(traceId: string, changes: Partial<TraceItem> = {}): TraceItem {
  const at = new Date(Date.now() - 600_000).toISOString();
  return {
    ...{
      tenant_id: 'acme-corp',
      trace_id: traceId,
      span_id: 'a'.repeat(16),
      name: 'GET /orders',
      route: 'GET /orders',
    },
    ...{ service: 'shop', http_status: 200, status: 'ok', started_at: at, duration_ms: 120 },
    ...{ root_name: 'GET /orders', root_service: 'shop', trace_started_at: at, trace_duration_ms: 120 },
    ...{ services: ['shop'], spans: 3, failed_spans: 0, db_calls: 1, db_ms: 20, ai_calls: 0, ai_ms: 0 },
    error_message: null,
    ...changes,
  };
}

export function traceDetail(spans: TraceSpanItem[], changes: Partial<TraceDetail> = {}): TraceDetail {
  return {
    ...{ tenant_id: 'acme-corp', trace_id: 'ab'.repeat(16), started_at: new Date(Date.now() - 600_000).toISOString() },
    duration_ms: Math.max(0, ...spans.map(({ offset_ms, duration_ms }) => offset_ms + duration_ms)),
    ...{ spans, total_spans: spans.length, cut: false, other_spans: 0, resources: [] },
    ...changes,
  };
}

/** `counts` of each step; bounds of 10, 100 and 1,000 ms. */
export function heatMap(counts: readonly (readonly number[])[], routes: readonly string[] = []): LatencyHeatMap {
  const from = Math.floor(Date.now() / 60_000) * 60_000 - counts.length * 60_000;
  const each = counts.map((of) => of.reduce((sum, count) => sum + count, 0));
  return {
    ...{ tenant_id: 'acme-corp', step_seconds: 60, source: 'rollups', bounds_ms: [10, 100, 1_000] },
    from: new Date(from).toISOString(),
    to: new Date(from + counts.length * 60_000).toISOString(),
    steps: counts.map((of, index) => ({
      ...{ at: from + index * 60_000, requests: each[index] ?? 0, errors: 0, counts: [...of] },
    })),
    routes: routes.map((route) => ({
      ...{ route, requests: 9, errors: 1, total_ms: 90, p50_ms: 5, p95_ms: 50, p99_ms: 90 },
      steps: {
        requests: each,
        errors: each.map(() => 0),
        p50_ms: each.map(() => 5),
        p95_ms: each.map(() => 50),
        p99_ms: each.map(() => 90),
      },
    })),
    total_routes: routes.length,
  };
}
