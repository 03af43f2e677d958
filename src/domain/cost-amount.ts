/**
 * Money of bills. A bill's lines carry more decimals than any invoice shows (AWS prints 10, Azure and GCP up to 17), so
 * a line is kept as a whole number of atto-units (1e-18 of the currency) and rounded to micro-units only with its bill.
 */
export const ATTO_DIGITS = 18;
const MICRO_DIGITS = 6;
const ATTO = 10n ** BigInt(ATTO_DIGITS);
const MICRO = 10n ** BigInt(MICRO_DIGITS);

/** Exchange rates have up to so many decimals; 1.0832 is kept as 1,083,200,000,000. */
const RATE_DIGITS = 12;
export const RATE_ONE = 10n ** BigInt(RATE_DIGITS);

/** Exact amounts in the bill's currency are atto-units times a rate. So many of them are one micro-unit. */
export const EXACT_PER_MICRO = 10n ** BigInt(ATTO_DIGITS - MICRO_DIGITS) * RATE_ONE;

/** The most that an answer in JSON can carry exactly, in micro-units. */
export const MOST_MICRO = BigInt(Number.MAX_SAFE_INTEGER);

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const MOST_INTEGER_DIGITS = 15;

export interface ParsedAmount {
  readonly atto: bigint;
  /** There were decimals beyond the 18th, which do not count: half away from zero. */
  readonly rounded: boolean;
}

/**
 * A decimal number as bills write it (`12`, `-0.0000000061`, `1.5E-7`), digit by digit: no float on the way. Undefined
 * for anything else, thousands separators and decimal commas too, and for amounts of 10^15 and more.
 */
export function parseAmount(text: string): ParsedAmount | undefined {
  const match = DECIMAL.exec(text.trim());
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText] = match;
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(exponentText ?? 0);
  const digits = BigInt(`${whole}${fraction}`);
  const shift = ATTO_DIGITS + exponent - fraction.length;
  if (digits !== 0n && digits.toString().length + shift - ATTO_DIGITS > MOST_INTEGER_DIGITS) return undefined;
  const { value, rounded } = shifted(digits, shift);
  return { atto: sign === '-' ? -value : value, rounded };
}

function shifted(digits: bigint, shift: number): { value: bigint; rounded: boolean } {
  if (shift >= 0)
    return { value: digits * 10n ** BigInt(Math.min(shift, 2 * ATTO_DIGITS + MOST_INTEGER_DIGITS)), rounded: false };
  const divisor = 10n ** BigInt(-shift);
  return { value: (digits + divisor / 2n) / divisor, rounded: digits % divisor !== 0n };
}

/** The shortest decimal text of an amount in atto-units; `parseAmount` reads the same amount from it. */
export function formatAtto(atto: bigint): string {
  return decimalText(atto, ATTO, ATTO_DIGITS).replace(/\.?0+$/, '') || '0';
}

/** `-412.37` for -412370000n micro-units: always the six decimals that there are, so that columns line up. */
export function formatMicro(micro: bigint): string {
  return decimalText(micro, MICRO, MICRO_DIGITS);
}

function decimalText(value: bigint, unit: bigint, digits: number): string {
  const magnitude = value < 0n ? -value : value;
  const text = `${magnitude / unit}.${(magnitude % unit).toString().padStart(digits, '0')}`;
  return value < 0n ? `-${text}` : text;
}

/** Micro-units of a decimal text such as `12.50`; undefined when it is none or has more than six decimals. */
export function parseMicro(text: string): bigint | undefined {
  const parsed = parseAmount(text);
  const perMicro = ATTO / MICRO;
  if (parsed === undefined || parsed.rounded || parsed.atto % perMicro !== 0n) return undefined;
  return parsed.atto / perMicro;
}

/** A positive exchange rate with at most 12 decimals as a multiple of 1e-12; undefined for any other text. */
export function parseRate(text: string): bigint | undefined {
  const parsed = parseAmount(text);
  const perRate = ATTO / RATE_ONE;
  if (parsed === undefined || parsed.rounded || parsed.atto <= 0n || parsed.atto % perRate !== 0n) return undefined;
  return parsed.atto / perRate;
}

/** Exact amounts to micro-units, half away from zero. */
export function microFromExact(exact: bigint): bigint {
  const half = EXACT_PER_MICRO / 2n;
  return exact < 0n ? -((-exact + half) / EXACT_PER_MICRO) : (exact + half) / EXACT_PER_MICRO;
}
