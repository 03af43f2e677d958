import type { IncomingMessage, ServerResponse } from 'node:http';
import { NodeGate } from './node-gate.ts';
import type { Refusal } from './refusal.ts';
import { enterContext, type GateOptions } from './request-gate.ts';
import { judgeTenant, type RequireTenantOptions } from './require-tenant.ts';

/** Koa's context, as far as it is needed. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly originalUrl: string;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

/** Fits `app.use` and routers of Koa 2 and 3. */
export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

/** Options of `tenantryKoa`. */
export interface TenantryKoaOptions extends GateOptions {
  /**
   * The route template of a request (`/orders/:id`) before it is routed: throttles that are scoped to a route need it.
   * Default: unknown. Spans get the route that `@koa/router` matched all the same.
   */
  readonly route?: (ctx: KoaContext) => string | undefined;
}

function answer(ctx: KoaContext, { status, headers, body }: Refusal): void {
  ctx.status = status;
  ctx.set({ ...headers });
  ctx.body = body;
}

/** Where `@koa/router` leaves the template that it matched. */
function routedBy(ctx: KoaContext): string | undefined {
  const { _matchedRoute: route } = ctx as { _matchedRoute?: unknown };
  return typeof route === 'string' ? route : undefined;
}

/**
 * Koa middleware: finds each request's tenant, runs the rest of the request in its context, marks its spans, and answers
 * 429 for tenants that are throttled. Use it once, before the routes. Whatever fails inside it is counted and lets the
 * request through; what the app throws goes on untouched.
 */
export function tenantryKoa(options: TenantryKoaOptions): KoaMiddleware {
  const gate = new NodeGate(options);
  return async (ctx, next) => {
    const passage = await gate.enter({
      incoming: ctx.req,
      outgoing: ctx.res,
      request: ctx,
      url: ctx.originalUrl,
      route: () => options.route?.(ctx),
      routeAtEnd: () => routedBy(ctx),
    });
    if (passage === undefined) return await next();
    if (passage.refusal !== undefined) {
      answer(ctx, passage.refusal);
      return undefined;
    }
    return await enterContext(passage.context, next, gate.count);
  };
}

/**
 * Koa middleware for single routes behind `tenantryKoa`: 401 for requests that name no tenant, 403 for those whose
 * tenant is malformed or that `allow` refuses. What `allow` throws is the app's and goes on.
 */
export function requireTenant(options: RequireTenantOptions = {}): KoaMiddleware {
  return async (ctx, next) => {
    const refusal = await judgeTenant(ctx.req, options);
    if (refusal === undefined) return await next();
    answer(ctx, refusal);
    return undefined;
  };
}
