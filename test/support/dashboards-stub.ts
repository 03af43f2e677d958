import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type {
  AnomalyItem,
  BreakerItem,
  MetricName,
  NewThrottle,
  Problem,
  TenantFigures,
  TenantList,
  ThrottleItem,
  WhoAmI,
} from '../../src/api/contract.ts';
import { seriesOf, throttleOf } from './dashboards-data.ts';
import { type TenantStubState, tenantStubRoutes, tenantStubState } from './dashboards-stub-tenant.ts';

/** The policy that the real server sends; `default-src 'self'` forbids inline code and every other origin. */
const CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What the stub answers; a test changes it between two polls. */
interface StubState {
  tenants: TenantFigures[];
  throttles: ThrottleItem[];
  anomalies: AnomalyItem[];
  breakers: BreakerItem[];
  attributedShare: number | null;
  dataUntil: () => number | null;
  /** Names of groups that take the place of the usual ones, such as hostile routes. */
  groups: Readonly<Record<string, readonly string[]>>;
  /** Set: every /v1 route answers this problem. */
  problem: Problem | undefined;
  who: WhoAmI;
  /** Sections of a tenant's page, and traces. */
  readonly tenant: TenantStubState;
}

export interface DashboardsStub {
  readonly url: string;
  readonly state: StubState;
  /** Every /v1 request so far: method and URL. */
  readonly requests: { method: string; url: string; csrf: string | undefined; body: unknown }[];
  close(): Promise<void>;
}

/** The built pages, read once, so that a build that runs meanwhile does not matter. */
export function readPages(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [`/${relative(folder, path)}`, readFileSync(path)];
    }),
  );
}

type Query = Record<string, string | undefined>;

function compare(a: TenantFigures, b: TenantFigures, sort: string): number {
  const [left, right] = [a, b].map((row) => row[sort as keyof TenantFigures]);
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  return Number(left ?? -1) - Number(right ?? -1);
}

/** A cursor is good for the query that it came with, word by word, as in the real API. */
const bindingOf = ({ from, to, sort, order, q, limit }: Query) => JSON.stringify([from, to, sort, order, q, limit]);

function tenantList(state: StubState, query: Query): TenantList | undefined {
  const limit = Number(query['limit'] ?? 100);
  const cursor = query['cursor'] === undefined ? undefined : JSON.parse(atob(query['cursor']));
  if (cursor !== undefined && cursor.binding !== bindingOf(query)) return undefined;
  const offset = cursor?.offset ?? 0;
  const found = state.tenants.filter((row) => row.tenant_id.toLowerCase().includes((query['q'] ?? '').toLowerCase()));
  found.sort((a, b) => compare(a, b, query['sort'] ?? 'requests') * (query['order'] === 'asc' ? 1 : -1));
  const end = offset + limit;
  return {
    items: found.slice(offset, end),
    next_cursor: end < found.length ? btoa(JSON.stringify({ offset: end, binding: bindingOf(query) })) : null,
    total: found.length,
    from: query['from'] ?? '',
    to: query['to'] ?? '',
    spark_step_seconds: 120,
    attributed_share: state.attributedShare,
    data_until: state.dataUntil(),
  };
}

function problem(reply: FastifyReply, value: Problem): FastifyReply {
  return reply.code(value.status).type('application/problem+json').send(JSON.stringify(value));
}

export function problemOf(status: number, code: string, detail: string, hint?: string): Problem {
  const title = code === 'UNAUTHENTICATED' ? 'No valid credentials' : 'A store cannot be reached';
  return { type: 'about:blank', title, status, code, detail, request_id: 'req-1', ...(hint ? { hint } : {}) };
}

function routes(app: FastifyInstance, state: StubState): void {
  app.get('/v1/whoami', () => state.who);
  app.get<{ Querystring: Query }>('/v1/tenants', (request, reply) => {
    const list = tenantList(state, request.query);
    return (
      list ?? problem(reply, problemOf(400, 'BAD_REQUEST', 'query parameter "cursor" does not belong to this query'))
    );
  });
  app.get<{ Params: { id: string }; Querystring: Query }>('/v1/tenants/:id/metrics', (request) => {
    const { metric, from, to, step, group_by: groupBy } = request.query;
    return seriesOf({
      metric: metric as MetricName,
      groupBy,
      groups: groupBy === undefined ? undefined : state.groups[groupBy],
      from: Date.parse(from ?? ''),
      to: Date.parse(to ?? ''),
      stepSeconds: Number(step),
    });
  });
  app.get<{ Querystring: Query }>('/v1/throttles', ({ query }) => ({
    items: state.throttles.filter(
      (throttle) =>
        (query['tenant_id'] === undefined || throttle.tenant_id === query['tenant_id']) &&
        (query['active'] !== 'true' || throttle.status === 'active'),
    ),
  }));
  app.get<{ Querystring: Query }>('/v1/anomalies', ({ query }) => ({
    items: state.anomalies.filter(
      (anomaly) => query['tenant_id'] === undefined || anomaly.tenant_id === query['tenant_id'],
    ),
  }));
  app.get<{ Querystring: Query }>('/v1/breakers', ({ query }) => {
    const items = state.breakers.filter(
      ({ tenant_id: id }) => query['tenant_id'] === undefined || id === query['tenant_id'],
    );
    return { items, total: items.length };
  });
  app.get('/v1/degradations', () => ({ items: [], total: 0 }));
  app.post<{ Body: NewThrottle }>('/v1/throttles', (request, reply) => {
    const { expires_in_seconds: seconds, scope, ...rest } = request.body;
    const now = Date.now();
    const throttle = throttleOf(request.body.tenant_id, {
      ...rest,
      now,
      id: `throttle-${state.throttles.length + 1}`,
      scope: scope ?? {},
      created_by: state.who.subject,
      created_at: new Date(now).toISOString(),
      expires_at: new Date(now + seconds * 1000).toISOString(),
      acks: [],
    });
    state.throttles = [throttle, ...state.throttles];
    return reply.code(201).send(throttle);
  });
  app.post('/v1/session/end', (_request, reply) => {
    state.problem = problemOf(401, 'UNAUTHENTICATED', 'There are no credentials on this request.');
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: string } }>('/v1/throttles/:id', (request, reply) => {
    const ended = new Date().toISOString();
    const found = state.throttles.find(({ id, status }) => id === request.params.id && status === 'active');
    if (!found) return problem(reply, problemOf(404, 'NOT_FOUND', 'There is no throttle in force with this id.'));
    Object.assign(found, { status: 'lifted', ended_at: ended });
    return found;
  });
}

/** An HTTP server with the contract's routes over fixed data, and the built pages under the strict policy. */
export async function startDashboardsStub(pages: ReadonlyMap<string, Buffer>): Promise<DashboardsStub> {
  const state: StubState = {
    tenants: [],
    throttles: [],
    anomalies: [],
    breakers: [],
    attributedShare: 0.987,
    dataUntil: () => Math.floor(Date.now() / 60_000) * 60_000,
    groups: {},
    problem: undefined,
    who: { subject: 'ada@example.com', role: 'sre', tenant_id: null, tenants: null, expires_at: null },
    tenant: tenantStubState(),
  };
  const requests: DashboardsStub['requests'] = [];
  // The default of 100 characters would answer 404 for long tenant ids.
  const app = Fastify({ routerOptions: { maxParamLength: 1_000 } });
  app.addHook('preHandler', async (request, reply) => {
    if (!request.url.startsWith('/v1/')) return;
    const csrf = request.headers['x-tenantry-csrf']?.toString();
    requests.push({ method: request.method, url: request.url, csrf, body: request.body });
    if (state.problem) return problem(reply, state.problem);
  });
  routes(app, state);
  tenantStubRoutes(app, state.tenant);
  app.get('/*', (request, reply) => {
    const path = new URL(request.url, 'http://stub').pathname;
    const name = pages.has(path) ? path : '/index.html';
    const type = TYPES[extname(name)] ?? 'application/octet-stream';
    return reply.header('content-security-policy', CSP).type(type).send(pages.get(name));
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, state, requests, close: () => app.close() };
}
