/** Money is an integer of micro-units (one millionth of the currency), in US dollars so far. Never a float. */

/**
 * A price known as a decimal number (US dollars per million tokens, as price lists give it) as an exact integer of
 * pico-units per token: 2.5 USD per million tokens = 2,500,000 pico-USD per token. Price lists carry at most six
 * decimals per million, so the rounding removes only the float's own error.
 */
export function picoPerTokenFromPerMillion(pricePerMillion: number): bigint {
  if (!Number.isFinite(pricePerMillion) || pricePerMillion < 0) {
    throw new RangeError(`A price must be a finite number of at least 0, not ${pricePerMillion}`);
  }
  return BigInt(Math.round(pricePerMillion * 1_000_000));
}

export const PICO_PER_MICRO = 1_000_000n;

/** Rounds half up to whole micro-units; called once, at the end of a sum, so that parts add up. */
export function microFromPico(pico: bigint): bigint {
  return (pico + PICO_PER_MICRO / 2n) / PICO_PER_MICRO;
}
