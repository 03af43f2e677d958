import type { MetricSeries } from '../../../src/api/contract.ts';
import type { RangeWindow } from './time-range.ts';

/** From the API's series to what a chart draws. Pure; times in Unix milliseconds, null = no measurement = a gap. */
export type Points = readonly (readonly [number, number | null])[];

export interface ChartLine {
  readonly label: string;
  readonly points: Points;
}

/**
 * All lines on one grid of steps over the window, so that a step nobody reported is a gap and no line is drawn
 * across it. The grid takes its phase from the data.
 * @returns xs in Unix seconds (uPlot's unit) and one array of values per line
 */
export function alignLines(
  lines: readonly ChartLine[],
  stepSeconds: number,
  window: RangeWindow,
): { xs: number[]; ys: (number | null)[][] } {
  const step = stepSeconds * 1000;
  const anyTime = lines.find((line) => line.points.length > 0)?.points[0]?.[0] ?? 0;
  const phase = ((anyTime % step) + step) % step;
  const first = Math.floor((window.from - phase) / step) * step + phase;
  const size = Math.max(0, Math.ceil((window.to - first) / step));
  const ys = lines.map(({ points }) => {
    const values: (number | null)[] = new Array<number | null>(size).fill(null);
    for (const [time, value] of points) {
      const index = Math.round((time - first) / step);
      if (index >= 0 && index < size) values[index] = value;
    }
    return values;
  });
  return { xs: Array.from({ length: size }, (_, index) => (first + index * step) / 1000), ys };
}

/** A step that has run for less than this share of its length says too little about its rate. */
const MIN_SHARE_OF_STEP = 0.25;

/**
 * Counts per step as a rate: per second, or per `perSeconds`. The step that is still running is divided by the time
 * it has run, so that a line does not seem to fall at its end; in its first quarter it is left out.
 */
export function toRate(points: Points, stepSeconds: number, now: number, perSeconds = 1): Points {
  return points.map(([time, value]) => {
    const elapsed = Math.min(stepSeconds, (now - time) / 1000);
    if (value === null || elapsed < stepSeconds * MIN_SHARE_OF_STEP) return [time, null] as const;
    return [time, (value / elapsed) * perSeconds] as const;
  });
}

export function sumOf(points: Points): number {
  return points.reduce((sum, [, value]) => sum + (value ?? 0), 0);
}

/** Adds series point by point; a time that only some of them have counts with those that have it. */
export function addPoints(all: readonly Points[]): Points {
  const sums = new Map<number, number | null>();
  for (const points of all) {
    for (const [time, value] of points) {
      const before = sums.get(time) ?? null;
      sums.set(time, value === null ? before : (before ?? 0) + value);
    }
  }
  return [...sums].sort(([a], [b]) => a - b);
}

/** The name of a group of series: its values joined, or `other` when the group has none. */
export function groupLabel(group: MetricSeries['series'][number]['group']): string {
  const label = Object.values(group)
    .filter((value) => value !== '')
    .join(' ');
  return label === '' ? '(none)' : label;
}

export function linesOf(answer: MetricSeries): ChartLine[] {
  return answer.series.map(({ group, points }) => ({ label: groupLabel(group), points }));
}

/** The one series of an answer without groups; empty when the tenant has no such data. */
export function onlyPoints(answer: MetricSeries): Points {
  return answer.series[0]?.points ?? [];
}

/** The `limit` lines of greatest weight, heaviest first, and how many were left out. */
export function heaviest(
  lines: readonly ChartLine[],
  weightOf: (line: ChartLine) => number,
  limit: number,
): { lines: ChartLine[]; omitted: number } {
  const ranked = lines
    .map((line) => ({ line, weight: weightOf(line) }))
    .sort((a, b) => b.weight - a.weight || a.line.label.localeCompare(b.line.label))
    .map(({ line }) => line);
  return { lines: ranked.slice(0, limit), omitted: Math.max(0, ranked.length - limit) };
}

/** Indexes of values with a gap on both sides: a line cannot show them, so they are drawn as dots. */
export function isolatedIndexes(values: readonly (number | null | undefined)[]): number[] {
  const isGap = (index: number) => values[index] === null || values[index] === undefined;
  return values.flatMap((_, index) => (!isGap(index) && isGap(index - 1) && isGap(index + 1) ? [index] : []));
}
