import type { IncomingMessage, ServerResponse } from 'node:http';
import { countInProcess } from './counters.ts';
import { answer, NodeGate } from './node-gate.ts';
import type { Refusal } from './refusal.ts';
import { enterContext, type GateOptions, type Passage } from './request-gate.ts';
import { judgeTenant, type RequireTenantOptions } from './require-tenant.ts';

/** Options of `withTenantry`. */
export interface NodeHttpOptions extends GateOptions {
  /** The route template of a request (`/orders/:id`), for spans and scoped throttles. Default: unknown. */
  readonly route?: (request: IncomingMessage) => string | undefined;
}

/** A listener as `createServer` of `node:http` takes it. */
export type NodeHttpHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Wraps a handler of `http.createServer`: finds each request's tenant, runs the handler in its context, marks its
 * spans, and answers 429 for tenants that are throttled. The handler is called exactly once unless the request is
 * refused; what it returns or throws is handed on.
 */
export function withTenantry(handler: NodeHttpHandler, options: NodeHttpOptions): NodeHttpHandler {
  const gate = new NodeGate(options);
  return (request, response) => {
    const settle = (passage: Passage | undefined): unknown => {
      if (passage === undefined) return handler(request, response);
      if (passage.refusal !== undefined && answer(response, passage.refusal, gate.count)) return undefined;
      return enterContext(passage.context, () => handler(request, response), gate.count);
    };
    const passage = gate.enter({
      incoming: request,
      outgoing: response,
      request,
      url: request.url ?? '/',
      route: () => options.route?.(request),
      routeAtEnd: () => undefined,
    });
    return passage instanceof Promise ? passage.then(settle) : settle(passage);
  };
}

/**
 * Wraps the handler of one route below `withTenantry`: 401 for requests that name no tenant, 403 for those whose tenant
 * is malformed or that `allow` refuses. What `allow` throws is handed on.
 */
export function requireTenant(handler: NodeHttpHandler, options: RequireTenantOptions = {}): NodeHttpHandler {
  return (request, response) => {
    const settle = (refusal: Refusal | undefined): unknown =>
      refusal !== undefined && answer(response, refusal, countInProcess) ? undefined : handler(request, response);
    const refusal = judgeTenant(request, options);
    return refusal instanceof Promise ? refusal.then(settle) : settle(refusal);
  };
}
