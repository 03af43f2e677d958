/**
 * How many decimals the amounts of Stripe's API have, by currency: those of ISO 4217 but for a few that Stripe keeps as
 * they once were (ISK and UGX with two although they have none, MGA with none). https://docs.stripe.com/currencies
 */
const NONE = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const THREE = new Set('BHD JOD KWD OMR TND'.split(' '));

/** Decimals of the currency in Stripe's integers: 2 for USD, so that 1250 is 12.50. */
export function stripeDecimals(currency: string): number {
  if (NONE.has(currency)) return 0;
  return THREE.has(currency) ? 3 : 2;
}
