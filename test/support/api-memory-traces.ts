import type { TraceSpan, TraceSummary, Traces } from '../../src/api/traces-ports.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

export function traceSpanOf(tenantId: string, changes: Partial<TraceSpan> = {}): TraceSpan {
  return {
    tenantId,
    spanId: SPAN_ID,
    parentSpanId: '',
    ...{ name: 'GET /orders', kind: 'Server', service: 'shop', route: 'GET /orders', scope: 'http' },
    ...{ offsetMs: 0, startedAt: 1_750_000_000_000, durationMs: 120, httpStatus: 200 },
    ...{ status: 'Unset', failed: false, statusMessage: '', dbSystem: '', aiOperation: '' },
    attributes: { tenant_id: tenantId, 'http.route': '/orders' },
    attributesTotal: 2,
    resource: { 'service.name': 'shop', 'host.name': 'node-7' },
    events: [],
    eventsTotal: 0,
    ...changes,
  };
}

export function traceSummaryOf(tenantId: string, changes: Partial<TraceSummary> = {}): TraceSummary {
  return {
    tenantId,
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    ...{ name: 'GET /orders', route: 'GET /orders', service: 'shop', httpStatus: 200, failed: false },
    ...{ startedAt: 1_750_000_000_000, durationMs: 120 },
    ...{ rootName: 'GET /orders', rootService: 'shop', traceStartedAt: 1_750_000_000_000, traceDurationMs: 130 },
    ...{ services: ['shop'], spans: 3, failedSpans: 0, dbCalls: 1, dbMs: 20, aiCalls: 0, aiMs: 0, errorMessage: '' },
    ...changes,
  };
}

/** One trace of each tenant that was entered, all of the same id: a trace may go through several. */
export class MemoryTraces implements Traces {
  readonly tenants: TenantId[] = [];
  readonly questions: unknown[] = [];
  readonly spans: TraceSpan[] = [];
  items: ((tenantId: string) => TraceSummary)[] = [traceSummaryOf];

  async list(question: Parameters<Traces['list']>[0]) {
    this.questions.push(question);
    const { offset, limit } = question;
    const all = this.#of(question).flatMap((tenant) => this.items.map((make) => make(tenant)));
    return { items: all.slice(offset, offset + limit), more: all.length > offset + limit };
  }

  async trace(question: Parameters<Traces['trace']>[0]) {
    this.questions.push(question);
    const spans = this.#of(question).flatMap((tenant) => {
      const own = this.spans.filter(({ tenantId }) => tenantId === tenant);
      return own.length > 0 ? own : [traceSpanOf(tenant)];
    });
    if (question.traceId !== TRACE_ID || spans.length === 0) return undefined;
    return { spans, totalSpans: spans.length, otherSpans: question.withOthers ? 4 : null };
  }

  async heat(question: Parameters<Traces['heat']>[0]) {
    this.questions.push(question);
    const percentiles = { p50Ms: 10, p95Ms: 40, p99Ms: 90 };
    return {
      window: question.window,
      boundsMs: [10, 100],
      steps: [
        { at: question.window.from, requests: 3, errors: 1, counts: [1, 2, 0] },
        { at: question.window.from + question.stepSeconds * 1_000, requests: 0, errors: 0, counts: [0, 0, 0] },
      ],
      routes: this.#of(question).map((tenantId) => ({
        ...{ tenantId, route: 'GET /orders', requests: 3, errors: 1, totalMs: 70, ...percentiles },
        steps: [{ requests: 3, errors: 1, ...percentiles }, null],
      })),
      totalRoutes: 1,
    };
  }

  #of({ tenantId }: { readonly tenantId: TenantId }): TenantId[] {
    return this.tenants.filter((tenant) => tenant === tenantId);
  }
}
