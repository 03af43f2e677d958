/** Amounts of any currency as people read them. Micro-units come as numbers, or as text where a double is too short. */
import { NO_VALUE } from './format.ts';

export type Micro = number | string;

const MICRO = 1_000_000;
const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string, digits: number | undefined): Intl.NumberFormat {
  const key = `${currency} ${digits ?? ''}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    ...(digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  });
  formats.set(key, made);
  return made;
}

/** `$1,204.50`, `€0.0042`, `-¥120`: as many decimals as the currency has, and more for what would round to nothing. */
export function formatAmount(micro: Micro | null, currency: string): string {
  if (micro === null) return NO_VALUE;
  const amount = Number(micro) / MICRO;
  const exact = decimalText(micro);
  const usual = formatOf(currency, undefined);
  const digits = usual.resolvedOptions().maximumFractionDigits ?? 2;
  const isTiny = amount !== 0 && Math.abs(amount) < 10 ** -digits;
  return (isTiny ? formatOf(currency, 6) : usual).format(exact);
}

/** Formatters take decimal text as it is, where a double would have lost digits. */
function decimalText(micro: Micro): `${number}` {
  const sign = String(micro).startsWith('-') ? '-' : '';
  const digits = String(micro).replace('-', '').padStart(7, '0');
  return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}` as `${number}`;
}

/** All six decimals, for titles: `1204.503211 USD`. */
export function exactAmount(micro: Micro | null, currency: string): string {
  return micro === null ? NO_VALUE : `${decimalText(micro)} ${currency}`;
}

/** A difference, with its sign. */
export function signedAmount(micro: Micro, currency: string): string {
  return `${Number(micro) > 0 ? '+' : ''}${formatAmount(micro, currency)}`;
}

/** Typed money (`1,250.50`) as micro-units; undefined where it is none, or finer than a micro-unit. */
export function parseAmount(text: string): number | undefined {
  const match = /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text.trim().replaceAll(',', ''));
  if (match === null) return undefined;
  return Number(match[1]) * MICRO + Number((match[2] ?? '').padEnd(6, '0'));
}
