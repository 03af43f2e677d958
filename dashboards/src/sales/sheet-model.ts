/** A customer's quarter, worked out from what the API says: usage with its trend, quotas by month, reliability. */
import type { TenantFigures } from '../../../src/api/contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import type { UsageList } from '../../../src/api/usage-contract.ts';
import { ratioOf } from '../shared/format.ts';
import { daysPassed, type Quarter } from './sheet-quarter.ts';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

export interface WeekBar {
  /** Unix ms. */
  readonly from: number;
  /** null: nothing was measured in the week, or it lies ahead. */
  readonly value: number | null;
  /** Of the tallest. */
  readonly ratio: number;
  /** The week is not over: its bar will grow. */
  readonly isRunning: boolean;
}

export type SheetMetric = 'requests' | 'ai_tokens';

export interface UsageTrend {
  readonly total: number | null;
  readonly perDay: number | null;
  /** Against the quarter before, per day: 0.25 is a quarter more. null: nothing to compare with. */
  readonly change: number | null;
  readonly weeks: readonly WeekBar[];
}

type UsageItem = UsageList['items'][number];

const numberOf = (value: number | string | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);

function metricOf(values: Readonly<Record<string, number | string | null>>, metric: SheetMetric): number | null {
  if (metric === 'requests') return numberOf(values['requests']);
  const [input, output] = [numberOf(values['ai_input_tokens']), numberOf(values['ai_output_tokens'])];
  return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}

/** Thirteen or fourteen weeks of the quarter, the first from its first day. */
export function weekBars(item: UsageItem | undefined, metric: SheetMetric, quarter: Quarter, now: number): WeekBar[] {
  const count = Math.ceil((quarter.to - quarter.from) / WEEK_MS);
  const sums = new Array<number | null>(count).fill(null);
  for (const { at, values } of item?.series ?? []) {
    const value = metricOf(values, metric);
    const week = Math.floor((Date.parse(at) - quarter.from) / WEEK_MS);
    if (value !== null && week >= 0 && week < count) sums[week] = (sums[week] ?? 0) + value;
  }
  const top = Math.max(...sums.map((sum) => sum ?? 0), 1);
  return sums.map((value, week) => {
    const from = quarter.from + week * WEEK_MS;
    const isRunning = from <= now && now < Math.min(from + WEEK_MS, quarter.to);
    return { from, value, ratio: (value ?? 0) / top, isRunning };
  });
}

/**
 * Usage of the quarter and how it compares with the one before, both per day: a quarter that still runs would otherwise
 * always have shrunk. A customer that came within the quarter before has nothing to be compared with.
 */
export function usageTrend(
  metric: SheetMetric,
  {
    item,
    before,
    quarter,
    previous,
    firstSeen,
    now,
  }: {
    readonly item: UsageItem | undefined;
    readonly before: UsageItem | undefined;
    readonly quarter: Quarter;
    readonly previous: Quarter;
    readonly firstSeen: number;
    readonly now: number;
  },
): UsageTrend {
  const total = item === undefined ? null : metricOf(item.values, metric);
  const totalBefore = before === undefined ? null : metricOf(before.values, metric);
  const perDay = total === null ? null : total / Math.max(daysPassed(quarter, now), 1 / 24);
  const perDayBefore =
    totalBefore === null || firstSeen > previous.from ? null : totalBefore / daysPassed(previous, now);
  const change = perDay === null || perDayBefore === null || perDayBefore === 0 ? null : perDay / perDayBefore - 1;
  return { total, perDay, change, weeks: weekBars(item, metric, quarter, now) };
}

export interface QuotaLine {
  /** Of the newest month: its limit is what holds now. */
  readonly quota: QuotaItem;
  /** By month of the quarter; null: the plan had no such quota then. */
  readonly months: readonly (QuotaItem | null)[];
}

/** Most lines of quotas that the page has room for. */
const QUOTA_LINES = 6;

/** A quota a line with its months, the fullest first; `more`: lines that there was no room for. */
export function quotaLines(byMonth: readonly (readonly QuotaItem[])[]): { lines: readonly QuotaLine[]; more: number } {
  const newest = (byMonth.at(-1) ?? []).filter(({ period }) => period === 'month');
  const lines = newest
    .map((quota) => ({
      quota,
      months: byMonth.map((month) => month.find((one) => one.key === quota.key && one.period === quota.period) ?? null),
    }))
    .toSorted((a, b) => (b.quota.share ?? -1) - (a.quota.share ?? -1));
  return { lines: lines.slice(0, QUOTA_LINES), more: Math.max(0, lines.length - QUOTA_LINES) };
}

export interface Reliability {
  readonly p95Ms: number | null;
  readonly errorRate: number | null;
  /** Share of requests that were answered without an error; null: no request, so nothing is known. */
  readonly availability: number | null;
}

export function reliabilityOf(figures: Pick<TenantFigures, 'requests' | 'errors' | 'p95_ms'> | undefined): Reliability {
  const errorRate = figures === undefined ? null : ratioOf(figures.errors, figures.requests);
  return {
    ...{ p95Ms: figures?.p95_ms ?? null, errorRate },
    availability: errorRate === null ? null : 1 - errorRate,
  };
}

/** 99.97 %: as many nines as it takes, cut off and not rounded up, so that a failure never becomes a hundred. */
export function formatAvailability(share: number | null): string {
  if (share === null) return '–';
  if (share === 1) return '100%';
  const percent = share * 100;
  const digits = percent >= 99.99 ? 4 : 2;
  return `${(Math.floor(percent * 10 ** digits + 1e-9) / 10 ** digits).toFixed(digits)}%`;
}

/** `+12%`, `-3%`, `no change`; for trends, where tenths claim too much. */
export function formatChange(change: number | null): string {
  if (change === null) return 'nothing to compare with';
  const percent = Math.round(change * 100);
  if (percent === 0) return 'no change';
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent)}%`;
}
