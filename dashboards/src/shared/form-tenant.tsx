import { useEffect, useState } from 'preact/hooks';
import { listTenants, serverNow } from './api-client.ts';
import { TextField } from './form.tsx';
import type { FieldBinding } from './use-form.ts';

const MONTH_MS = 30 * 86_400_000;
const PAUSE_MS = 150;
const SHOWN = 20;

/** Tenants of the last 30 days whose id has `text` in it. */
function useTenantIds(text: string): readonly string[] {
  const [ids, setIds] = useState<readonly string[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    const ask = () => {
      const now = serverNow();
      const window = { from: now - MONTH_MS, to: now };
      listTenants({ window, sort: 'tenant_id', order: 'asc', search: text, limit: SHOWN }, stop.signal)
        .then(({ items }) => setIds(items.map((item) => item.tenant_id)))
        .catch(() => undefined);
    };
    const timer = setTimeout(ask, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  return ids;
}

/** A tenant's id, found while typing; ids without traffic yet can be typed too. */
export function TenantField(props: { field: FieldBinding; label?: string; hint?: string; placeholder?: string }) {
  const ids = useTenantIds(String(props.field.value));
  return <TextField {...props} label={props.label ?? 'Tenant'} suggestions={ids} maxLength={128} />;
}
