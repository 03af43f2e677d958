import type { Zone } from './time-format.ts';

const formats = new Map<Zone, Intl.DateTimeFormat>();

/** Whether this browser knows the IANA zone, such as `Europe/Berlin`. Names are compared without case, as it does. */
function isZoneName(text: string): boolean {
  try {
    // An offset such as "+02:00" is accepted by Intl too, but no chart or calendar can follow its daylight saving.
    return /^[a-z]/i.test(text) && new Intl.DateTimeFormat('en', { timeZone: text }).format(0) !== '';
  } catch {
    return false;
  }
}

/** The zone as the browser spells it; undefined where there is none of that name. */
export function zoneOf(text: string): Zone | undefined {
  const name = text.trim();
  if (name.toLowerCase() === 'local') return 'local';
  if (!isZoneName(name)) return undefined;
  const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
  return ['UTC', 'Etc/UTC', 'GMT', 'Etc/GMT'].includes(timeZone) ? 'UTC' : timeZone;
}

function formatOf(zone: Zone): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    hourCycle: 'h23',
    ...(zone === 'local' ? {} : { timeZone: zone }),
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formats.set(zone, format);
  return format;
}

/** The clock on the wall at `ms`, as if it were UTC: Unix ms in whole seconds. */
function wallAt(ms: number, zone: Zone): number {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/** Minutes east of UTC in `zone` at `ms`. */
export function offsetMinutes(ms: number, zone: Zone): number {
  return Math.round((wallAt(ms, zone) - Math.floor(ms / 1000) * 1000) / 60_000);
}

/** `ms` as the value of a `datetime-local` input: `2026-11-23T12:04`. */
export function wallText(ms: number, zone: Zone): string {
  return new Date(wallAt(ms, zone)).toISOString().slice(0, 16);
}

const DAY_MS = 24 * 3_600_000;

/**
 * The moment when clocks in `zone` show `text` (`2026-11-23T12:04`), Unix ms. Of an hour that clocks show twice, the
 * first; 'skipped' for one that they never show; undefined for what is no date and time.
 */
export function momentOf(text: string, zone: Zone): number | 'skipped' | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return undefined;
  const wall = Date.parse(`${text}:00Z`);
  // Date.parse takes 31 February for 3 March in some engines.
  if (!Number.isFinite(wall) || new Date(wall).toISOString().slice(0, 16) !== text) return undefined;
  const guesses = [wall - DAY_MS, wall + DAY_MS].map((near) => wall - offsetMinutes(near, zone) * 60_000);
  const right = guesses.filter((ms) => wallAt(ms, zone) === wall);
  return right.length === 0 ? 'skipped' : Math.min(...right);
}
