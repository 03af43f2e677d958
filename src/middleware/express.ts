import type { IncomingMessage, ServerResponse } from 'node:http';
import { countInProcess } from './counters.ts';
import { guarded } from './guard.ts';
import { answer, NodeGate } from './node-gate.ts';
import type { Refusal } from './refusal.ts';
import { enterContext, type GateOptions, type Passage } from './request-gate.ts';
import { identityOf, judgeTenant, type RequireTenantOptions } from './require-tenant.ts';

/** Express's request, as far as it is needed. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  route?: { readonly path?: unknown };
}

/** Fits `app.use` and routes of Express 4 and 5, Connect, and NestJS on Express. */
export type ExpressMiddleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Options of `tenantryExpress`. */
export interface TenantryExpressOptions extends GateOptions {
  /**
   * The route template of a request (`/orders/:id`) before it is routed: throttles that are scoped to a route need it.
   * Default: that of the route on which the middleware is mounted; `app.use` is on none. Spans get the route of the
   * router all the same, as soon as it has routed.
   */
  readonly route?: (request: ExpressRequest) => string | undefined;
}

const VALUE_LIKE = /^(?:\d+|[0-9a-f]{8,}|[0-9a-f-]{32,})$/i;

/**
 * The template of a request that Express has routed. It does not tell the templates of mounted routers, only what they
 * matched (`/t/acme` for `/t/:tenant`): there, ids and the tenant's own become placeholders, as a route must be one of few.
 */
function routeOf(request: ExpressRequest, tenantId: string | undefined): string | undefined {
  const path = request.route?.path;
  if (typeof path !== 'string') return undefined;
  const mount = (request.baseUrl ?? '')
    .split('/')
    .map((part) => (part === tenantId ? ':tenant' : part.replace(VALUE_LIKE, ':id')))
    .join('/');
  return mount !== '' && path === '/' ? mount : `${mount}${path}`;
}

/** Takes the template down when the router sets it: once an error has left the router, its mount path is lost. */
function watchRoute(request: ExpressRequest, tenantId: () => string | undefined): () => string | undefined {
  let current = request.route;
  let route: string | undefined;
  Object.defineProperty(request, 'route', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (next: ExpressRequest['route']) => {
      current = next;
      route = routeOf(request, tenantId()) ?? route;
    },
  });
  return () => route;
}

/**
 * Express middleware: finds each request's tenant, runs the rest of the request in its context, marks its spans, and
 * answers 429 for tenants that are throttled. Mount it once, before body parsers and routes. Whatever fails inside it
 * is counted and lets the request through.
 */
export function tenantryExpress(options: TenantryExpressOptions): ExpressMiddleware {
  const gate = new NodeGate(options);
  return (request, response, next) => {
    // Mounted twice, or inside withTenantry: the first has the request.
    if (identityOf(request) !== undefined) {
      next();
      return;
    }
    let tenantId: string | undefined;
    const routed = guarded(
      gate.count,
      'hook_failed',
      () => watchRoute(request, () => tenantId),
      () => undefined,
    );
    const settle = (passage: Passage | undefined) => {
      if (passage === undefined) {
        next();
        return;
      }
      tenantId = 'tenant' in passage.identified ? passage.identified.tenant.tenantId : undefined;
      if (passage.refusal !== undefined && answer(response, passage.refusal, gate.count)) return;
      enterContext(passage.context, next, gate.count);
    };
    const passage = gate.enter({
      incoming: request,
      outgoing: response,
      request,
      url: request.originalUrl ?? request.url ?? '/',
      route: () => options.route?.(request) ?? routeOf(request, undefined),
      routeAtEnd: routed,
    });
    if (!(passage instanceof Promise)) settle(passage);
    // What next() throws here would otherwise be nobody's rejection.
    else passage.then(settle).catch(next);
  };
}

/**
 * Express middleware for single routes behind `tenantryExpress`: 401 for requests that name no tenant, 403 for those
 * whose tenant is malformed or that `allow` refuses. What `allow` throws goes to the app's error handlers.
 */
export function requireTenant(options: RequireTenantOptions = {}): ExpressMiddleware {
  return (request, response, next) => {
    const settle = (refusal: Refusal | undefined) => {
      if (refusal === undefined || !answer(response, refusal, countInProcess)) next();
    };
    const refusal = judgeTenant(request, options);
    if (refusal instanceof Promise) refusal.then(settle, next);
    else settle(refusal);
  };
}
