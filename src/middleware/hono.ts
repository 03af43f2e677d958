import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context as HonoContext, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { FetchExchange } from './fetch-exchange.ts';
import { countSafely, guarded } from './guard.ts';
import { NodeGate } from './node-gate.ts';
import type { Refusal } from './refusal.ts';
import { enterContext, type GateOptions, type Passage, RequestGate } from './request-gate.ts';
import { judgeTenant, type RequireTenantOptions, rememberIdentity } from './require-tenant.ts';

/** Options of `tenantryHono`. */
export type TenantryHonoOptions = GateOptions;

interface NodeStreams {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** What `@hono/node-server` hands on; other runtimes have no such streams. */
function nodeStreams(c: HonoContext): NodeStreams | undefined {
  const { incoming, outgoing } = (c.env ?? {}) as Partial<NodeStreams>;
  return incoming !== undefined && outgoing !== undefined ? { incoming, outgoing } : undefined;
}

/** Hono matches all of a request's routes before the first middleware runs: the first that is a handler answers. */
function routeOf(c: HonoContext): string | undefined {
  const routes = matchedRoutes(c);
  const handler = routes.find(({ method }) => method !== 'ALL') ?? routes.find(({ handler: { length } }) => length < 2);
  return handler?.path;
}

function pathAndQuery(c: HonoContext): string {
  const url = new URL(c.req.url);
  return `${url.pathname}${url.search}`;
}

function toResponse({ status, headers, body }: Refusal): Response {
  return new Response(body, { status, headers: { ...headers } });
}

class Visits {
  readonly #onNode: NodeGate;
  readonly #elsewhere: RequestGate;

  constructor(options: TenantryHonoOptions) {
    this.#onNode = new NodeGate(options);
    this.#elsewhere = new RequestGate(options);
  }

  get count() {
    return this.#onNode.count;
  }

  /** Never rejects. `exchange` is there when the end of the response has to be watched from its body. */
  async enter(c: HonoContext): Promise<{ passage: Passage | undefined; exchange?: FetchExchange }> {
    const streams = nodeStreams(c);
    const route = () => routeOf(c);
    if (streams !== undefined) {
      const passage = await this.#onNode.enter({
        ...streams,
        request: c,
        url: pathAndQuery(c),
        route,
        routeAtEnd: () => undefined,
      });
      return { passage };
    }
    try {
      const passage = await this.#elsewhere.enter({
        headers: Object.fromEntries(c.req.raw.headers),
        url: pathAndQuery(c),
        method: c.req.method,
        request: c,
        route: guarded(this.count, 'hook_failed', route, undefined),
      });
      rememberIdentity(c.req.raw, passage.identified);
      for (const [name, value] of Object.entries(passage.headers ?? {})) c.header(name, value);
      return { passage, exchange: new FetchExchange(passage, c.req.raw) };
    } catch {
      countSafely(this.count, 'hook_failed');
      return { passage: undefined };
    }
  }
}

/**
 * Hono middleware: finds each request's tenant, runs the rest of the request in its context, marks its spans, and
 * answers 429 for tenants that are throttled. Use it once, before the routes; sources that ask for the peer's address
 * need `@hono/node-server`. Whatever fails inside it is counted and lets the request through.
 */
export function tenantryHono(options: TenantryHonoOptions): MiddlewareHandler {
  const visits = new Visits(options);
  return async (c, next) => {
    const { passage, exchange } = await visits.enter(c);
    if (passage?.refusal !== undefined) c.res = toResponse(passage.refusal);
    else if (passage === undefined) await next();
    else await enterContext(passage.context, next, visits.count);
    if (exchange !== undefined) {
      guarded(
        visits.count,
        'hook_failed',
        () => {
          c.res = exchange.watch(c.res);
        },
        undefined,
      );
    }
  };
}

/**
 * Hono middleware for single routes behind `tenantryHono`: 401 for requests that name no tenant, 403 for those whose
 * tenant is malformed or that `allow` refuses. What `allow` throws goes to the app's `onError`.
 */
export function requireTenant(options: RequireTenantOptions = {}): MiddlewareHandler {
  return async (c, next) => {
    const refusal = await judgeTenant(nodeStreams(c)?.incoming ?? c.req.raw, options);
    if (refusal !== undefined) return toResponse(refusal);
    await next();
    return undefined;
  };
}
