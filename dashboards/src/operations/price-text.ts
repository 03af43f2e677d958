/** Prices in words and figures. US dollars are decimal text all the way: floats would change them. */
import type { PlannedPriceItem } from '../../../src/api/prices-contract.ts';

export const PRICE_TABS = [
  ['/prices', 'Price book'],
  ['/prices/tenants', 'Promised to tenants'],
  ['/prices/contracts', 'Contracts'],
  ['/prices/import', 'Import'],
  ['/prices/months', 'Months and repricing'],
] as const;

export const LAYER_LABELS = {
  tenant: 'Tenant',
  contract: 'Contract',
  book: 'Own book',
  seed: 'Catalogue',
} as const;

const PER_LABELS: Readonly<Record<number, string>> = { 1: '', 1000: '1k ', 1000000: '1M ' };

/** "per 1M tokens", "per request" */
export function unitText({ per, unit }: { per: number; unit: string }): string {
  return `per ${PER_LABELS[per] ?? `${per} `}${unit}${per === 1 ? '' : 's'}`;
}

/** "$2.50": at least two decimals, every further one as it is. */
export function priceText(dollars: string): string {
  const [whole = '0', decimals = ''] = dollars.split('.');
  return `$${whole}.${decimals.padEnd(2, '0')}`;
}

/** "$2.50 per 1M tokens; from 128,000 input tokens on $5.00" */
export function termsText({ price_usd, per, unit, steps }: Omit<PlannedPriceItem, 'provider' | 'model'>): string {
  const further = steps.map(
    ({ input_over, price_usd: step }) => `above ${input_over.toLocaleString('en-US')} input tokens ${priceText(step)}`,
  );
  return [`${priceText(price_usd)} ${unitText({ per, unit })}`, ...further].join('; ');
}

/** "input", "output, batch", "input, 16:30 to 00:30 UTC" */
export function subjectText({ kind, variant, daily }: Pick<PlannedPriceItem, 'kind' | 'variant' | 'daily'>): string {
  const parts = [kind.replaceAll('_', ' ')];
  if (variant !== 'standard') parts.push(variant);
  if (daily !== null) parts.push(`${daily.from} to ${daily.to} UTC`);
  return parts.join(', ');
}

/** Prices hold from whole hours on, in UTC. null: `open`. */
export function dateText(time: string | null, open: string): string {
  if (time === null) return open;
  return time.slice(11, 16) === '00:00' ? time.slice(0, 10) : `${time.slice(0, 10)} ${time.slice(11, 16)}`;
}

/** What a date field holds (2026-11-01T10:00, meant in UTC) as RFC 3339; undefined where it is empty. */
export function utcOf(text: string): string | undefined {
  return text === '' ? undefined : `${text.slice(0, 13)}:00:00Z`;
}

/** The whole hour that begins next, RFC 3339. `now`: Unix ms. */
export function nextHour(now: number): string {
  const hour = 3_600_000;
  return `${new Date(Math.ceil(now / hour) * hour).toISOString().slice(0, 13)}:00:00Z`;
}

export function isDollars(text: string): boolean {
  return /^\d{1,7}(\.\d{1,24})?$/.test(text.trim());
}

const UNPRICED_REASONS: Readonly<Record<string, string>> = {
  'no-model': 'its spans name no model',
  'unknown-model': 'nobody’s prices for it are known',
  'no-price-then': 'there are prices, but none for that time',
  'no-price-for-tier': 'there are prices, but none for this service tier',
  'no-token-price': 'it is charged by what spans do not tell, or this kind of token has no price',
  'no-amount': 'it is charged by an amount that its spans do not tell',
  'inconsistent-usage': 'its spans report more cached than input tokens, or more reasoning than output',
};

export function unpricedText(reason: string): string {
  return UNPRICED_REASONS[reason] ?? reason;
}
