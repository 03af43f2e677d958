/** What the usage page shows, worked out from what the API says. No screen, no clock of its own. */
import type { MeterItem } from '../../../src/api/meters-contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import type { UsageList, UsageValue } from '../../../src/api/usage-contract.ts';
import { METER_PLACES } from '../../../src/domain/usage-event.ts';
import { formatBytes, formatCount, formatShort, NO_VALUE } from '../shared/format.ts';
import type { RangeWindow } from '../shared/time-range.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The months of a tenant's quotas are its billing periods; without a quota a month, the calendar's, in UTC. */
export function billingPeriod(quotas: readonly QuotaItem[], now: number): RangeWindow {
  const monthly = quotas.find(({ period }) => period === 'month');
  if (monthly !== undefined) {
    return { from: Date.parse(monthly.period_start), to: Date.parse(monthly.period_end) };
  }
  const date = new Date(now);
  const month = (offset: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1);
  return { from: month(0), to: month(1) };
}

/** The part of the period that has passed; never empty, as the API answers no empty window. */
export function elapsed({ from, to }: RangeWindow, now: number): RangeWindow {
  return { from, to: Math.max(Math.min(now, to), from + MINUTE_MS) };
}

/** One thing that is counted: what it is called, and how its values read. */
export interface Measure {
  readonly id: string;
  readonly label: string;
  /** Metrics of `/v1/usage` that it is the sum of. */
  readonly metrics: readonly string[];
  readonly format: (value: number | null) => string;
  /** Values come in units of this. */
  readonly scale: number;
}

const plain = (id: string, label: string, metrics: readonly string[] = [id]): Measure => ({
  ...{ id, label, metrics, scale: 1 },
  format: formatCount,
});

const OWN_MEASURES: readonly Measure[] = [
  plain('requests', 'Requests'),
  plain('errors', 'Failed requests'),
  plain('ai_tokens', 'AI tokens', ['ai_input_tokens', 'ai_output_tokens']),
  plain('ai_calls', 'AI calls'),
  { ...plain('response_bytes', 'Data sent to you'), format: formatBytes },
  plain('db_calls', 'Database calls'),
];

/** What can be shown by day: our own measures, and the operator's meters that add up. */
export function measuresOf(meters: readonly MeterItem[]): readonly Measure[] {
  const own = meters
    .filter(({ aggregation }) => aggregation === 'sum' || aggregation === 'count')
    .map((meter) => ({
      id: `meter:${meter.slug}`,
      label: wordsOf(meter.slug),
      metrics: [`meter:${meter.slug}`],
      format: (value: number | null) =>
        value === null ? NO_VALUE : `${formatMeter(value)}${meter.unit === '' ? '' : ` ${meter.unit}`}`,
      scale: meter.aggregation === 'sum' ? 10 ** METER_PLACES : 1,
    }));
  return [...OWN_MEASURES, ...own];
}

/** Meters may count fractions. */
function formatMeter(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : formatShort(value);
}

/** `api_exports` as `Api exports`. */
function wordsOf(slug: string): string {
  const words = slug.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Sum of the measure's metrics; null where none of them was measured. */
function measuredValue(measure: Measure, values: Readonly<Record<string, UsageValue>>): number | null {
  const parts = measure.metrics.map((metric) => values[metric] ?? null).filter((value) => value !== null);
  return parts.length === 0 ? null : parts.reduce<number>((sum, value) => sum + Number(value), 0) / measure.scale;
}

export interface DayValue {
  /** Unix ms, start of the day in UTC. */
  readonly at: number;
  /** null: nothing was measured, or the day has not come. */
  readonly value: number | null;
  readonly isFuture: boolean;
}

/** Every day that the period touches. A past day of which the answer says nothing had no traffic. */
export function daysOf(usage: UsageList, measure: Measure, period: RangeWindow, now: number): readonly DayValue[] {
  const item = usage.items[0];
  const byDay = new Map(
    (item?.series ?? []).map(({ at, values }) => [Math.floor(Date.parse(at) / DAY_MS), measuredValue(measure, values)]),
  );
  const isMeasured = item !== undefined && measuredValue(measure, item.values) !== null;
  const first = Math.floor(period.from / DAY_MS);
  const last = Math.ceil(period.to / DAY_MS);
  return Array.from({ length: last - first }, (_, index) => {
    const day = first + index;
    const isFuture = day * DAY_MS > now;
    const value = byDay.get(day) ?? (isMeasured ? 0 : null);
    return { at: day * DAY_MS, value: isFuture ? null : value, isFuture };
  });
}

export function totalOf(usage: UsageList, measure: Measure): number | null {
  const item = usage.items[0];
  return item === undefined ? null : measuredValue(measure, item.values);
}

/** Whether nothing at all was used: neither counted, nor said by a quota. */
export function isUnused(usage: UsageList, measures: readonly Measure[], quotas: readonly QuotaItem[]): boolean {
  return measures.every((measure) => !totalOf(usage, measure)) && quotas.every(({ used }) => !used);
}

/** A round number at or above `value`, with whole parts between for the axis: 1, 2 or 5 times a power of ten. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

const QUOTA_LABELS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(OWN_MEASURES.map(({ id, label }) => [id, label])),
  ai_cost: 'AI spend',
  ai_input_tokens: 'AI input tokens',
  ai_output_tokens: 'AI output tokens',
  request_bytes: 'Data received from you',
  seats: 'Seats',
  storage_bytes: 'Storage',
};

export function quotaLabel(key: string): string {
  return QUOTA_LABELS[key] ?? wordsOf(key.replace(/^meter:/, ''));
}

/** Levels do not start again; they are what there is now. */
export function isLevel(key: string): boolean {
  return key === 'seats' || key === 'storage_bytes';
}

/** What reaching the limit means, in words of the customer's. */
export function quotaMeaning({ state, kind }: Pick<QuotaItem, 'state' | 'kind'>): string {
  const over = kind === 'hard' ? 'Further use may be held back.' : 'You can go on; more than this is extra.';
  switch (state) {
    case 'reached_100':
      return `All of it is used. ${over}`;
    case 'reached_90':
      return 'More than 90 % is used.';
    case 'reached_70':
      return 'More than 70 % is used.';
    case 'unknown':
      return 'Not measured yet.';
    case 'ok':
      return '';
  }
}

/** When a quota will have been used up at the present pace; empty where nothing can be said. */
export function paceText({ forecast, state }: QuotaItem, date: (ms: number) => string): string {
  if (forecast === null || state === 'reached_100' || forecast.kind === 'already_met') return '';
  if (forecast.kind === 'not_before_period_end') return 'At this pace it lasts for the period.';
  if (forecast.kind === 'unknown' || forecast.at === null) return '';
  return `At this pace it is used up on ${date(Date.parse(forecast.at))}.`;
}

/** Months of statements, newest first: the present one and eleven before it, as 2026-10. */
export function statementMonths(now: number): readonly string[] {
  const date = new Date(now);
  return Array.from({ length: 12 }, (_, back) =>
    new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - back, 1)).toISOString().slice(0, 7),
  );
}
