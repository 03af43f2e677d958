import { formatAmount, type Micro } from '../shared/money.ts';

/** Sums are whole numbers of micro-units: doubles would lose some of large ones. */
export function sumMicro(amounts: Iterable<Micro>): Micro {
  let sum = 0n;
  for (const amount of amounts) sum += BigInt(amount);
  return microOf(sum);
}

function microOf(value: bigint): Micro {
  const short = Number(value);
  return Number.isSafeInteger(short) ? short : String(value);
}

export function differenceOf(a: Micro, b: Micro): Micro {
  return microOf(BigInt(a) - BigInt(b));
}

/** `part` of `whole` from 0 to 1; null where the whole is nothing or less. */
export function shareOf(part: Micro, whole: Micro): number | null {
  return Number(whole) > 0 ? Number(part) / Number(whole) : null;
}

/** A margin of the revenue in percent, as the API gives it: `36.9%`, `-12.0%`. */
export function percentText(percent: number): string {
  return `${percent.toFixed(1)}%`.replace(/^-(0\.0%)$/, '$1');
}

/** As short as a label must be: `$976`, `$13.7K`; the exact amount belongs into a title. */
export function roughAmount(micro: Micro, currency: string): string {
  const amount = Number(micro) / 1e6;
  const size = Math.abs(amount);
  if (size < 100) return formatAmount(micro, currency);
  const style = { style: 'currency', currency, currencyDisplay: 'narrowSymbol', maximumFractionDigits: 0 } as const;
  const compact = { ...style, notation: 'compact', maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat('en-US', size < 10_000 ? style : compact).format(amount);
}
