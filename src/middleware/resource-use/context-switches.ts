/**
 * Tells a listener whenever the event loop turns to another OpenTelemetry context, and so perhaps to another tenant.
 * There are two places where that can happen:
 *
 * - a callback begins or ends (timers, I/O, promise reactions): hooks of node:async_hooks;
 * - `context.with` enters another context in the middle of a callback: the context manager's method is wrapped.
 *
 * `useCPED` of @datadog/pprof would need neither, but it is refused below Node 22.7, and on later versions it follows a
 * storage of its own that knows nothing of contexts bound to event emitters.
 */
import { createHook } from 'node:async_hooks';
import type { Context, ContextManager } from '@opentelemetry/api';
import { type Count, countSafely } from '../guard.ts';

/** Where every copy of @opentelemetry/api 1.x keeps what is registered globally, so that all copies share it. */
const API_REGISTRY = Symbol.for('opentelemetry.js.api.1');

/** Callbacks nested deeper than this are not told apart; Node's own nesting is two or three deep. */
const MAX_DEPTH = 1_024;

export interface ContextListener {
  /** The context last switched to; undefined between two callbacks. */
  readonly context: Context | undefined;
  switchTo(ctx: Context | undefined): void;
}

function globalContextManager(): ContextManager | undefined {
  const registry = (globalThis as Record<symbol, unknown>)[API_REGISTRY] as { context?: ContextManager } | undefined;
  return registry?.context;
}

/** @returns gives the manager its own `with` back */
function watchEntries(manager: ContextManager, listener: ContextListener, count: Count): () => void {
  type With = (ctx: Context, fn: unknown, thisArg?: unknown, ...args: unknown[]) => unknown;
  const patchable = manager as { with: With };
  const original = patchable.with;
  const turnTo = (ctx: Context | undefined) => {
    try {
      listener.switchTo(ctx);
    } catch {
      countSafely(count, 'resource_use_failed');
    }
  };
  let active = true;
  const watched: With = (ctx, fn, thisArg, ...args) => {
    if (!active) return original.call(manager, ctx, fn, thisArg, ...args);
    const outer = listener.context;
    turnTo(ctx);
    try {
      return original.call(manager, ctx, fn, thisArg, ...args);
    } finally {
      turnTo(outer);
    }
  };
  patchable.with = watched;
  return () => {
    // Somebody else may have wrapped it since: theirs must stay, and ours then only passes on.
    active = false;
    if (patchable.with === watched) patchable.with = original;
  };
}

/** @returns stops the hooks */
function watchCallbacks(manager: ContextManager, listener: ContextListener, count: Count): () => void {
  let outer: (Context | undefined)[] = [];
  // An error thrown in a hook ends the process, whatever handlers it has: nothing may get out.
  const hook = createHook({
    before: () => {
      try {
        if (outer.length >= MAX_DEPTH) outer = [];
        outer.push(listener.context);
        listener.switchTo(manager.active());
      } catch {
        countSafely(count, 'resource_use_failed');
      }
    },
    after: () => {
      try {
        listener.switchTo(outer.pop());
      } catch {
        countSafely(count, 'resource_use_failed');
      }
    },
  }).enable();
  return () => void hook.disable();
}

/**
 * Starts telling `listener`. What already runs is learnt at its next callback.
 * @returns ends it; undefined when no context manager is registered, so that no tenant can be known
 */
export function watchContexts(listener: ContextListener, count: Count): (() => void) | undefined {
  const manager = globalContextManager();
  if (manager === undefined) return undefined;
  const stopEntries = watchEntries(manager, listener, count);
  const stopCallbacks = watchCallbacks(manager, listener, count);
  return () => {
    stopCallbacks();
    stopEntries();
  };
}
