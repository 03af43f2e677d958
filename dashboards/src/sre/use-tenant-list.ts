import { serverNow } from '../shared/api-client.ts';
import { type RangeWindow, type TimeRange, windowOf } from '../shared/time-range.ts';
import { type Live, useLive } from '../shared/use-live.ts';

/** Tables change slowly, and each of them is a question more. */
const INTERVAL_MS = 30_000;

/** An answer about one tenant over the page's range; asked again while that range moves along. */
export function useTenantList<T>(
  what: string,
  tenantId: string,
  range: TimeRange,
  load: (window: RangeWindow, signal: AbortSignal) => Promise<T>,
): Live<T> {
  return useLive(
    JSON.stringify([what, tenantId, range]),
    (signal) => load(windowOf(range, serverNow()), signal),
    range.kind === 'last' ? INTERVAL_MS : null,
  );
}
