import type { ZoneOffset } from '../domain/calendar-period.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Offsets of an IANA time zone, from the zone data that comes with Node.
 * @throws RangeError for a name that it does not know
 */
export function zoneOffset(timeZone: string): ZoneOffset {
  const format = formatOf(timeZone);
  return (at) => {
    const whole = Math.floor(at / SECOND_MS) * SECOND_MS;
    const parts = Object.fromEntries(format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return (Date.UTC(year, month - 1, day, hour, minute, second) - whole) / MINUTE_MS;
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    calendar: 'gregory',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(timeZone, format);
  return format;
}
