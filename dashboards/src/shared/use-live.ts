import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from './api-client.ts';

export interface Live<T> {
  /** The newest answer; stays on the screen while the next one is on its way and when it fails. */
  readonly data: T | undefined;
  /** Why the newest attempt failed; undefined after a success. */
  readonly error: ApiError | undefined;
  /** Unix ms of the newest answer on this device's clock. */
  readonly answeredAt: number | undefined;
  /** The question has changed and its answer has not come yet. */
  readonly pending: boolean;
  readonly refresh: () => void;
}

const MAX_BACKOFF_MS = 30_000;

function toApiError(thrown: unknown): ApiError {
  return thrown instanceof ApiError ? thrown : new ApiError(0, thrown instanceof Error ? thrown.message : 'Failed');
}

/**
 * Asks again `intervalMs` after each answer while the page is visible; one request at a time, so that a slow server
 * is not asked faster than it answers. After failures it asks more and more rarely, up to every 30 s. `question` tells
 * one question from another: when it changes, the running request is dropped and the new one sent at once.
 */
export function useLive<T>(
  question: string,
  load: (signal: AbortSignal) => Promise<T>,
  intervalMs: number | null,
): Live<T> {
  const [state, setState] = useState<Omit<Live<T>, 'refresh' | 'pending'> & { question: string }>({
    data: undefined,
    error: undefined,
    answeredAt: undefined,
    question: '',
  });
  const latest = useRef(load);
  latest.current = load;
  const wake = useRef<() => void>(() => undefined);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running = false;
    let failures = 0;

    const schedule = () => {
      clearTimeout(timer);
      if (stop.signal.aborted || document.hidden) return;
      const delay = failures > 0 ? Math.min(MAX_BACKOFF_MS, (intervalMs ?? 5_000) * 2 ** failures) : intervalMs;
      if (delay !== null) timer = setTimeout(() => void run(), delay);
    };

    const run = async () => {
      if (running || stop.signal.aborted) return;
      running = true;
      try {
        const data = await latest.current(stop.signal);
        failures = 0;
        if (!stop.signal.aborted) setState({ data, error: undefined, answeredAt: Date.now(), question });
      } catch (thrown) {
        failures += 1;
        if (!stop.signal.aborted) setState((before) => ({ ...before, error: toApiError(thrown), question }));
      } finally {
        running = false;
        schedule();
      }
    };

    const onVisibility = () => {
      if (document.hidden) clearTimeout(timer);
      else void run();
    };
    wake.current = () => void run();
    document.addEventListener('visibilitychange', onVisibility);
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [question, intervalMs]);

  const refresh = useCallback(() => wake.current(), []);
  const { question: answered, ...rest } = state;
  return { ...rest, pending: answered !== question, refresh };
}
