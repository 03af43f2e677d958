/** Numbers as people read them. Every function takes null for "not measured" and never turns it into a zero. */

/** Shown where there is no measurement. */
export const NO_VALUE = '–';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const SCALES = [
  { from: 1e12, suffix: 'T' },
  { from: 1e9, suffix: 'B' },
  { from: 1e6, suffix: 'M' },
  { from: 1e3, suffix: 'k' },
] as const;

/** Three significant digits: 1.23, 12.3, 123. */
function threeDigits(value: number): string {
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(decimals);
}

/** Exact with separators below a million (123,456), then short (1.23M). */
export function formatCount(value: number | null): string {
  if (value === null) return NO_VALUE;
  return Math.abs(value) < 1e6 ? whole.format(value) : formatShort(value);
}

/** Exact, whatever its size; for titles and tooltips. */
export function formatExact(value: number | null): string {
  return value === null ? NO_VALUE : whole.format(value);
}

/** Short everywhere (12.3k), for axes and rates. Small values keep three digits, zero stays a plain 0. */
export function formatShort(value: number | null): string {
  if (value === null) return NO_VALUE;
  const size = Math.abs(value);
  for (const { from, suffix } of SCALES) {
    // 999,950 would round to "1000k": the next larger scale takes over half a unit early.
    if (size >= from * 0.9995) return `${trimZeros(threeDigits(value / from))}${suffix}`;
  }
  if (size > 0 && size < 0.01) return value < 0 ? '>-0.01' : '<0.01';
  return trimZeros(threeDigits(value));
}

/** 2.00 s as 2 s: for axes, where the zeros say nothing. Columns keep them, so that the points stand in line. */
export function trimZeros(text: string): string {
  return text.replace(/(\d)(?:\.0+|(\.\d*[1-9])0+)(?!\d)/, '$1$2');
}

/** A ratio from 0 to 1 as a percentage. Something is never shown as nothing, and almost all never as all. */
export function formatPercent(ratio: number | null): string {
  if (ratio === null) return NO_VALUE;
  const percent = ratio * 100;
  if (percent === 0) return '0%';
  if (percent < 0.01) return '<0.01%';
  if (percent >= 99.95 && percent < 100) return '>99.9%';
  if (percent >= 9.995) return `${percent === 100 ? '100' : percent.toFixed(1)}%`;
  return `${percent.toFixed(2)}%`;
}

/** Milliseconds in the unit that keeps the number between 1 and 1,000. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return NO_VALUE;
  if (ms === 0) return '0 ms';
  if (ms < 0.01) return '<0.01 ms';
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${threeDigits(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 59.95) return `${threeDigits(minutes)} min`;
  return `${threeDigits(minutes / 60)} h`;
}

export function formatBytes(bytes: number | null): string {
  if (bytes === null) return NO_VALUE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : threeDigits(value)} ${units[unit] ?? 'B'}`;
}

/** Micro-dollars. Cents from one dollar up; below that as many decimals as the amount needs to differ from zero. */
export function formatMoney(micro: number): string {
  const dollars = Math.abs(micro) / 1e6;
  const sign = micro < 0 ? '-' : '';
  if (dollars === 0) return '$0.00';
  if (dollars < 0.0001) return `${sign}<$0.0001`;
  const decimals = dollars >= 1 ? 2 : 4;
  const digits = new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${sign}$${digits.format(dollars)}`;
}

export interface CostText {
  readonly text: string;
  /** How much of the usage has no known price; empty when all is priced. */
  readonly note: string;
}

/** AI cost with its honesty: unknown is a word, not a zero, and calls without a price are named. */
export function formatAiCost(figures: {
  ai_calls: number;
  ai_cost_micro: number | null;
  ai_unpriced_calls: number;
}): CostText {
  if (figures.ai_calls === 0) return { text: NO_VALUE, note: '' };
  if (figures.ai_cost_micro === null) return { text: 'unknown', note: '' };
  const note = figures.ai_unpriced_calls > 0 ? `+${formatCount(figures.ai_unpriced_calls)} unpriced` : '';
  return { text: formatMoney(figures.ai_cost_micro), note };
}

/** Part of a whole, or null when the whole is empty. */
export function ratioOf(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
