import { TenantryError } from '../domain/errors.ts';
import { DAY_MS, HOUR_MS, SECOND_MS, type Window } from '../domain/window.ts';

/** As long as hour rollups are kept by default; longer questions would silently miss data. */
const MAX_RANGE_MS = 400 * DAY_MS;
const AUTO_STEPS_SECONDS = [60, 3_600, 86_400] as const;
const AUTO_POINTS = 500;
/** A day in minutes fits; Prometheus allows 11,000, which no chart can show. */
const MAX_POINTS = 1_500;

/**
 * The half-open window that `from` and `to` (RFC 3339) name; an absent end is `now`, an absent start one hour
 * before the end.
 * @throws TenantryError BAD_REQUEST when the window is empty or longer than 400 days
 */
export function resolveWindow(range: { from?: string | undefined; to?: string | undefined }, now: number): Window {
  const to = range.to === undefined ? now : Date.parse(range.to);
  const from = range.from === undefined ? to - HOUR_MS : Date.parse(range.from);
  if (from >= to) {
    throw new TenantryError('BAD_REQUEST', 'query parameter "from" must be before "to"', {
      hint: 'An absent "to" means now; intervals are half-open [from, to).',
    });
  }
  if (to - from > MAX_RANGE_MS) {
    throw new TenantryError(
      'BAD_REQUEST',
      `query parameters "from" and "to" span more than ${MAX_RANGE_MS / DAY_MS} days`,
      {
        hint: 'Ask for a shorter time.',
      },
    );
  }
  return { from, to };
}

/**
 * Seconds per point: the asked step, else the smallest of minute, hour and day that gives at most 500 points.
 * @throws TenantryError BAD_REQUEST when an asked step would give too many points
 */
export function resolveStep(window: Window, asked: number | undefined): number {
  const points = (step: number) => Math.ceil((window.to - window.from) / (step * SECOND_MS));
  if (asked === undefined) return AUTO_STEPS_SECONDS.find((step) => points(step) <= AUTO_POINTS) ?? 86_400;
  if (points(asked) > MAX_POINTS) {
    throw new TenantryError('BAD_REQUEST', `query parameter "step": ${points(asked)} points, at most ${MAX_POINTS}`, {
      hint: 'Use a larger step or a shorter time; without "step" a fitting one is chosen.',
    });
  }
  return asked;
}
