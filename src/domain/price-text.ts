import { AI_INPUT_TIER_STARTS } from './ai-usage.ts';
import { decimalText, scaledDecimal } from './decimal.ts';

/** For how many units a price may be told. */
export const PRICE_PER = [1, 1_000, 1_000_000] as const;
export type PricePer = (typeof PRICE_PER)[number];

/** A million US dollars for one token, call or page is a slip of the pen. */
const MOST_PICO = 10n ** 18n;
const PICO_PLACES = 12;
const PER_PLACES: Readonly<Record<PricePer, number>> = { 1: 0, 1000: 3, 1000000: 6 };
/** More places than any price has: what is left of them after the division shows whether it was exact. */
const SPARE_PLACES = 24;

/** US dollars for `per` units as pico-units for one; a text: what is wrong with it. Nothing is rounded. */
export function exactPico(text: string, per: PricePer): bigint | string {
  const spare = scaledDecimal(text, PICO_PLACES - PER_PLACES[per] + SPARE_PLACES);
  if (spare === undefined) return `"${text.slice(0, 40)}" is no decimal number`;
  if (spare < 0n) return 'a price is not below 0';
  const pico = spare / 10n ** BigInt(SPARE_PLACES);
  if (pico * 10n ** BigInt(SPARE_PLACES) !== spare) return 'the price has more than twelve decimal places for one unit';
  return pico > MOST_PICO ? 'the price is above a million US dollars for one unit' : pico;
}

/** Pico-units for one as US dollars for `per` units, without zeros at the end. */
export function picoText(pico: bigint, per: PricePer): string {
  return decimalText(pico * BigInt(per), PICO_PLACES);
}

/** A price that a list gives as a float: to the nearest pico-unit. */
export function nearestPico(price: number): bigint | string {
  if (!Number.isFinite(price) || price < 0) return 'a price is a finite number of at least 0';
  const pico = scaledDecimal(String(price), PICO_PLACES) ?? -1n;
  return pico < 0n || pico > MOST_PICO ? 'the price is above a million US dollars for one unit' : pico;
}

/** Whether usage is kept apart at this input size, so that a step there can be charged. */
export function isKnownStep(over: number): boolean {
  return (AI_INPUT_TIER_STARTS as readonly number[]).includes(over);
}

export const KNOWN_STEPS = AI_INPUT_TIER_STARTS.join(', ');
