/** The days that costs are asked for: a calendar month in UTC, as bills have them, or whole days of one's own. */
import type { RangeWindow } from '../shared/time-range.ts';

const DAY_MS = 86_400_000;
const MONTH = /^20\d{2}-(?:0[1-9]|1[0-2])$/;

export interface CostRange {
  readonly kind: 'month' | 'days';
  /** Whole days in UTC, half-open. Of the present month: up to the end of today. */
  readonly window: RangeWindow;
  /** `2026-11`: the month, or that of the last of the days. */
  readonly month: string;
  /** The present month, which is not over. */
  readonly isToDate: boolean;
}

const monthText = (at: number) => new Date(at).toISOString().slice(0, 7);
const dayText = (at: number) => new Date(at).toISOString().slice(0, 10);

/** Begin of a month that is `ahead` months after that of `at`. */
function monthStart(at: number, ahead = 0): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead);
}

export function monthRange(month: string, now: number): CostRange {
  const from = Date.parse(`${month}-01T00:00:00Z`);
  const end = monthStart(from, 1);
  const tomorrow = Math.floor(now / DAY_MS) * DAY_MS + DAY_MS;
  const to = Math.max(from + DAY_MS, Math.min(end, tomorrow));
  return { kind: 'month', window: { from, to }, month, isToDate: now < end };
}

/** What the URL asks for: `month`, else the whole days around `from` and `to`, else the present month. */
export function costRangeOf(query: URLSearchParams, now: number): CostRange {
  const month = query.get('month') ?? '';
  if (MONTH.test(month) && month <= monthText(now)) return monthRange(month, now);
  const from = Date.parse(query.get('from') ?? '');
  const to = Date.parse(query.get('to') ?? '');
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) {
    const window = { from: Math.floor(from / DAY_MS) * DAY_MS, to: Math.ceil(to / DAY_MS) * DAY_MS };
    return { kind: 'days', window, month: monthText(window.to - 1), isToDate: window.to > now };
  }
  return monthRange(monthText(now), now);
}

/** `query` with a month in it; the present one leaves no trace. */
export function withMonth(query: URLSearchParams, month: string, now: number): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const name of ['month', 'from', 'to', 'range']) next.delete(name);
  if (month !== monthText(now)) next.set('month', month);
  return next;
}

/** `query` with days as people name them, both of which count. */
export function withDays(query: URLSearchParams, first: string, last: string): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const name of ['month', 'range']) next.delete(name);
  next.set('from', `${first}T00:00:00.000Z`);
  next.set('to', new Date(Date.parse(`${last}T00:00:00Z`) + DAY_MS).toISOString());
  return next;
}

/** The newest `count` months, the present one first. */
export function recentMonths(now: number, count: number): string[] {
  return Array.from({ length: count }, (_, back) => monthText(monthStart(now, -back)));
}

export function neighbourMonth(month: string, step: 1 | -1): string {
  return monthText(monthStart(Date.parse(`${month}-01T00:00:00Z`), step));
}

const longMonth = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });
const shortMonth = new Intl.DateTimeFormat('en-US', { month: 'short', timeZone: 'UTC' });
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });

/** `November 2026` */
export const monthName = (month: string) => longMonth.format(Date.parse(`${month}-01T00:00:00Z`));
/** `Nov` */
export const monthShort = (month: string) => shortMonth.format(Date.parse(`${month}-01T00:00:00Z`));
/** `3 Nov 2026`: a day of a bill, which is one in UTC wherever the reader is. */
export const dayName = (at: number) => shortDay.format(at);

/** `November 2026, to date`, `1 Nov 2026 – 14 Nov 2026`. */
export function rangeName({ kind, window, month, isToDate }: CostRange): string {
  if (kind === 'month') return isToDate ? `${monthName(month)}, to date` : monthName(month);
  const [first, last] = [dayName(window.from), dayName(window.to - 1)];
  return first === last ? first : `${first} – ${last}`;
}

/** First and last day, for date fields. */
export function fieldDays({ window }: CostRange): { first: string; last: string } {
  return { first: dayText(window.from), last: dayText(window.to - 1) };
}
