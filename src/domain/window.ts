/** Times are half-open intervals [from, to) in UTC milliseconds: a span at midnight belongs to one day only. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export function floorTo(time: number, step: number): number {
  return Math.floor(time / step) * step;
}

export function ceilTo(time: number, step: number): number {
  return Math.ceil(time / step) * step;
}

/** The smallest window of whole steps that contains `window`. */
export function alignOutwards(window: Window, step: number): Window {
  return { from: floorTo(window.from, step), to: ceilTo(window.to, step) };
}
