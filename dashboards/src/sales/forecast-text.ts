/** What a month will come to, in words that say how sure that is. */
import type { ForecastBody } from '../../../src/api/contract.ts';
import { formatAmount } from '../shared/money.ts';
import { dayName } from './cost-range.ts';

export interface ForecastWords {
  /** null: there is nothing to go by. */
  readonly expected: string | null;
  /** The range and its coverage, or why there is none. */
  readonly range: string;
  readonly basis: string;
}

export function forecastWords(forecast: ForecastBody): ForecastWords {
  const { currency, expected_micro: expected, low_micro: low, high_micro: high, coverage, gap } = forecast;
  const until = dayName(Date.parse(forecast.known_until) - 1);
  const days = `${forecast.basis_days} ${forecast.basis_days === 1 ? 'day' : 'days'}`;
  const basis = forecast.basis_days === 0 ? 'No day is known yet' : `From ${days}, known to ${until}`;
  if (currency === null || expected === null)
    return { expected: null, range: gap ?? 'There is nothing to go by', basis };
  const text = (micro: number | string) => formatAmount(micro, currency);
  const range =
    low === null || high === null
      ? `No range: ${gap ?? 'the past says too little'}`
      : `${text(low)} to ${text(high)} in ${Math.round(coverage * 100)}% of months`;
  return { expected: text(expected), range, basis };
}
