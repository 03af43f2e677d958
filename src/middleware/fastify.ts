import type { Context } from '@opentelemetry/api';
import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import type { CounterName } from './counters.ts';
import { countSafely, guarded } from './guard.ts';
import { NodeGate } from './node-gate.ts';
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

type EnteredRequest = FastifyRequest & { [CONTEXT]?: Context };

function visitOf(request: FastifyRequest, reply: FastifyReply) {
  const route = () => request.routeOptions.url;
  return { incoming: request.raw, outgoing: reply.raw, request, url: request.url, route, routeAtEnd: route };
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
    const passage = guarded(gate.count, 'hook_failed', () => gate.enter(visitOf(request, reply)), undefined);
    if (passage instanceof Promise) void passage.then(settle);
    else settle(passage);
  });

  // Another plugin's hook may call on from any context that a callback library left it in, and what follows the
  // response's end runs in a listener that http instrumentation bound to the context from before the tenant was known.
  const reenter = (request: FastifyRequest, _reply: FastifyReply, done: Done) => {
    const ctx = (request as EnteredRequest)[CONTEXT];
    if (ctx === undefined) done();
    else enter(ctx, done);
  };
  app.addHook('preValidation', reenter);
  app.addHook('preHandler', reenter);
  app.addHook('onResponse', reenter);
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
