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
  route(): string | undefined;
  /** The same at the end of the request. */
  routeAtEnd(): string | undefined;
  /**
   * The framework's own way to set headers of its answer. Default: those of the response itself, which makes Node write
   * all headers the slow way (measured: 2 us a response).
   */
  setHeaders?(headers: Readonly<Record<string, string>>): void;
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
    // Here and below: try blocks and no closures for `guarded`. A closure a step made a quarter of what a request cost.
    try {
      const { incoming, outgoing } = visit;
      if (identityOf(incoming) !== undefined) return undefined;
      // Before the sources are asked: what is sent and received while they answer counts too.
      const exchange = this.#exchangeOf(incoming, outgoing);
      const passage = this.#gate.enter({
        headers: incoming.headers,
        url: visit.url,
        method: incoming.method,
        request: visit.request,
        route: this.#routeOf(visit),
        peerAddress: () => incoming.socket.remoteAddress,
      });
      if (!(passage instanceof Promise)) return this.#settle(visit, passage, exchange);
      return passage.then((known) => this.#settle(visit, known, exchange));
    } catch {
      countSafely(this.count, 'hook_failed');
      return undefined;
    }
  }

  #exchangeOf(incoming: IncomingMessage, outgoing: ServerResponse): NodeExchange | undefined {
    try {
      return new NodeExchange(incoming, outgoing);
    } catch {
      countSafely(this.count, 'hook_failed');
      return undefined;
    }
  }

  #routeOf(visit: NodeVisit): string | undefined {
    try {
      return visit.route();
    } catch {
      countSafely(this.count, 'hook_failed');
      return undefined;
    }
  }

  #settle(visit: NodeVisit, passage: Passage, exchange: NodeExchange | undefined): Passage {
    const { incoming } = visit;
    if (passage.headers !== undefined) this.#setHeaders(visit, passage.headers);
    try {
      rememberIdentity(incoming, passage.identified);
      exchange?.finishes(passage, visit, this.count);
    } catch {
      countSafely(this.count, 'hook_failed');
    }
    if (hasBody(incoming)) {
      guarded(this.count, 'hook_failed', () => runListenersIn(passage.context, incoming), undefined);
    }
    return passage;
  }

  #setHeaders(visit: NodeVisit, headers: Readonly<Record<string, string>>): void {
    try {
      if (visit.setHeaders !== undefined) visit.setHeaders(headers);
      else for (const [name, value] of Object.entries(headers)) visit.outgoing.setHeader(name, value);
    } catch {
      countSafely(this.count, 'hook_failed');
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
