/**
 * Tells a listener whenever the event loop turns to another tenant. Tenants live in the OpenTelemetry context, so there
 * are two places where the running tenant can change:
 *
 * - a callback begins or ends (timers, I/O, promise reactions): hooks of node:async_hooks;
 * - `context.with` enters another context in the middle of a callback: the context manager's method is wrapped.
 *
 * `useCPED` of @datadog/pprof would need neither, but it is refused below Node 22.7, and on later versions it follows a
 * storage of its own that knows nothing of contexts bound to event emitters.
 */
import { createHook } from 'node:async_hooks';
import type { Context, ContextManager } from '@opentelemetry/api';
import { UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import { type Count, countSafely } from '../guard.ts';
import { tenantIn } from '../tenant-context.ts';
import type { Slot } from './loop-ledger.ts';

/** Where every copy of @opentelemetry/api 1.x keeps what is registered globally, so that all copies share it. */
const API_REGISTRY = Symbol.for('opentelemetry.js.api.1');

/** Callbacks nested deeper than this are not told apart; Node's own nesting is two or three deep. */
const MAX_DEPTH = 1_024;

/** Told of every switch; `slot` tells who is working now. */
export interface SwitchListener {
  readonly slot: Slot;
  switchTo(slot: Slot): void;
}

function globalContextManager(): ContextManager | undefined {
  const registry = (globalThis as Record<symbol, unknown>)[API_REGISTRY] as { context?: ContextManager } | undefined;
  return registry?.context;
}

function slotOf(ctx: Context): Slot {
  return tenantIn(ctx)?.tenantId ?? UNATTRIBUTED_TENANT;
}

/** @returns gives the manager its own `with` back */
function watchEntries(manager: ContextManager, listener: SwitchListener, count: Count): () => void {
  const original = manager.with;
  const turnTo = (slot: Slot) => {
    try {
      listener.switchTo(slot);
    } catch {
      countSafely(count, 'resource_use_failed');
    }
  };
  const watched: ContextManager['with'] = function watched(ctx, fn, thisArg, ...args) {
    const outer = listener.slot;
    const inner = slotOf(ctx);
    if (inner === outer) return original.call(manager, ctx, fn, thisArg, ...args) as ReturnType<typeof fn>;
    turnTo(inner);
    try {
      return original.call(manager, ctx, fn, thisArg, ...args) as ReturnType<typeof fn>;
    } finally {
      turnTo(outer);
    }
  };
  const patchable = manager as { with: ContextManager['with'] };
  patchable.with = watched;
  return () => {
    // Somebody else may have wrapped it since; theirs must stay, and ours then only passes on.
    if (patchable.with === watched) patchable.with = original;
  };
}

/** @returns stops the hooks */
function watchCallbacks(manager: ContextManager, listener: SwitchListener, count: Count): () => void {
  let outer: Slot[] = [];
  const hook = createHook({
    // An error thrown in a hook ends the process, whatever handlers it has: nothing may get out.
    before: () => {
      try {
        if (outer.length >= MAX_DEPTH) outer = [];
        outer.push(listener.slot);
        listener.switchTo(slotOf(manager.active()));
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
export function watchSwitches(listener: SwitchListener, count: Count): (() => void) | undefined {
  const manager = globalContextManager();
  if (manager === undefined) return undefined;
  const stopEntries = watchEntries(manager, listener, count);
  const stopCallbacks = watchCallbacks(manager, listener, count);
  return () => {
    stopCallbacks();
    stopEntries();
  };
}
