/** The window that a page shows: the last so-much up to now, or a fixed stretch of the past. Kept in the URL. */
export const PRESETS = [
  { id: '15m', label: '15 m', name: 'last 15 minutes', ms: 15 * 60_000 },
  { id: '1h', label: '1 h', name: 'last hour', ms: 3_600_000 },
  { id: '6h', label: '6 h', name: 'last 6 hours', ms: 6 * 3_600_000 },
  { id: '24h', label: '24 h', name: 'last 24 hours', ms: 24 * 3_600_000 },
  { id: '7d', label: '7 d', name: 'last 7 days', ms: 7 * 24 * 3_600_000 },
  { id: '30d', label: '30 d', name: 'last 30 days', ms: 30 * 24 * 3_600_000 },
] as const;

type PresetId = (typeof PRESETS)[number]['id'];

export type TimeRange =
  | { readonly kind: 'last'; readonly preset: PresetId }
  | { readonly kind: 'fixed'; readonly from: number; readonly to: number };

/** Half-open [from, to) in Unix milliseconds. */
export interface RangeWindow {
  readonly from: number;
  readonly to: number;
}

export const DEFAULT_RANGE: TimeRange = { kind: 'last', preset: '1h' };
const MINUTE_MS = 60_000;

/** The range that a URL asks for; anything malformed or empty falls back to the default. */
export function rangeFromQuery(query: URLSearchParams): TimeRange {
  const from = Date.parse(query.get('from') ?? '');
  const to = Date.parse(query.get('to') ?? '');
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) return { kind: 'fixed', from, to };
  const preset = PRESETS.find(({ id }) => id === query.get('range'));
  return preset ? { kind: 'last', preset: preset.id } : DEFAULT_RANGE;
}

/** `query` with the range written into it, as short as it goes: the default leaves no trace. */
export function withRange(query: URLSearchParams, range: TimeRange): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const name of ['range', 'from', 'to']) next.delete(name);
  if (range.kind === 'fixed') {
    next.set('from', new Date(range.from).toISOString());
    next.set('to', new Date(range.to).toISOString());
  } else if (range.preset !== (DEFAULT_RANGE.kind === 'last' ? DEFAULT_RANGE.preset : '')) {
    next.set('range', range.preset);
  }
  return next;
}

/** The window of `range` as of `now`. A rolling window begins on a whole minute, as the rollups do. */
export function windowOf(range: TimeRange, now: number): RangeWindow {
  if (range.kind === 'fixed') return { from: range.from, to: range.to };
  const length = PRESETS.find(({ id }) => id === range.preset)?.ms ?? 3_600_000;
  return { from: Math.floor((now - length) / MINUTE_MS) * MINUTE_MS, to: now };
}

const STEPS_SECONDS = [60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600] as const;
/** As many points as a chart of ordinary width can show apart. */
const MAX_POINTS = 200;

/** The finest step in seconds that keeps a series of `window` readable. */
export function stepFor(window: RangeWindow): number {
  const seconds = (window.to - window.from) / 1000;
  return STEPS_SECONDS.find((step) => seconds / step <= MAX_POINTS) ?? 24 * 3_600;
}

/** The stretch that was dragged over a chart, widened to whole minutes so that it never comes out empty. */
export function rangeFromSelection(fromMs: number, toMs: number): TimeRange {
  const from = Math.floor(Math.min(fromMs, toMs) / MINUTE_MS) * MINUTE_MS;
  const to = Math.max(Math.ceil(Math.max(fromMs, toMs) / MINUTE_MS) * MINUTE_MS, from + MINUTE_MS);
  return { kind: 'fixed', from, to };
}
