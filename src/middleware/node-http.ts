import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CounterName } from './counters.ts';
import { countSafely, guarded } from './guard.ts';
import { NodeExchange } from './node-exchange.ts';
import { enterContext, type GateOptions, type Passage, RequestGate } from './request-gate.ts';

export interface NodeHttpOptions extends GateOptions {
  /** The route template of a request (`/orders/:id`), for spans and scoped throttles. Default: unknown. */
  readonly route?: (request: IncomingMessage) => string | undefined;
}

export type NodeHttpHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** True when the refusal went out, false when it could not and nothing was sent. */
function refuse(response: ServerResponse, passage: Passage, count: (name: CounterName) => void): boolean {
  const { refusal } = passage;
  if (refusal === undefined) return false;
  try {
    response.writeHead(refusal.status, refusal.headers);
  } catch {
    countSafely(count, 'hook_failed');
    return false;
  }
  response.end(refusal.body);
  return true;
}

/**
 * Wraps a handler of `http.createServer`: finds each request's tenant, runs the handler in its context, marks its
 * spans, and answers 429 for tenants that are throttled. The handler is called exactly once unless the request is
 * refused; what it returns or throws is handed on.
 */
export function withTenantry(handler: NodeHttpHandler, options: NodeHttpOptions): NodeHttpHandler {
  const gate = new RequestGate(options);
  const count = (name: CounterName) => options.tenantry.count(name);
  return (request, response) => {
    const exchange = guarded(count, 'hook_failed', () => new NodeExchange(request, response), undefined);
    const settle = (passage: Passage): unknown => {
      if (exchange !== undefined) {
        guarded(count, 'hook_failed', () => exchange.finishes(passage, () => undefined, count), undefined);
      }
      if (refuse(response, passage, count)) return undefined;
      let result: unknown;
      enterContext(
        passage.context,
        () => {
          result = handler(request, response);
        },
        count,
      );
      return result;
    };
    const passage = guarded(
      count,
      'hook_failed',
      () =>
        gate.enter({
          headers: request.headers,
          url: request.url ?? '/',
          method: request.method,
          request,
          route: guarded(count, 'hook_failed', () => options.route?.(request), undefined),
        }),
      undefined,
    );
    if (passage === undefined) return handler(request, response);
    return passage instanceof Promise ? passage.then(settle) : settle(passage);
  };
}
