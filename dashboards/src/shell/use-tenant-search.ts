import { useEffect, useState } from 'preact/hooks';
import { listTenants, serverNow } from '../shared/api-client.ts';

const TYPING_PAUSE_MS = 150;
const DAY_MS = 24 * 3_600_000;
const MAX_TENANTS = 6;

export interface TenantSearch {
  readonly ids: readonly string[];
  readonly state: 'idle' | 'searching' | 'done' | 'failed';
}

const IDLE: TenantSearch = { ids: [], state: 'idle' };

/** Tenants with data in the last day whose id holds `text`, the busiest first; asked for after a pause in typing. */
export function useTenantSearch(text: string, enabled: boolean): TenantSearch {
  const [found, setFound] = useState<TenantSearch & { text: string }>({ ...IDLE, text: '' });
  const wanted = enabled ? text.trim() : '';
  useEffect(() => {
    if (wanted === '') return;
    const stop = new AbortController();
    const ask = async () => {
      const now = serverNow();
      const window = { from: now - DAY_MS, to: now };
      const query = { window, sort: 'requests', order: 'desc', search: wanted, limit: MAX_TENANTS } as const;
      try {
        const { items } = await listTenants(query, stop.signal);
        setFound({ ids: items.map((item) => item.tenant_id), state: 'done', text: wanted });
      } catch {
        if (!stop.signal.aborted) setFound({ ids: [], state: 'failed', text: wanted });
      }
    };
    const timer = setTimeout(() => void ask(), TYPING_PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [wanted]);
  if (wanted === '') return IDLE;
  // What was found for the text before stays until the answer comes: a list that empties at every key flickers.
  return found.text === wanted
    ? found
    : { ids: found.ids.filter((id) => id.toLowerCase().includes(wanted.toLowerCase())), state: 'searching' };
}
