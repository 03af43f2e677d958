import { isFunction, isObject, shadow } from './call-result.ts';

export type StreamEnd = 'done' | 'failed' | 'cancelled';

/** Both must not throw. `ended` is called once. */
export interface StreamWatcher {
  chunk(item: unknown): void;
  ended(how: StreamEnd, error?: unknown): void;
}

function once(watcher: StreamWatcher): StreamWatcher {
  let ended = false;
  return {
    chunk: (item) => {
      if (!ended) watcher.chunk(item);
    },
    ended: (how, error) => {
      if (ended) return;
      ended = true;
      watcher.ended(how, error);
    },
  };
}

/** In place, so that the iterator stays the generator that it was. Nothing is read ahead and nothing kept. */
function watchIterator(iterator: unknown, watcher: StreamWatcher): unknown {
  if (!isObject(iterator) || !isFunction(iterator['next'])) return iterator;
  const { next, return: stop, throw: raise } = iterator;
  shadow(iterator, 'next', async (...args: unknown[]) => {
    try {
      const result: unknown = await next.apply(iterator, args);
      if (isObject(result)) {
        if (result['done'] === true) watcher.ended('done');
        else watcher.chunk(result['value']);
      }
      return result;
    } catch (error) {
      watcher.ended('failed', error);
      throw error;
    }
  });
  if (isFunction(stop)) {
    shadow(iterator, 'return', (...args: unknown[]) => {
      watcher.ended('cancelled');
      return stop.apply(iterator, args);
    });
  }
  if (isFunction(raise)) {
    shadow(iterator, 'throw', (...args: unknown[]) => {
      watcher.ended('failed', args[0]);
      return raise.apply(iterator, args);
    });
  }
  return iterator;
}

/** An abort ends the stream also when nobody reads on. */
function watchAbort(stream: Readonly<Record<PropertyKey, unknown>>, watcher: StreamWatcher): void {
  const controller = stream['controller'];
  if (!(controller instanceof AbortController)) return;
  if (controller.signal.aborted) watcher.ended('cancelled');
  else controller.signal.addEventListener('abort', () => watcher.ended('cancelled'), { once: true });
}

/**
 * Watches the items of an async iterable as its consumer takes them.
 * @returns false when `stream` is none
 */
export function watchStream(stream: unknown, watcher: StreamWatcher): boolean {
  if (!isObject(stream) || !isFunction(stream[Symbol.asyncIterator])) return false;
  const watched = once(watcher);
  // OpenAI's and Anthropic's Stream make every iterator through this field: those of tee() and toReadableStream() too.
  const name = isFunction(stream['iterator']) ? 'iterator' : Symbol.asyncIterator;
  const original = stream[name];
  if (!isFunction(original)) return false;
  shadow(stream, name, function iterate(this: unknown, ...args: unknown[]) {
    return watchIterator(original.apply(this, args), watched);
  });
  watchAbort(stream, watched);
  return true;
}

/** The same items at the same demand: nothing is read before somebody asks, and a cancel reaches the source. */
export function watchReadable<T>(source: ReadableStream<T>, watcher: StreamWatcher): ReadableStream<T> {
  const watched = once(watcher);
  const reader = source.getReader();
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (done) {
            watched.ended('done');
            controller.close();
            return;
          }
          watched.chunk(value);
          controller.enqueue(value);
        } catch (error) {
          watched.ended('failed', error);
          throw error;
        }
      },
      cancel: async (reason) => {
        watched.ended('cancelled');
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The events under which the clients' stream helpers hand on what the server sends. */
const CHUNK_EVENTS = ['streamEvent', 'chunk', 'event'] as const;

/**
 * Watches a stream helper that emits events (Anthropic's MessageStream, OpenAI's ChatCompletionStream): it may be
 * consumed by events or promises alone, without anybody iterating. No listener for `error`: with one, the helper would
 * no longer report an error that nobody handles.
 */
export function watchEmitter(stream: unknown, watcher: StreamWatcher): boolean {
  if (!isObject(stream)) return false;
  const { on, abort, done } = stream;
  if (!isFunction(on) || !isFunction(abort) || !isFunction(done)) return false;
  const watched = once(watcher);
  for (const name of CHUNK_EVENTS) on.call(stream, name, (item: unknown) => watched.chunk(item));
  on.call(stream, 'end', () => {
    if (stream['aborted'] === true) watched.ended('cancelled');
    else if (stream['errored'] === true) watched.ended('failed');
    else watched.ended('done');
  });
  return true;
}
