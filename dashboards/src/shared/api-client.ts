import type {
  AnomalyItem,
  BreakerItem,
  BreakerList,
  DegradationItem,
  DegradationList,
  MetricGroup,
  MetricName,
  MetricSeries,
  NewThrottle,
  Problem,
  TenantList,
  TenantSort,
  ThrottleItem,
  WhoAmI,
} from '../../../src/api/contract.ts';
import type { RangeWindow } from './time-range.ts';

const TIMEOUT_MS = 20_000;
/** Below this, the Date header's whole seconds and the network explain the difference. */
const SKEW_TOLERANCE_MS = 2_000;

/** A request that did not bring data. `status` 0: the server could not be reached at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | undefined;

  constructor(status: number, message: string, problem?: Problem) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
  }
}

let skewMs = 0;

/**
 * Now, on the server's clock. A laptop that is minutes off would otherwise ask for the wrong window and show wrong
 * remaining times.
 */
export function serverNow(): number {
  return Date.now() + skewMs;
}

function learnSkew(response: Response): void {
  const serverTime = Date.parse(response.headers.get('date') ?? '');
  if (!Number.isFinite(serverTime)) return;
  const difference = serverTime + 500 - Date.now();
  skewMs = Math.abs(difference) > SKEW_TOLERANCE_MS ? difference : 0;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'title' in body && 'detail' in body;
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

let bearer: (() => string) | undefined;

/**
 * From now on requests carry this token and no cookie: in a frame of another product, whoever is signed in here is not
 * who looks there.
 */
export function authorizeBy(tokenOf: () => string): void {
  bearer = tokenOf;
}

/** How a request shows who asks. */
function identified(init: RequestInit): RequestInit {
  if (bearer === undefined) return { ...init, credentials: 'same-origin' };
  const headers = { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${bearer()}` };
  return { ...init, headers, credentials: 'omit' };
}

/** @throws ApiError for everything but a 2xx answer with JSON; an aborted request rejects with its AbortError. */
async function request<T>(
  path: string,
  init: RequestInit,
  signal?: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(path, {
      ...identified(init),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const slow = timeout.aborted;
    throw new ApiError(0, slow ? `No answer within ${timeoutMs / 1000} s` : 'The server cannot be reached');
  }
  learnSkew(response);
  const body = response.status === 204 ? null : await readJson(response);
  if (!response.ok) {
    const problem = isProblem(body) ? body : undefined;
    throw new ApiError(response.status, problem?.detail ?? `The server answered ${response.status}`, problem);
  }
  if (body === undefined) throw new ApiError(response.status, 'The server answered something that is not JSON');
  return body as T;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `path` with those values of `query` that there are. */
export function urlOf(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? path : `${path}?${search}`;
}

/** @throws ApiError for everything but a 2xx answer with JSON; an aborted request rejects with its AbortError. */
export function get<T>(path: string, query: Query, signal?: AbortSignal): Promise<T> {
  return request<T>(urlOf(path, query), { headers: { accept: 'application/json' } }, signal);
}

/**
 * A change. `body` becomes JSON; text and files go as they are, with the content type that `headers` name. `timeoutMs`
 * for what takes the server longer than an answer usually does.
 * @throws ApiError as `get` does; null where the answer is 204.
 */
export function send<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  timeoutMs?: number,
): Promise<T> {
  if (body === undefined) {
    return request(path, { method, headers: { ...WRITE_HEADERS, ...headers } }, undefined, timeoutMs);
  }
  const isRaw = typeof body === 'string' || body instanceof Blob;
  const init = {
    method,
    headers: { ...WRITE_HEADERS, ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
    body: isRaw ? body : JSON.stringify(body),
  };
  return request(path, init, undefined, timeoutMs);
}

/**
 * A question that is too long for an address: a POST that changes nothing.
 * @throws ApiError as `get` does; an aborted request rejects with its AbortError
 */
export function ask<T>(path: string, question: unknown, signal: AbortSignal, timeoutMs: number): Promise<T> {
  const headers = { ...WRITE_HEADERS, 'content-type': 'application/json' };
  return request(path, { method: 'POST', headers, body: JSON.stringify(question) }, signal, timeoutMs);
}

/** A window as the API's `from` and `to`. */
export function rfc3339(window: RangeWindow): { from: string; to: string } {
  return { from: new Date(window.from).toISOString(), to: new Date(window.to).toISOString() };
}

export interface TenantsQuery {
  readonly window: RangeWindow;
  readonly sort: TenantSort;
  readonly order: 'asc' | 'desc';
  readonly search?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export function listTenants(query: TenantsQuery, signal?: AbortSignal): Promise<TenantList> {
  const { window, sort, order, limit, cursor } = query;
  const q = query.search === '' ? undefined : query.search;
  return get('/v1/tenants', { ...rfc3339(window), sort, order, q, limit, cursor }, signal);
}

export interface MetricQuery {
  readonly metric: MetricName;
  readonly window: RangeWindow;
  readonly stepSeconds: number;
  readonly groupBy?: MetricGroup | undefined;
}

export function tenantMetric(tenantId: string, query: MetricQuery, signal?: AbortSignal): Promise<MetricSeries> {
  const { metric, window, stepSeconds: step, groupBy } = query;
  const path = `/v1/tenants/${encodeURIComponent(tenantId)}/metrics`;
  return get(path, { metric, ...rfc3339(window), step, group_by: groupBy }, signal);
}

export async function listThrottles(
  filter: { tenantId?: string; activeOnly?: boolean },
  signal?: AbortSignal,
): Promise<ThrottleItem[]> {
  const query = { tenant_id: filter.tenantId, active: filter.activeOnly ? true : undefined };
  return (await get<{ items: ThrottleItem[] }>('/v1/throttles', query, signal)).items;
}

export async function listBreakers(tenantId: string, signal?: AbortSignal): Promise<BreakerItem[]> {
  return (await get<BreakerList>('/v1/breakers', { tenant_id: tenantId }, signal)).items;
}

export async function listDegradations(tenantId: string, signal?: AbortSignal): Promise<DegradationItem[]> {
  return (await get<DegradationList>('/v1/degradations', { tenant_id: tenantId }, signal)).items;
}

export async function listAnomalies(
  filter: { window: RangeWindow; tenantId?: string },
  signal?: AbortSignal,
): Promise<AnomalyItem[]> {
  const query = { ...rfc3339(filter.window), tenant_id: filter.tenantId };
  return (await get<{ items: AnomalyItem[] }>('/v1/anomalies', query, signal)).items;
}

/** The server refuses writes that come without this header, which no foreign page can send along with a cookie. */
const WRITE_HEADERS = { accept: 'application/json', 'x-tenantry-csrf': '1' };

export function createThrottle(throttle: NewThrottle): Promise<ThrottleItem> {
  return send('POST', '/v1/throttles', throttle);
}

export function liftThrottle(id: string): Promise<unknown> {
  return send('DELETE', `/v1/throttles/${encodeURIComponent(id)}`);
}

/** Ends the session everywhere, not only in this tab. */
export function endSession(): Promise<unknown> {
  return send('POST', '/v1/session/end');
}

export function whoAmI(signal?: AbortSignal): Promise<WhoAmI> {
  return get('/v1/whoami', {}, signal);
}
