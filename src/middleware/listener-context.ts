import type { EventEmitter } from 'node:events';
import { type Context, context } from '@opentelemetry/api';

type Listener = (...args: unknown[]) => void;
type Method = (this: unknown, event: string | symbol, listener: Listener) => unknown;
type Methods = Record<string, Method>;

const ADDING = ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'];
const REMOVING = ['off', 'removeListener'];

/**
 * Runs listeners added from now on in `ctx`. The listeners of a request's body otherwise run in the context of the
 * parser, or in the one that http instrumentation bound the request to before the tenant was known, and whatever a body
 * parser calls next (express's are of that kind) runs there too. OpenTelemetry's own bind() binds an emitter only once,
 * so these wrappers lie inside its.
 */
export function runListenersIn(ctx: Context, emitter: EventEmitter): void {
  const methods = emitter as unknown as Methods;
  const wrappers = new Map<string | symbol, Map<Listener, Listener[]>>();
  // Node's once() calls on() with a function of its own, which must not be wrapped again.
  let adding = false;

  const wrap = (event: string | symbol, listener: Listener): Listener => {
    const wrapper = context.bind(ctx, listener);
    const ofEvent = wrappers.get(event) ?? new Map<Listener, Listener[]>();
    wrappers.set(event, ofEvent);
    ofEvent.set(listener, [...(ofEvent.get(listener) ?? []), wrapper]);
    return wrapper;
  };
  for (const name of ADDING) {
    const add = methods[name];
    if (add === undefined) continue;
    methods[name] = function addBound(event, listener) {
      // Whatever is no function is Node's to refuse.
      if (adding || typeof listener !== 'function') return add.call(this, event, listener);
      adding = true;
      try {
        return add.call(this, event, wrap(event, listener));
      } finally {
        adding = false;
      }
    };
  }
  for (const name of REMOVING) {
    const remove = methods[name];
    if (remove === undefined) continue;
    methods[name] = function removeBound(event, listener) {
      return remove.call(this, event, wrappers.get(event)?.get(listener)?.pop() ?? listener);
    };
  }
}
