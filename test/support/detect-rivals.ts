import type { Alarm } from './detect-score.ts';

/**
 * The simple rules that the detector is measured against: the owner's 3x of a trailing mean, a 24 h median with MAD, and
 * an hour-of-week median with a quick level. Batch code over one tenant's minutes, no part of the product.
 */
export type Rival = 'mean-1h' | 'mean-24h' | 'mean-7d' | 'median-mad' | 'median-mad-3of5' | 'seasonal';

export const RIVALS: readonly Rival[] = ['mean-1h', 'mean-24h', 'mean-7d', 'median-mad', 'median-mad-3of5', 'seasonal'];

const FLOOR = 20;

/** Alarms from a verdict per minute: opened by `needed` of `window` minutes, closed after 5 quiet ones. */
function alarmsOf(
  hot: (index: number) => boolean,
  length: number,
  start: number,
  needed: number,
  window: number,
): Alarm[] {
  const alarms: Alarm[] = [];
  const recent: boolean[] = [];
  let opened = -1;
  let quiet = 0;
  for (let index = 0; index < length; index += 1) {
    const now = hot(index);
    recent.push(now);
    if (recent.length > window) recent.shift();
    if (opened < 0) {
      if (recent.filter(Boolean).length < needed) continue;
      opened = index + 1;
      quiet = 0;
      continue;
    }
    quiet = now ? 0 : quiet + 1;
    if (quiet < 5 && index < length - 1) continue;
    alarms.push({ started: start + opened - 1, detected: start + opened, ended: start + index + 1 });
    opened = -1;
    recent.length = 0;
  }
  return alarms;
}

function ratioToMean(values: Float64Array, window: number, start: number): Alarm[] {
  let sum = 0;
  let count = 0;
  const hot = (index: number) => {
    const value = values[index] ?? Number.NaN;
    const verdict = count >= Math.min(window, 60) && !Number.isNaN(value) && value > 0 && value >= 3 * (sum / count);
    if (!Number.isNaN(value)) {
      sum += value;
      count += 1;
    }
    const gone = values[index - window] ?? Number.NaN;
    if (!Number.isNaN(gone)) {
      sum -= gone;
      count -= 1;
    }
    return verdict;
  };
  return alarmsOf(hot, values.length, start, 1, 1);
}

/** Median and MAD of the last 24 h, refreshed every 5 minutes from every 5th minute. */
function medianMad(values: Float64Array, start: number, needed: number, window: number): Alarm[] {
  let [median, mad] = [Number.NaN, Number.NaN];
  const hot = (index: number) => {
    if (index % 5 === 0 && index >= 1_440) {
      const sample: number[] = [];
      for (let at = index - 1_440; at < index; at += 5) {
        const value = values[at] ?? Number.NaN;
        if (!Number.isNaN(value)) sample.push(value);
      }
      const sorted = Float64Array.from(sample).sort();
      median = sorted[sorted.length >> 1] ?? Number.NaN;
      const off = sorted.map((value) => Math.abs(value - median)).sort();
      mad = 1.4826 * (off[off.length >> 1] ?? Number.NaN);
    }
    const value = values[index] ?? Number.NaN;
    return value >= 3 * median && value - median >= FLOOR && value - median >= 6 * mad;
  };
  return alarmsOf(hot, values.length, start, needed, window);
}

/** Median of the same hour in earlier weeks (days while there is no week), times a level of the last two hours. */
function seasonal(values: Float64Array, start: number): Alarm[] {
  const hours: number[] = [];
  let [sum, count, level, mean] = [0, 0, 0, 0];
  const usualAt = (hour: number): number => {
    const back = (step: number, most: number) =>
      Array.from({ length: most }, (_, turn) => hours[hour - step * (turn + 1)] ?? Number.NaN)
        .filter((value) => !Number.isNaN(value))
        .toSorted((left, right) => left - right);
    const weeks = back(168, 4);
    const sample = weeks.length > 0 ? weeks : back(24, 7);
    return sample[sample.length >> 1] ?? Number.NaN;
  };
  let usual = Number.NaN;
  const hot = (index: number) => {
    if (index % 60 === 0) {
      if (index > 0) hours.push(count > 0 ? sum / count : Number.NaN);
      [sum, count] = [0, 0];
      usual = usualAt(hours.length);
    }
    const value = values[index] ?? Number.NaN;
    if (Number.isNaN(value)) return false;
    sum += value;
    count += 1;
    const expected = Math.max(1, usual * Math.exp(level));
    mean = mean === 0 ? value : mean + (value - mean) / 120;
    const verdict = value >= 3 * expected && value - expected >= FLOOR;
    if (!Number.isNaN(usual)) {
      const step = Math.log((value + 1) / (expected + 1));
      level += (Math.max(-0.5, Math.min(0.5, step)) * Math.LN2) / 120;
    }
    return verdict;
  };
  return alarmsOf(hot, values.length, start, 3, 5);
}

export function rivalAlarms(rival: Rival, values: Float64Array, start: number): Alarm[] {
  switch (rival) {
    case 'mean-1h':
      return ratioToMean(values, 60, start);
    case 'mean-24h':
      return ratioToMean(values, 1_440, start);
    case 'mean-7d':
      return ratioToMean(values, 10_080, start);
    case 'median-mad':
      return medianMad(values, start, 1, 1);
    case 'median-mad-3of5':
      return medianMad(values, start, 3, 5);
    case 'seasonal':
      return seasonal(values, start);
  }
}
