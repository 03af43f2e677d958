import http from 'node:http';
import { callHttp } from './http-call.ts';
import { identityHeaders } from './identity.ts';
import type { AssistBody, AssistReply } from './saas-wire.ts';
import type { DemoTenant } from './tenants.ts';

/** The routes of the app as its router names them; with their method they name what a request does. */
export type RouteName =
  | 'GET /api/projects'
  | 'GET /api/projects/:id'
  | 'POST /api/projects/:id/comments'
  | 'GET /api/search'
  | 'POST /api/assist';

/** One request to the app. */
export interface PlannedRequest {
  readonly tenant: string;
  readonly route: RouteName;
  /** For the two routes of one project; a project that does not exist is answered 404. */
  readonly projectId?: number;
  readonly words?: string;
  readonly assist?: AssistBody;
}

/** What the client saw of it. */
export interface Outcome {
  readonly tenant: string;
  readonly route: RouteName;
  /** 0: no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number;
  /** What the assistant said it used; all 0 on other routes. */
  readonly usage: AssistReply['usage'];
}

const NO_USAGE: AssistReply['usage'] = { calls: 0, input: 0, output: 0, cacheRead: 0, reasoning: 0 };
const MAX_SOCKETS = 256;

function pathOf(request: PlannedRequest): string {
  if (request.route === 'GET /api/search') return `/api/search?q=${encodeURIComponent(request.words ?? 'lorem')}`;
  const path = request.route.slice(request.route.indexOf(' ') + 1);
  return path.replace(':id', String(request.projectId ?? 1));
}

function bodyOf(request: PlannedRequest): unknown {
  if (request.route === 'POST /api/assist') return request.assist;
  return request.route === 'POST /api/projects/:id/comments' ? { text: 'looks good to me' } : undefined;
}

/** Sends requests to the app over loopback, each as a client of its tenant would. */
export class Client {
  readonly #port: number;
  readonly #tenants: ReadonlyMap<string, DemoTenant>;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });

  constructor(port: number, tenants: readonly DemoTenant[]) {
    this.#port = port;
    this.#tenants = new Map(tenants.map((tenant) => [tenant.id, tenant]));
  }

  /** Never rejects: a request without an answer has status 0. */
  async send(request: PlannedRequest): Promise<Outcome> {
    const outcome = { tenant: request.tenant, route: request.route, retryAfterSeconds: 0, usage: NO_USAGE };
    const tenant = this.#tenants.get(request.tenant);
    if (tenant === undefined) return { ...outcome, status: 0 };
    try {
      const answer = await callHttp({
        port: this.#port,
        method: request.route.slice(0, request.route.indexOf(' ')),
        path: pathOf(request),
        headers: identityHeaders(tenant),
        body: bodyOf(request),
        agent: this.#agent,
      });
      const answered = request.route === 'POST /api/assist' && answer.status === 200;
      return {
        ...outcome,
        status: answer.status,
        retryAfterSeconds: Number(answer.headers['retry-after'] ?? 0),
        usage: answered ? (JSON.parse(answer.body) as AssistReply).usage : NO_USAGE,
      };
    } catch {
      return { ...outcome, status: 0 };
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
