import type { Context } from '@opentelemetry/api';
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { CounterName } from './counters.ts';
import { countSafely, guarded } from './guard.ts';
import { NodeExchange } from './node-exchange.ts';
import { enterContext, type GateOptions, type Passage, RequestGate } from './request-gate.ts';

export interface TenantryFastifyOptions extends GateOptions {
  /**
   * The hook in which the tenant is found. Default `onRequest`. With `preHandler` a resolver sees what the app's own
   * authentication put on the request in earlier hooks; spans of those hooks are marked afterwards.
   */
  readonly identifyAt?: 'onRequest' | 'preValidation' | 'preHandler';
}

type Done = () => void;

function passageRequest(request: FastifyRequest) {
  const { headers, url, method } = request;
  return { headers, url, method, request, route: request.routeOptions.url };
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
  const gate = new RequestGate(options);
  const contexts = new WeakMap<FastifyRequest, Context>();
  const count = (name: CounterName) => options.tenantry.count(name);
  const enter = (ctx: Context, next: Done) => enterContext(ctx, next, count);

  // The three hooks have one signature, but addHook has an overload for each name.
  const identifyAt = (options.identifyAt ?? 'onRequest') as 'onRequest';
  app.addHook(identifyAt, (request, reply, done) => {
    const exchange = guarded(count, 'hook_failed', () => new NodeExchange(request.raw, reply.raw), undefined);
    const settle = (passage: Passage) => {
      contexts.set(request, passage.context);
      if (exchange !== undefined) {
        guarded(count, 'hook_failed', () => exchange.finishes(passage, () => undefined, count), undefined);
      }
      goOn(passage, reply, done, enter, count);
    };
    const passage = guarded(count, 'hook_failed', () => gate.enter(passageRequest(request)), undefined);
    if (passage === undefined) done();
    else if (passage instanceof Promise) passage.then(settle, () => done());
    else settle(passage);
  });

  // Another plugin's hook may call on from any context that a callback library left it in, and what follows the
  // response's end runs in a listener that http instrumentation bound to the context from before the tenant was known.
  const reenter = (request: FastifyRequest, _reply: FastifyReply, done: Done) => {
    const ctx = contexts.get(request);
    if (ctx === undefined) done();
    else enter(ctx, done);
  };
  app.addHook('preValidation', reenter);
  app.addHook('preHandler', reenter);
  app.addHook('onResponse', reenter);
  registered();
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
