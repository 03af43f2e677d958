/**
 * The end of a request: what holds something for as long as a request runs (a place under a concurrency limit) gives
 * it back here, and what measures requests learns their figures.
 */
import type { Context } from '@opentelemetry/api';
import { countInProcess } from './counters.ts';
import { type Count, countSafely, guarded } from './guard.ts';
import { setBodySizes, setRoute } from './server-span.ts';
import type { Tenant } from './tenant.ts';

/** What an adapter knows when the response is finished or the connection is closed. */
export interface Ending {
  /** Bytes of the request's body that arrived, chunked ones included; undefined where nothing could count them. */
  readonly requestBytes: number | undefined;
  /** Bytes of the response's body that were written. */
  readonly responseBytes: number | undefined;
  /** Lengths as the headers say them. */
  readonly requestLength: unknown;
  readonly responseLength: unknown;
  /** True when the connection was closed before the response was finished. */
  readonly aborted: boolean;
  /** The router's template, where it is known only after routing. */
  readonly route: string | undefined;
}

/** A request that is over. */
export interface EndedRequest extends Ending {
  readonly tenant: Tenant | undefined;
  /** True when the middleware answered in place of the app. */
  readonly refused: boolean;
}

/** Called at the end of a request, once, by `observeRequests`. */
export type RequestObserver = (request: EndedRequest) => void;

const observers = new Set<RequestObserver>();

/**
 * Calls `observer` once at the end of every request of this process, refused and aborted ones included. What it throws
 * is counted as `hook_failed`.
 * @returns ends it
 */
export function observeRequests(observer: RequestObserver): () => void {
  observers.add(observer);
  return () => void observers.delete(observer);
}

/** One request's end. `finish` takes effect once, whoever calls it how often. */
export class RequestEnd {
  readonly #count: Count;
  readonly #ctx: Context;
  #listeners: (() => void)[] = [];
  #finished = false;
  tenant: Tenant | undefined;
  route: string | undefined;
  refused = false;

  constructor(ctx: Context, count: Count) {
    this.#ctx = ctx;
    this.#count = count;
  }

  /** Calls `listener` when the request is over, at once if it is already. */
  add(listener: () => void): void {
    if (this.#finished) guarded(this.#count, 'hook_failed', listener, undefined);
    else this.#listeners.push(listener);
  }

  finish(ending: Ending): void {
    if (this.#finished) return;
    this.#finished = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) guarded(this.#count, 'hook_failed', listener, undefined);
    try {
      this.#mark(ending);
    } catch {
      countSafely(this.#count, 'span_stamp_failed');
    }
    if (observers.size === 0) return;
    // Named one by one: a spread took longer than all the rest of a request's end.
    const ended: EndedRequest = {
      requestBytes: ending.requestBytes,
      responseBytes: ending.responseBytes,
      requestLength: ending.requestLength,
      responseLength: ending.responseLength,
      aborted: ending.aborted,
      route: this.route ?? ending.route,
      tenant: this.tenant,
      refused: this.refused,
    };
    for (const observer of observers) {
      try {
        observer(ended);
      } catch {
        countInProcess('hook_failed');
      }
    }
  }

  #mark(ending: Ending): void {
    if (ending.route !== undefined) setRoute(this.#ctx, ending.route);
    setBodySizes(this.#ctx, ending);
  }
}
