/** Quotas in words: how much is used, and when nothing will be left. */
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import { formatBytes, formatCount, NO_VALUE } from './format.ts';
import { formatAmount } from './money.ts';

/** Of the limit, as the API marks them. */
export const QUOTA_MARKS = [0.7, 0.9, 1] as const;

const KEY_WORDS: Readonly<Record<string, string>> = {
  requests: 'API calls',
  ai_tokens: 'AI tokens',
  ai_cost: 'AI spend',
  seats: 'Seats',
  storage_bytes: 'Storage',
  response_bytes: 'Bytes out',
  request_bytes: 'Bytes in',
  db_calls: 'Database calls',
};

/** `API calls a month`. Keys of the operator's own meters are shown as they are. */
export function quotaName({ key, period }: Pick<QuotaItem, 'key' | 'period'>): string {
  const words = KEY_WORDS[key] ?? key.replace(/^meter:/, '').replaceAll('_', ' ');
  return ['seats', 'storage_bytes'].includes(key) ? words : `${words} a ${period}`;
}

/** A value of a quota in its own unit. */
export function quotaValue(value: number | null, { unit }: Pick<QuotaItem, 'unit'>): string {
  if (value === null) return NO_VALUE;
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'micro-USD') return formatAmount(value, 'USD');
  return formatCount(Math.round(value));
}

/** A share as whole percents, cut off: 99.9 % is not a hundred. The last digits of a double are no use. */
export function wholePercent(share: number | null): string {
  return share === null ? NO_VALUE : `${Math.floor(share * 100 + 1e-6)}%`;
}

export type QuotaTone = 'unknown' | 'ok' | 'warn' | 'bad';

export function quotaTone(state: QuotaItem['state']): QuotaTone {
  if (state === 'unknown') return 'unknown';
  if (state === 'reached_100') return 'bad';
  return state === 'ok' ? 'ok' : 'warn';
}

/** When the limit is reached, and how sure that is. `date` writes a moment in the reader's zone. */
export function reachedText({ forecast, state }: QuotaItem, date: (ms: number) => string): string {
  if (state === 'reached_100') return 'Reached';
  if (forecast === null) return 'Not known: a level, or no use by the hour';
  switch (forecast.kind) {
    case 'already_met':
      return 'Reached';
    case 'not_before_period_end':
      return 'Not in this period';
    case 'unknown':
      return `Not known: too little history (${forecast.basis_hours} h)`;
    case 'met':
      return metText(forecast, date);
  }
}

function metText(forecast: NonNullable<QuotaItem['forecast']>, date: (ms: number) => string): string {
  if (forecast.at === null) return 'In this period';
  const at = date(Date.parse(forecast.at));
  if (forecast.earliest === null) return at;
  const latest = forecast.latest === null ? 'the end of the period or later' : date(Date.parse(forecast.latest));
  return `${at} (${date(Date.parse(forecast.earliest))} to ${latest})`;
}

/** For sorting by it: what is reached first comes first; null where it is not known or not in this period. */
export function reachedAt({ forecast, state }: QuotaItem): number | null {
  if (state === 'reached_100' || forecast?.kind === 'already_met') return 0;
  return forecast?.kind === 'met' && forecast.at !== null ? Date.parse(forecast.at) : null;
}

/** Quotas of which 70 % or more is used, the fullest first. */
export function nearQuotas(quotas: readonly QuotaItem[]): readonly QuotaItem[] {
  return quotas
    .filter(({ state }) => state === 'reached_70' || state === 'reached_90' || state === 'reached_100')
    .toSorted((a, b) => (b.share ?? Number.POSITIVE_INFINITY) - (a.share ?? Number.POSITIVE_INFINITY));
}
