import type { TraceOrder } from '../../../src/api/traces-contract.ts';
import { pageHref, withQuery } from '../shared/router.ts';
import type { RangeWindow } from '../shared/time-range.ts';

/** What a list of traces is narrowed to; all of it stands in the address. */
export interface TraceFilter {
  readonly order: TraceOrder;
  readonly route?: string | undefined;
  readonly service?: string | undefined;
  /** Milliseconds, half-open. */
  readonly minMs?: number | undefined;
  readonly maxMs?: number | undefined;
}

const ORDERS: readonly TraceOrder[] = ['slowest', 'failed', 'newest'];

function wholeMs(text: string | null): number | undefined {
  return text !== null && /^\d{1,8}$/.test(text) ? Number(text) : undefined;
}

/** The filter that an address asks for; what is malformed counts as not there. */
export function traceFilterFromQuery(query: URLSearchParams): TraceFilter {
  return {
    order: ORDERS.find((order) => order === query.get('order')) ?? 'slowest',
    route: query.get('route') || undefined,
    service: query.get('service') || undefined,
    minMs: wholeMs(query.get('min_ms')),
    maxMs: wholeMs(query.get('max_ms')),
  };
}

/** `query` with the filter written into it, as short as it goes. */
export function withTraceFilter(query: URLSearchParams, filter: TraceFilter): URLSearchParams {
  const next = new URLSearchParams(query);
  const values = {
    order: filter.order === 'slowest' ? undefined : filter.order,
    route: filter.route,
    service: filter.service,
    min_ms: filter.minMs,
    max_ms: filter.maxMs,
  };
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === '') next.delete(name);
    else next.set(name, String(value));
  }
  return next;
}

const tracesPath = (tenantId: string) => `/tenants/${encodeURIComponent(tenantId)}/traces`;

/** The list of traces over the range of the present address. */
export function tracesHref(tenantId: string, query: URLSearchParams, filter: TraceFilter): string {
  const shared = new URLSearchParams(pageHref('/', query).split('?')[1] ?? '');
  return withQuery(tracesPath(tenantId), withTraceFilter(shared, filter));
}

/** The list of traces that began in a window, such as those behind a point of a chart. */
export function tracesOfWindow(tenantId: string, window: RangeWindow, filter: TraceFilter): string {
  const times = { from: new Date(window.from).toISOString(), to: new Date(window.to).toISOString() };
  return withQuery(tracesPath(tenantId), withTraceFilter(new URLSearchParams(times), filter));
}

/** One trace; `at` (Unix ms or RFC 3339) makes finding it fast, `span` is opened there. */
export function traceHref(
  tenantId: string,
  traceId: string,
  about: { readonly at?: number | string; readonly span?: string } = {},
): string {
  const query = new URLSearchParams();
  if (about.at !== undefined) query.set('at', new Date(about.at).toISOString());
  if (about.span !== undefined) query.set('span', about.span);
  return withQuery(`${tracesPath(tenantId)}/${encodeURIComponent(traceId)}`, query);
}

const MAX_WINDOW_MS = 7 * 24 * 3_600_000;

/** As much of the end of a window as the server looks through for traces. */
export function tracesWindow(window: RangeWindow): RangeWindow & { readonly isShortened: boolean } {
  const isShortened = window.to - window.from > MAX_WINDOW_MS;
  return { from: isShortened ? window.to - MAX_WINDOW_MS : window.from, to: window.to, isShortened };
}
