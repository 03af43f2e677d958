import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { SECOND_MS, type Window } from '../domain/window.ts';
import { type LoadSignalsRow, loadSignals } from './queries/across-tenants/load-signals.ts';

export interface LoadSignals {
  /** Of all tenants; null when nothing was counted. */
  readonly requestsPerSecond: number | null;
  readonly tenants: ReadonlyMap<string, { readonly requestsPerSecond: number; readonly sources: readonly string[] }>;
}

/** How much the tenants send in the window, and how many places say so. */
export async function readLoadSignals(
  reader: AnalyticsReader,
  { window, tenants }: { readonly window: Window; readonly tenants: readonly string[] },
): Promise<LoadSignals> {
  const rows = await reader.rows<LoadSignalsRow>(loadSignals(window, tenants));
  const seconds = (window.to - window.from) / SECOND_MS;
  const all = rows.find(({ tenant_id }) => tenant_id === '')?.requests ?? 0;
  const named = rows.filter(({ tenant_id }) => tenant_id !== '');
  return {
    requestsPerSecond: all === 0 ? null : Number(all) / seconds,
    tenants: new Map(
      named.map(({ tenant_id, requests, sources }) => [
        tenant_id,
        { requestsPerSecond: Number(requests) / seconds, sources: [...sources].sort() },
      ]),
    ),
  };
}
