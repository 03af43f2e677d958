import { type Context, context } from '@opentelemetry/api';
import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onResponseHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import type { CounterName } from './counters.ts';
import { countSafely, guarded } from './guard.ts';
import { NodeGate, type NodeVisit } from './node-gate.ts';
import type { Refusal } from './refusal.ts';
import { enterContext, type GateOptions, type Passage } from './request-gate.ts';
import { judgeTenant, type RequireTenantOptions } from './require-tenant.ts';

/** Options of `tenantryFastify`. */
export interface TenantryFastifyOptions extends GateOptions {
  /**
   * The hook in which the tenant is found. Default `onRequest`. With `preHandler` a resolver sees what the app's own
   * authentication put on the request in earlier hooks; spans of those hooks are marked afterwards.
   */
  readonly identifyAt?: 'onRequest' | 'preValidation' | 'preHandler';
}

type Done = () => void;

// On the request itself: a WeakMap's entries outlive the collections that would have freed a request young.
const CONTEXT = Symbol('tenantry.context');
const REENTERS = Symbol('tenantry.reenters');

type EnteredRequest = FastifyRequest & { [CONTEXT]?: Context };

/** A class: its methods are made once, where closures would be made for each request. */
class FastifyVisit implements NodeVisit {
  readonly incoming: NodeVisit['incoming'];
  readonly outgoing: NodeVisit['outgoing'];
  readonly url: string;
  readonly request: FastifyRequest;
  readonly #reply: FastifyReply;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.incoming = request.raw;
    this.outgoing = reply.raw;
    this.url = request.url;
    this.request = request;
    this.#reply = reply;
  }

  route(): string | undefined {
    return this.request.routeOptions.url;
  }

  routeAtEnd(): string | undefined {
    return this.route();
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    this.#reply.headers(headers);
  }
}

function goOn(
  passage: Passage,
  reply: FastifyReply,
  done: Done,
  enter: (ctx: Context, next: Done) => void,
  count: (name: CounterName) => void,
): void {
  const { refusal } = passage;
  if (refusal === undefined) {
    enter(passage.context, done);
    return;
  }
  let answering = false;
  try {
    reply.code(refusal.status).headers(refusal.headers);
    answering = true;
    enter(passage.context, () => void reply.send(refusal.body));
  } catch (error) {
    if (answering) throw error;
    countSafely(count, 'hook_failed');
    enter(passage.context, done);
  }
}

type AddHook = (this: FastifyInstance, name: string, hook: unknown) => FastifyInstance;

/**
 * Has the context entered before each of the app's own onResponse hooks, on whatever instance or route they stand. A hook
 * of ours for every response would do the same, but without any of the app's, fastify would listen to each response for
 * that one alone: 15 us of CPU a request (measured), as http instrumentation binds every listener.
 */
function beforeOnResponse(app: FastifyInstance, reenter: onResponseHookHandler): void {
  const addHook = app.addHook as AddHook;
  const addReentering: AddHook = function (name, hook) {
    // Hooks are copied to an instance when it is made: one that stands on its parent may have come too late for it.
    if (name === 'onResponse' && !Object.hasOwn(this, REENTERS)) {
      Object.defineProperty(this, REENTERS, { value: true });
      addHook.call(this, 'onResponse', reenter);
    }
    return addHook.call(this, name, hook);
  };
  app.addHook = addReentering as typeof app.addHook;
  app.addHook('onRoute', (route) => {
    if (route.onResponse !== undefined) route.onResponse = [reenter, route.onResponse].flat();
  });
}

function register(app: FastifyInstance, options: TenantryFastifyOptions, registered: Done): void {
  const gate = new NodeGate(options);
  const enter = (ctx: Context, next: Done) => enterContext(ctx, next, gate.count);

  // The three hooks have one signature, but addHook has an overload for each name.
  const identifyAt = (options.identifyAt ?? 'onRequest') as 'onRequest';
  app.addHook(identifyAt, (request, reply, done) => {
    const settle = (passage: Passage | undefined) => {
      if (passage === undefined) {
        done();
        return;
      }
      (request as EnteredRequest)[CONTEXT] = passage.context;
      goOn(passage, reply, done, enter, gate.count);
    };
    const passage = gate.enter(new FastifyVisit(request, reply));
    if (passage instanceof Promise) void passage.then(settle);
    else settle(passage);
  });

  // Another plugin's hook may call on from any context that a callback library left it in, and what follows the
  // response's end runs in a listener that http instrumentation bound to the context from before the tenant was known.
  const reenter = (request: FastifyRequest, _reply: FastifyReply, done: Done) => {
    const ctx = (request as EnteredRequest)[CONTEXT];
    if (ctx === undefined || ctx === context.active()) done();
    else enter(ctx, done);
  };
  app.addHook('preValidation', reenter);
  app.addHook('preHandler', reenter);
  guarded(gate.count, 'hook_failed', () => beforeOnResponse(app, reenter), undefined);
  registered();
}

/**
 * Hook for single routes behind `tenantryFastify` (`app.get('/x', { onRequest: requireTenant() }, …)`; with `identifyAt`
 * in the same hook or a later one): 401 for requests that name no tenant, 403 for those whose tenant is malformed or
 * that `allow` refuses. What `allow` throws goes to the app's error handler.
 */
export function requireTenant(options: RequireTenantOptions = {}): onRequestHookHandler & preHandlerHookHandler {
  return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    const settle = (refusal: Refusal | undefined) => {
      if (refusal === undefined) done();
      else void reply.code(refusal.status).headers(refusal.headers).send(refusal.body);
    };
    const refusal = judgeTenant(request.raw, options);
    if (refusal instanceof Promise) refusal.then(settle, done);
    else settle(refusal);
  };
}

/**
 * Fastify plugin: finds each request's tenant, runs the rest of the request in its context, marks its spans, and
 * answers 429 for tenants that are throttled. Register it once, before the routes. Whatever fails inside it is counted
 * and lets the request through.
 */
export const tenantryFastify: FastifyPluginCallback<TenantryFastifyOptions> = Object.assign(register, {
  // What fastify-plugin sets: the hooks hold for the instance that registers the plugin, not for a child of it.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'tenantry',
  [Symbol.for('plugin-meta')]: { fastify: '5.x', name: 'tenantry' },
});
