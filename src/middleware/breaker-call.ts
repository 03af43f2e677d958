/** How one call ended. `aborted`: its caller gave up. */
export type Ended<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'thrown' | 'timeout' | 'aborted'; readonly error: unknown };

export interface CallLimits {
  readonly timeoutMs: number | undefined;
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined;
  readonly timeoutError: () => Error;
}

/**
 * Calls `fn` once, unless the caller has given up already, and says how it ended: also when it throws instead of
 * rejecting, throws something falsy, or never ends. What a call does after it was given up is not waited for.
 */
export function callOnce<T>(
  fn: (signal: AbortSignal) => T | PromiseLike<T>,
  { timeoutMs, signal, timeoutError }: CallLimits,
): Promise<Ended<T>> {
  if (signal?.aborted) return Promise.resolve({ kind: 'aborted', error: signal.reason });
  const abort = new AbortController();
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (ended: Ended<T>) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      resolve(ended);
    };
    const giveUp = () => {
      end({ kind: 'aborted', error: signal?.reason });
      abort.abort(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => {
        const error = timeoutError();
        end({ kind: 'timeout', error });
        abort.abort(error);
      }, timeoutMs);
    }
    try {
      Promise.resolve(fn(abort.signal)).then(
        (value) => end({ kind: 'value', value }),
        (error: unknown) => end({ kind: 'thrown', error }),
      );
    } catch (error) {
      end({ kind: 'thrown', error });
    }
  });
}
