import type { Zone } from './time-format.ts';
import { DEFAULT_RANGE, PRESETS, type RangeWindow, type TimeRange, windowOf } from './time-range.ts';
import { momentOf } from './zone-time.ts';

const MINUTE_MS = 60_000;
/** The API refuses longer windows: hour rollups are kept so long. */
const MAX_RANGE_MS = 400 * 24 * 3_600_000;

function lengthOf(range: TimeRange): number {
  if (range.kind === 'fixed') return range.to - range.from;
  return PRESETS.find(({ id }) => id === range.preset)?.ms ?? 3_600_000;
}

/** The rolling window of about this length. */
export function liveRange(range: TimeRange): TimeRange {
  const length = lengthOf(range);
  const nearest = [...PRESETS].sort((a, b) => Math.abs(Math.log(a.ms / length)) - Math.abs(Math.log(b.ms / length)))[0];
  return nearest === undefined ? DEFAULT_RANGE : { kind: 'last', preset: nearest.id };
}

/** The window of the same length right before. */
export function previousRange(range: TimeRange, now: number): TimeRange {
  const { from } = windowOf(range, now);
  return { kind: 'fixed', from: from - lengthOf(range), to: from };
}

/** The window of the same length right after; undefined where it would begin in the future. */
export function nextRange(range: TimeRange, now: number): TimeRange | undefined {
  if (range.kind === 'last' || range.to >= now) return undefined;
  const length = lengthOf(range);
  const next: RangeWindow = { from: range.to, to: range.to + length };
  // One step back and one forward leads to where it began: the minute that is filling belongs to "live".
  if (next.to + MINUTE_MS < now) return { kind: 'fixed', ...next };
  const same = PRESETS.find(({ ms }) => Math.abs(ms - length) < MINUTE_MS);
  if (same !== undefined) return { kind: 'last', preset: same.id };
  const to = Math.ceil(now / MINUTE_MS) * MINUTE_MS;
  return { kind: 'fixed', from: to - length, to };
}

export interface RangeDraft {
  /** As a `datetime-local` input has it, on the clocks of the chosen zone. */
  readonly from: string;
  readonly to: string;
}

export type CheckedRange =
  | { readonly ok: true; readonly range: TimeRange }
  | { readonly ok: false; readonly problems: { readonly from?: string; readonly to?: string } };

function endOf(text: string, zone: Zone): number | string {
  const ms = momentOf(text, zone);
  if (ms === undefined) return 'Give a date and a time.';
  if (ms === 'skipped') return 'Clocks never showed this time: they went forward. Choose an hour later.';
  return ms;
}

/** What somebody typed, as a range or as what is wrong with it. */
export function checkRange(draft: RangeDraft, zone: Zone, now: number): CheckedRange {
  const from = endOf(draft.from, zone);
  const to = endOf(draft.to, zone);
  if (typeof from === 'string' || typeof to === 'string') {
    const problems = {
      ...(typeof from === 'string' ? { from } : {}),
      ...(typeof to === 'string' ? { to } : {}),
    };
    return { ok: false, problems };
  }
  if (from >= now) return { ok: false, problems: { from: 'This is in the future: there is nothing to see yet.' } };
  if (to <= from) return { ok: false, problems: { to: 'The end must be after the start.' } };
  if (to - from > MAX_RANGE_MS) return { ok: false, problems: { from: 'At most 400 days can be shown at once.' } };
  return { ok: true, range: { kind: 'fixed', from, to } };
}
