import { useEffect, useState } from 'preact/hooks';
import { serverNow } from './api-client.ts';

/** The server's time, once a second, for whatever counts down. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(serverNow());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
