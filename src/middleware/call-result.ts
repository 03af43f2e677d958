/**
 * Watches what a call gives back without changing what the caller gets. Plain promises are chained, so that a rejection
 * nobody handles stays unhandled; promises with methods of their own (OpenAI's and Anthropic's APIPromise, Cohere's
 * HttpResponsePromise) are watched in place, because they parse the body only when somebody asks for it.
 */

export interface ResultWatcher {
  /** Sees the value once; what it returns goes to the caller in the value's place. */
  fulfilled<V>(value: V): V;
  rejected(error: unknown): void;
  /** The caller took the raw response: the value will not be seen. */
  unseen(): void;
}

type Method = (...args: unknown[]) => unknown;

export function isFunction(value: unknown): value is Method {
  return typeof value === 'function';
}

export function isObject(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** An own property in front of the prototype's; neither shows up in listings of the object. */
export function shadow(target: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

/** Never throws: reading a property of a foreign object may. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return isObject(value) && isFunction(value['then']);
  } catch {
    return false;
  }
}

/** Lets only the first outcome through; later ones get the value that the first one was given. */
function once(watcher: ResultWatcher): ResultWatcher {
  let settled = false;
  let replaced: { readonly value: unknown; readonly by: unknown } | undefined;
  const first = () => {
    const isFirst = !settled;
    settled = true;
    return isFirst;
  };
  return {
    fulfilled: (value) => {
      if (!first()) return replaced !== undefined && replaced.value === value ? (replaced.by as typeof value) : value;
      const by = watcher.fulfilled(value);
      replaced = { value, by };
      return by;
    },
    rejected: (error) => {
      if (first()) watcher.rejected(error);
    },
    unseen: () => {
      if (first()) watcher.unseen();
    },
  };
}

function chained(promise: Promise<unknown>, watcher: ResultWatcher): Promise<unknown> {
  const next = promise.then(
    (value) => watcher.fulfilled(value),
    (error: unknown) => {
      watcher.rejected(error);
      throw error;
    },
  );
  // Only names: the symbols on a promise are Node's own and hold its async context.
  for (const name of Object.getOwnPropertyNames(promise)) shadow(next, name, Reflect.get(promise, name));
  return next;
}

/** `then` and its relatives; each leaves it to the original when the work starts and what it returns. */
function watchThen(promise: object, watcher: ResultWatcher): void {
  const originalThen = Reflect.get(promise, 'then') as Method;
  const then: Method = (onFulfilled, onRejected) =>
    originalThen.call(
      promise,
      (value: unknown) => {
        const seen = watcher.fulfilled(value);
        return isFunction(onFulfilled) ? onFulfilled(seen) : seen;
      },
      (error: unknown) => {
        watcher.rejected(error);
        if (isFunction(onRejected)) return onRejected(error);
        throw error;
      },
    );
  shadow(promise, 'then', then);
  if (isFunction(Reflect.get(promise, 'catch'))) {
    shadow(promise, 'catch', ((onRejected) => then(undefined, onRejected)) satisfies Method);
  }
  if (isFunction(Reflect.get(promise, 'finally'))) {
    shadow(promise, 'finally', ((done) =>
      Promise.resolve(then() as PromiseLike<unknown>).finally(done as () => void)) satisfies Method);
  }
}

/** `withResponse()` and Cohere's `withRawResponse()`: the value stands under `data`. `asResponse()`: no value at all. */
function watchRawAccess(promise: object, watcher: ResultWatcher): void {
  let inside = false;
  for (const name of ['withResponse', 'withRawResponse']) {
    const original: unknown = Reflect.get(promise, name);
    if (!isFunction(original)) continue;
    shadow(promise, name, async (...args: unknown[]) => {
      inside = true;
      let pending: unknown;
      try {
        pending = original.apply(promise, args);
      } finally {
        inside = false;
      }
      try {
        const result = await pending;
        if (!isObject(result)) return result;
        const data = watcher.fulfilled(result['data']);
        return data === result['data'] ? result : { ...result, data };
      } catch (error) {
        watcher.rejected(error);
        throw error;
      }
    });
  }
  const asResponse: unknown = Reflect.get(promise, 'asResponse');
  if (!isFunction(asResponse)) return;
  shadow(promise, 'asResponse', (...args: unknown[]) => {
    const response = asResponse.apply(promise, args);
    // The clients' own withResponse() goes through asResponse(); its value is still to come.
    if (inside || !(response instanceof Promise)) return response;
    return response.then(
      (raw: unknown) => {
        watcher.unseen();
        return raw;
      },
      (error: unknown) => {
        watcher.rejected(error);
        throw error;
      },
    );
  });
}

/** The clients' `parse()` helpers derive their promise from `create()`'s by this method and never call its `then`. */
function watchUnwrap(promise: object, watcher: ResultWatcher): void {
  const original: unknown = Reflect.get(promise, '_thenUnwrap');
  if (!isFunction(original)) return;
  shadow(promise, '_thenUnwrap', (transform: unknown, ...rest: unknown[]) => {
    const derived = original.call(
      promise,
      (data: unknown, ...more: unknown[]) => {
        const seen = watcher.fulfilled(data);
        return isFunction(transform) ? transform(seen, ...more) : seen;
      },
      ...rest,
    );
    if (isObject(derived)) {
      watchInPlace(derived, {
        fulfilled: (value) => value,
        rejected: (error) => watcher.rejected(error),
        unseen: () => watcher.unseen(),
      });
    }
    return derived;
  });
}

function watchInPlace(promise: object, watcher: ResultWatcher): void {
  watchThen(promise, watcher);
  watchRawAccess(promise, watcher);
  watchUnwrap(promise, watcher);
}

/**
 * Tells the watcher what `result` is or becomes. The watcher must not throw.
 * @returns what to give to the caller: `result` itself, or a plain promise's continuation
 */
export function watchResult<T>(result: T, watcher: ResultWatcher): T {
  if (!isThenable(result)) return watcher.fulfilled(result);
  const watched = once(watcher);
  if (result instanceof Promise && Object.getPrototypeOf(result) === Promise.prototype) {
    return chained(result, watched) as T;
  }
  try {
    watchInPlace(result, watched);
  } catch {
    // Frozen, or not what it looks like: the caller gets it as it is.
    watched.unseen();
  }
  return result;
}
