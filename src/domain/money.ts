/** Money is an integer of micro-units (one millionth of the currency), in US dollars so far. Never a float. */

export const PICO_PER_MICRO = 1_000_000n;

/** Rounds half up to whole micro-units; called once, at the end of a sum, so that parts add up. */
export function microFromPico(pico: bigint): bigint {
  return (pico + PICO_PER_MICRO / 2n) / PICO_PER_MICRO;
}
