/** Clock times and spans of time as text. The zone is a choice of the reader, so it is always passed in. */
export type Zone = 'local' | 'UTC' | IanaZone;
/** Such as `Europe/Berlin`, checked by `zoneOf` before it gets here. */
type IanaZone = string & {};

export interface TimeText {
  /** 12:04:10 */
  readonly time: (ms: number) => string;
  /** 12:04 */
  readonly minute: (ms: number) => string;
  /** 23 Nov 12:04 */
  readonly dateMinute: (ms: number) => string;
  /** 23 Nov 2026 */
  readonly date: (ms: number) => string;
  /** 23 Nov 2026, 12:04:10 UTC; for tooltips. */
  readonly full: (ms: number) => string;
}

const cache = new Map<Zone, TimeText>();

/** Formatters of one zone; made once, because an Intl formatter costs far more to make than to use. */
export function timeText(zone: Zone): TimeText {
  const known = cache.get(zone);
  if (known) return known;
  const base = { hourCycle: 'h23', ...(zone === 'local' ? {} : { timeZone: zone }) } as const;
  const make = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat('en-GB', { ...base, ...options });
    return (ms: number) => format.format(ms);
  };
  const minute = make({ hour: '2-digit', minute: '2-digit' });
  const day = make({ day: 'numeric', month: 'short' });
  const text: TimeText = {
    time: make({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    minute,
    dateMinute: (ms) => `${day(ms)} ${minute(ms)}`,
    date: make({ day: 'numeric', month: 'short', year: 'numeric' }),
    full: make({
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    }),
  };
  cache.set(zone, text);
  return text;
}

/** The chosen zone in words: `UTC`, `local, UTC+2`, `Europe/Berlin`. `offsetMinutes` is minutes east of UTC. */
export function zoneName(zone: Zone, offsetMinutes: number): string {
  return zone === 'local' ? `local, ${zoneLabel(zone, offsetMinutes)}` : zone.replaceAll('_', ' ');
}

/** The reader's zone as a short label: `UTC`, `UTC+2`, `UTC-3:30`. `offsetMinutes` is minutes east of UTC. */
export function zoneLabel(zone: Zone, offsetMinutes: number): string {
  if (zone === 'UTC' || offsetMinutes === 0) return 'UTC';
  const size = Math.abs(offsetMinutes);
  const minutes = size % 60;
  const tail = minutes === 0 ? '' : `:${String(minutes).padStart(2, '0')}`;
  return `UTC${offsetMinutes > 0 ? '+' : '-'}${Math.floor(size / 60)}${tail}`;
}

/** `23 Nov 12:00 – 13:00`, with the second date where it is another day. Both in Unix ms. */
export function rangeText({ from, to }: { readonly from: number; readonly to: number }, clock: TimeText): string {
  const [start, end] = [clock.dateMinute(from), clock.dateMinute(to)];
  const isSameDay = start.slice(0, -6) === end.slice(0, -6);
  return `${start} – ${isSameDay ? clock.minute(to) : end}`;
}

/** A length of time in its two largest units: `48 s`, `4 min 10 s`, `2 h 05 min`, `3 d 4 h`. Never below zero. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${pad(minutes % 60)} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const pad = (value: number) => String(value).padStart(2, '0');

export interface Freshness {
  readonly level: 'none' | 'fresh' | 'stale';
  /** How far the data reaches, Unix ms; null: there is none. */
  readonly until: number | null;
  /** How long ago that was; 0 while the present minute is filling. */
  readonly ageMs: number;
}

/** Rollups are per minute and take a few seconds to arrive: two silent minutes are more than lateness. */
const STALE_AFTER_MS = 120_000;

/**
 * What the newest minute with data says about the figures on the screen. Silence is reported as silence: it is not
 * known whether there was no traffic or whether telemetry does not arrive.
 * @param dataUntil end of the newest minute with data, Unix ms, or null
 */
export function freshness(dataUntil: number | null, now: number): Freshness {
  if (dataUntil === null) return { level: 'none', until: null, ageMs: 0 };
  // The minute that is being filled ends in the future: what is known reaches to now.
  const ageMs = Math.max(0, now - dataUntil);
  return { level: ageMs > STALE_AFTER_MS ? 'stale' : 'fresh', until: Math.min(dataUntil, now), ageMs };
}

/** {@link freshness} as one line. */
export function freshnessText({ level, until, ageMs }: Freshness, clock: TimeText): string {
  if (until === null) return 'No data in this window';
  if (level === 'stale') return `No data for ${formatSpan(ageMs)} (last: ${clock.dateMinute(until)})`;
  return `Data until ${clock.time(until)}, ${ageMs === 0 ? 'live' : `${formatSpan(ageMs)} ago`}`;
}
