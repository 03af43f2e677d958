/** What the adapters of servers on Node's own streams share. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Count, countSafely, guarded } from './guard.ts';
import { runListenersIn } from './listener-context.ts';
import { hasBody, NodeExchange } from './node-exchange.ts';
import type { Refusal } from './refusal.ts';
import { type GateOptions, type Passage, RequestGate } from './request-gate.ts';
import { identityOf, rememberIdentity } from './require-tenant.ts';

export interface NodeVisit {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The framework's own request, for the app's resolvers. */
  readonly request: unknown;
  /** Path and query as received. */
  readonly url: string;
  /** The router's template, where it is known before routing. */
  readonly route: () => string | undefined;
  /** The same at the end of the request. */
  readonly routeAtEnd: () => string | undefined;
}

export class NodeGate {
  readonly #gate: RequestGate;
  readonly count: Count;

  constructor(options: GateOptions) {
    this.#gate = new RequestGate(options);
    this.count = (name) => options.tenantry.count(name);
  }

  /**
   * The request's passage, whose end is seen to. Undefined when the request is to go on as it is: the middleware itself
   * failed, or an adapter further out has this request already. Never throws and never rejects.
   */
  enter(visit: NodeVisit): Passage | undefined | Promise<Passage | undefined> {
    const { incoming, outgoing } = visit;
    return guarded<Passage | undefined | Promise<Passage | undefined>>(
      this.count,
      'hook_failed',
      () => {
        if (identityOf(incoming) !== undefined) return undefined;
        // Before the sources are asked: what is sent and received while they answer counts too.
        const exchange = guarded(this.count, 'hook_failed', () => new NodeExchange(incoming, outgoing), undefined);
        const settle = (passage: Passage) => this.#settle(visit, passage, exchange);
        const passage = this.#gate.enter({
          headers: incoming.headers,
          url: visit.url,
          method: incoming.method,
          request: visit.request,
          route: guarded(this.count, 'hook_failed', visit.route, undefined),
          peerAddress: () => incoming.socket.remoteAddress,
        });
        return passage instanceof Promise ? passage.then(settle) : settle(passage);
      },
      undefined,
    );
  }

  #settle(visit: NodeVisit, passage: Passage, exchange: NodeExchange | undefined): Passage {
    const { incoming, outgoing, routeAtEnd } = visit;
    if (passage.headers !== undefined) this.#setHeaders(outgoing, passage.headers);
    guarded(this.count, 'hook_failed', () => rememberIdentity(incoming, passage.identified), undefined);
    guarded(this.count, 'hook_failed', () => exchange?.finishes(passage, routeAtEnd, this.count), undefined);
    if (hasBody(incoming)) {
      guarded(this.count, 'hook_failed', () => runListenersIn(passage.context, incoming), undefined);
    }
    return passage;
  }

  #setHeaders(outgoing: ServerResponse, headers: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(headers)) {
      guarded(this.count, 'hook_failed', () => void outgoing.setHeader(name, value), undefined);
    }
  }
}

/** True when the answer went out, false when it could not and nothing was sent. */
export function answer(response: ServerResponse, refusal: Refusal, count: Count): boolean {
  try {
    response.writeHead(refusal.status, refusal.headers);
  } catch {
    countSafely(count, 'hook_failed');
    return false;
  }
  response.end(refusal.body);
  return true;
}
