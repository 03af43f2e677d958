/** Decimal numbers as scaled integers, so that sums are exact and the same in whatever order they are made. */

const DECIMAL = /^([+-]?)(\d{1,400})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,9}))?$/;
/** Larger powers of ten are no amounts of anything, and would cost memory to write out. */
const LARGEST_EXPONENT = 60;

/**
 * The number that `text` writes (digits, at most one point, perhaps an exponent; no grouping, no spaces), times
 * 10^places, rounded half away from zero where it has more places. Undefined for anything else and for numbers of more
 * than 60 digits before the point.
 */
export function scaledDecimal(text: string, places: number): bigint | undefined {
  const [match, sign, whole = '', part = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (match === undefined) return undefined;
  const digits = BigInt(whole + part);
  const shift = Number(exponent) - part.length + places;
  if (digits === 0n) return 0n;
  if (shift >= 0 && String(digits).length + shift > LARGEST_EXPONENT + places) return undefined;
  const size = shift >= 0 ? digits * 10n ** BigInt(shift) : droppedPlaces(digits, -shift);
  if (String(size).length > LARGEST_EXPONENT + places) return undefined;
  return sign === '-' ? -size : size;
}

/** `value`/10^places as plain digits, without zeros at its end: `12.5`, `-0.000001`, `3`. */
export function decimalText(value: bigint, places: number): string {
  const digits = String(value < 0n ? -value : value).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const part = digits.slice(digits.length - places).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${whole}${part === '' ? '' : `.${part}`}`;
}

/** `dividend`/`divisor` to the nearest integer, halves away from zero. @throws RangeError when the divisor is 0 */
export function dividedRounded(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n;
  const [above, below] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor];
  const size = (2n * above + below) / (2n * below);
  return negative ? -size : size;
}

function droppedPlaces(digits: bigint, places: number): bigint {
  if (places > String(digits).length) return 0n;
  return dividedRounded(digits, 10n ** BigInt(places));
}
