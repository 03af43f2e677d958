/**
 * When will a limit be met? Every past day is one way in which the coming hours may go: its use is laid over them hour by
 * hour, and the moment at which the rest of the limit would be gone is noted. The middle of those moments is the forecast
 * and their spread the range. No model is fitted, so one mad hour moves one scenario and not the answer, and the hours of
 * day and week come along by themselves.
 */
import type { SpendForecast } from './spend.ts';
import { DAY_MS, floorTo, HOUR_MS } from './window.ts';

export interface UsedHour {
  /** Start of a whole hour of Unix time, ms. */
  readonly at: number;
  /** Of whatever the limit counts. */
  readonly amount: number;
}

export interface ForecastInput {
  /** Hours with use, in any order; hours that are absent had none. */
  readonly hours: readonly UsedHour[];
  /** Start of the history: hours before it are not known. */
  readonly knownFrom: number;
  readonly now: number;
  readonly remaining: number;
  readonly periodEnd: number;
}

/** How far back scenarios are taken from: two weeks have each weekday twice. */
export const FORECAST_HISTORY_MS = 14 * DAY_MS;
/** With less there is nothing to go by. */
const LEAST_HOURS = 3;
const EARLY_SHARE = 0.1;
const LATE_SHARE = 0.9;

/** When the rest of a limit will be gone, as the last two weeks say. */
export function forecastMeeting({ hours, knownFrom, now, remaining, periodEnd }: ForecastInput): SpendForecast {
  if (remaining <= 0) return { kind: 'already_met' };
  const thisHour = floorTo(now, HOUR_MS);
  const first = Math.max(floorTo(knownFrom + HOUR_MS - 1, HOUR_MS), thisHour - FORECAST_HISTORY_MS);
  const basisHours = Math.max(0, (thisHour - first) / HOUR_MS);
  if (basisHours < LEAST_HOURS) return { kind: 'unknown', basisHours };
  const history = new Array<number>(basisHours).fill(0);
  for (const { at, amount } of hours) {
    const index = (at - first) / HOUR_MS;
    if (index >= 0 && index < basisHours) history[index] = (history[index] ?? 0) + amount;
  }
  const moments = scenarios(history)
    .map((path) => meetingTime(path, now, remaining, periodEnd))
    .sort((a, b) => a - b);
  const at = (share: number) => moments[Math.min(moments.length - 1, Math.floor(moments.length * share))] ?? periodEnd;
  const [earliest, middle, latest] = [at(EARLY_SHARE), at(0.5), at(LATE_SHARE)];
  if (middle >= periodEnd) {
    return { kind: 'not_before_period_end', earliest: earliest < periodEnd ? earliest : null, basisHours };
  }
  return { kind: 'met', at: middle, earliest, latest: latest < periodEnd ? latest : null, basisHours };
}

/** Use of the hours to come, by index from the current hour. */
type Path = (hour: number) => number;

/**
 * With days of history: each past day starts a scenario that goes on as the days after it did, wrapped around at the
 * present, and is scaled to the level of the last day, so that growth is seen. With less than two days: the mean of the
 * known hours, and half and double of it.
 */
function scenarios(history: readonly number[]): readonly Path[] {
  const days = Math.floor(history.length / 24);
  if (days < 2) {
    const mean = sum(history) / history.length;
    return [2, 1, 0.5].map((factor) => () => mean * factor);
  }
  const level = recentLevel(history, days);
  return Array.from({ length: days }, (_, index): Path => {
    const back = (index + 1) * 24;
    return (hour) => level * (history[history.length - back + (hour % back)] ?? 0);
  });
}

/** How much more the last day had than an ordinary one, held within a factor of two: one odd day is no trend. */
function recentLevel(history: readonly number[], days: number): number {
  const totals = Array.from({ length: days }, (_, index) =>
    sum(history.slice(history.length - (index + 1) * 24, history.length - index * 24)),
  );
  const [last = 0] = totals;
  const middle = totals.toSorted((a, b) => a - b)[Math.floor(days / 2)] ?? 0;
  return middle === 0 ? 1 : Math.min(2, Math.max(0.5, last / middle));
}

/** Unix ms; `periodEnd` when not before. */
function meetingTime(path: Path, now: number, remaining: number, periodEnd: number): number {
  let left = remaining;
  for (let hour = floorTo(now, HOUR_MS), index = 0; hour < periodEnd; hour += HOUR_MS, index += 1) {
    const begin = Math.max(hour, now);
    const share = (hour + HOUR_MS - begin) / HOUR_MS;
    const used = path(index) * share;
    if (used >= left) return Math.min(periodEnd, Math.round(begin + (left / used) * (hour + HOUR_MS - begin)));
    left -= used;
  }
  return periodEnd;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
