import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { Window } from '../domain/window.ts';
import { coverage } from './queries/across-tenants/coverage.ts';
import { type LoadedSpansRow, loadedSpans } from './queries/across-tenants/loaded-spans.ts';

/** Share of the window's spans that name their tenant, 0 to 1; null: there are none. */
export async function readAttributedShare(reader: AnalyticsReader, window: Window): Promise<number | null> {
  const [row] = await reader.rows<{ spans: number; attributed: number }>(coverage(window));
  const spans = Number(row?.spans ?? 0);
  return spans === 0 ? null : Number(row?.attributed ?? 0) / spans;
}

/** Spans that arrived in the window and can be counted, and those that could not be. */
export async function readLoadedSpans(
  reader: AnalyticsReader,
  window: Window,
): Promise<{ readonly loaded: number; readonly setAside: number }> {
  const [row] = await reader.rows<LoadedSpansRow>(loadedSpans(window));
  return { loaded: Number(row?.loaded ?? 0), setAside: Number(row?.set_aside ?? 0) };
}
