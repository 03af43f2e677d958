const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i;
const MONTH = /^(\d{4})-(\d{2})$/;
const MINUTE_MS = 60_000;
/** Outside of these years a date is a typing mistake. */
const [FIRST_YEAR, LAST_YEAR] = [2000, 2099];

/**
 * Unix ms of a time as bills write it: `2026-11-01T00:00:00Z` (FOCUS), `2026-11-01 00:00:00 UTC` (BigQuery), `2026-11-01`.
 * Without a zone it is UTC, as FOCUS says. Undefined for anything else: `11/01/2026` is November in one country and
 * January in another.
 */
export function parseBillTime(text: string): number | undefined {
  const match = INSTANT.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = parts;
  const time = Date.UTC(y, mo - 1, d, h, mi, s, Number(fraction.slice(0, 3).padEnd(3, '0')));
  const back = new Date(time);
  // Date.UTC takes February 30 for March 2.
  const isReal = back.getUTCMonth() === mo - 1 && back.getUTCDate() === d && h < 24 && mi < 60 && s < 60;
  if (!isReal || y < FIRST_YEAR || y > LAST_YEAR) return undefined;
  return time - offsetMs(zone);
}

function offsetMs(zone: string): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -minutes : minutes) * MINUTE_MS;
}

/** `2026-11`: the whole month; else undefined. */
export function parseBillMonth(text: string): { readonly from: number; readonly to: number } | undefined {
  const match = MONTH.exec(text.trim());
  const [year, month] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || month < 1 || month > 12 || year < FIRST_YEAR || year > LAST_YEAR) return undefined;
  return { from: Date.UTC(year, month - 1), to: Date.UTC(year, month) };
}
