import { DAY_MS, floorTo } from '../domain/window.ts';

/**
 * What a month will come to: the days that are known, and for each day to come the mean of the same weekday in the last
 * four weeks. No model is fitted. The range comes from how wrong the same rule would have been: from every earlier day it
 * is made to look as many days ahead, and a quantile of the errors, as shares of what was expected, is the half width. The
 * quantile is that of split conformal prediction for the number of errors that do not overlap (test/cost/forecast.test.ts
 * holds it against noise, weekdays, spikes and growth).
 */
export interface DayAmount {
  /** Start of the day in UTC, Unix ms. */
  readonly day: number;
  readonly amountMicro: bigint;
}

export interface MonthForecast {
  readonly monthFrom: number;
  readonly monthTo: number;
  /** Days of the month before this moment are known. */
  readonly knownUntil: number;
  readonly toDateMicro: bigint;
  /** Null: there is nothing to go by. */
  readonly expectedMicro: bigint | null;
  readonly lowMicro: bigint | null;
  readonly highMicro: bigint | null;
  /** Share of months whose result lies in the range, as far as the past goes. */
  readonly coverage: number;
  readonly basisDays: number;
  /** Why there is no range; null where there is one. */
  readonly gap: string | null;
}

export interface ForecastQuestion {
  /** Each day at most once, in any order; a day that is absent had nothing. */
  readonly days: readonly DayAmount[];
  /** The first day that is known; what was before it is not nothing but unknown. Unix ms. */
  readonly knownFrom: number;
  /** Days from here on are not known yet: today, or earlier when bills lag behind. Unix ms. */
  readonly knownUntil: number;
  /** Unix ms. */
  readonly now: number;
}

const COVERAGE = 0.8;
const WEEK = 7;
const WEEKS_BACK = 4;
/** With fewer errors their quantile says little about the next. */
const LEAST_ERRORS = 10;
/** Half a year: what was before it is another business. */
const MOST_DAYS = 183;

/** Of the calendar month (UTC) in which `now` lies. */
export function forecastMonth({ days, knownFrom, knownUntil, now }: ForecastQuestion): MonthForecast {
  const date = new Date(now);
  const [monthFrom, monthTo] = [0, 1].map((ahead) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead)) as [
    number,
    number,
  ];
  const until = Math.min(floorTo(knownUntil, DAY_MS), floorTo(now, DAY_MS));
  const first = Math.max(floorTo(knownFrom + DAY_MS - 1, DAY_MS), until - MOST_DAYS * DAY_MS);
  const basisDays = Math.max(0, Math.round((until - first) / DAY_MS));
  const history = new Array<number>(basisDays).fill(0);
  let toDateMicro = 0n;
  for (const { day, amountMicro } of days) {
    if (day >= monthFrom && day < until) toDateMicro += amountMicro;
    const index = Math.round((day - first) / DAY_MS);
    if (index >= 0 && index < basisDays) history[index] = (history[index] ?? 0) + Number(amountMicro);
  }
  const begin = Math.max(until, monthFrom);
  // Days of the month before are missing too where bills lag behind by more than the month is old.
  const skipped = Math.round((begin - until) / DAY_MS);
  const ahead = Math.round((monthTo - begin) / DAY_MS);
  const base = { monthFrom, monthTo, knownUntil: until, toDateMicro, coverage: COVERAGE, basisDays };
  if (basisDays === 0) {
    return { ...base, expectedMicro: null, lowMicro: null, highMicro: null, gap: 'no day is known yet' };
  }
  const rest = restOf(history, skipped, ahead);
  const expectedMicro = toDateMicro + BigInt(Math.round(rest));
  const errors = pastErrors(history, skipped, ahead);
  if (errors.length < LEAST_ERRORS) {
    const needed = WEEK + skipped + ahead + LEAST_ERRORS - 1;
    const gap = `a range over ${ahead} days needs ${needed} known days, there are ${basisDays}`;
    return { ...base, expectedMicro, lowMicro: null, highMicro: null, gap };
  }
  const half = BigInt(Math.ceil(Math.abs(rest) * quantile(errors, ahead)));
  const low = expectedMicro - half;
  // Days that never took anything back will not do so now.
  const floor = history.every((amount) => amount >= 0) && low < toDateMicro ? toDateMicro : low;
  return { ...base, expectedMicro, lowMicro: floor, highMicro: expectedMicro + half, gap: null };
}

/** What the rule expects of the days `skipped` to `skipped + ahead` after the history. */
function restOf(history: readonly number[], skipped: number, ahead: number): number {
  let sum = 0;
  for (let day = 0; day < ahead; day += 1) sum += expectedDay(history, skipped + day);
  return sum;
}

function expectedDay(history: readonly number[], ahead: number): number {
  const same: number[] = [];
  for (
    let index = history.length + ahead - WEEK * Math.ceil((ahead + 1) / WEEK);
    index >= 0 && same.length < WEEKS_BACK;
    index -= WEEK
  ) {
    same.push(history[index] ?? 0);
  }
  return mean(same.length > 0 ? same : history);
}

/** How far off the rule was, as a share of what it expected, from every day that had a week before it. Ascending. */
function pastErrors(history: readonly number[], skipped: number, ahead: number): readonly number[] {
  const errors: number[] = [];
  for (let origin = WEEK; origin + skipped + ahead <= history.length; origin += 1) {
    const actual = history.slice(origin + skipped, origin + skipped + ahead).reduce((sum, amount) => sum + amount, 0);
    const expected = restOf(history.slice(0, origin), skipped, ahead);
    // From nothing to something is no share of anything; nothing to nothing is no error.
    if (expected !== 0) errors.push(Math.abs(actual / expected - 1));
    else if (actual === 0) errors.push(0);
  }
  return errors.toSorted((a, b) => a - b);
}

/** Errors of windows that overlap say nearly the same: what counts is how many of them fit side by side. */
function quantile(ascending: readonly number[], ahead: number): number {
  const apart = Math.floor((ascending.length - 1) / ahead) + 1;
  const share = Math.min(1, COVERAGE * (1 + 1 / apart));
  const rank = Math.min(ascending.length, Math.ceil((ascending.length + 1) * share));
  return ascending[rank - 1] ?? 0;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
