import type {
  FlagInstanceList,
  MeterList,
  MeterValues,
  QueryList,
  SlowQueryList,
  StorageList,
} from '../../../src/api/contract.ts';
import type { LatencyHeatMap, TraceDetail, TraceList } from '../../../src/api/traces-contract.ts';
import { get, rfc3339 } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import type { TraceFilter } from './trace-filter.ts';

const ofTenant = (tenantId: string, what: string) => `/v1/tenants/${encodeURIComponent(tenantId)}/${what}`;

export interface TracesQuery {
  readonly filter: TraceFilter;
  readonly window: RangeWindow;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export function listTraces(tenantId: string, asked: TracesQuery, signal?: AbortSignal): Promise<TraceList> {
  const { filter, window, limit, cursor } = asked;
  const { order, route, service, minMs: min_ms, maxMs: max_ms } = filter;
  return get(
    ofTenant(tenantId, 'traces'),
    { ...rfc3339(window), order, route, service, min_ms, max_ms, limit, cursor },
    signal,
  );
}

export function getTrace(
  tenantId: string,
  traceId: string,
  at: string | undefined,
  signal?: AbortSignal,
): Promise<TraceDetail> {
  return get(ofTenant(tenantId, `traces/${encodeURIComponent(traceId)}`), { at }, signal);
}

export function latencyHeat(
  tenantId: string,
  asked: { readonly window: RangeWindow; readonly route: string | undefined },
  signal?: AbortSignal,
): Promise<LatencyHeatMap> {
  return get(ofTenant(tenantId, 'latency-heat'), { ...rfc3339(asked.window), route: asked.route }, signal);
}

export function tenantQueries(tenantId: string, window: RangeWindow, signal?: AbortSignal): Promise<QueryList> {
  return get(ofTenant(tenantId, 'queries'), { ...rfc3339(window), limit: 50 }, signal);
}

export function tenantSlowQueries(tenantId: string, window: RangeWindow, signal?: AbortSignal): Promise<SlowQueryList> {
  return get(ofTenant(tenantId, 'slow-queries'), { ...rfc3339(window), limit: 50 }, signal);
}

export function tenantStorage(tenantId: string, window: RangeWindow, signal?: AbortSignal): Promise<StorageList> {
  return get('/v1/storage', { tenant_id: tenantId, ...rfc3339(window), limit: 200 }, signal);
}

export function listMeters(signal?: AbortSignal): Promise<MeterList> {
  return get('/v1/meters', {}, signal);
}

export function meterValues(
  slug: string,
  tenantId: string,
  window: RangeWindow,
  signal?: AbortSignal,
): Promise<MeterValues> {
  return get(`/v1/meters/${encodeURIComponent(slug)}/query`, { tenant_id: tenantId, ...rfc3339(window) }, signal);
}

export function flagInstances(signal?: AbortSignal): Promise<FlagInstanceList> {
  return get('/v1/flags/instances', {}, signal);
}
