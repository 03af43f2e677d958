import { alignOutwards, ceilTo, DAY_MS, floorTo, HOUR_MS, MINUTE_MS, type Window } from '../domain/window.ts';

export type Level = 'minute' | 'hour' | 'day';

export interface LevelPiece {
  readonly level: Level;
  readonly window: Window;
}

/**
 * Cuts a window into whole days, whole hours and whole minutes, so that a month is read as 30 rows a tenant instead of
 * 43,200 and is still exact at its edges. The window is widened to whole minutes first: rollups know nothing finer.
 * @param coarsest what is asked by smaller steps must not be read from larger ones
 */
export function planLevels(asked: Window, coarsest: Level = 'day'): readonly LevelPiece[] {
  const window = alignOutwards(asked, MINUTE_MS);
  const days = coarsest === 'day' ? inner(window, DAY_MS) : undefined;
  const outsideDays = around(window, days);
  const pieces: LevelPiece[] = days === undefined ? [] : [{ level: 'day', window: days }];
  for (const rest of outsideDays) {
    const hours = coarsest === 'minute' ? undefined : inner(rest, HOUR_MS);
    if (hours !== undefined) pieces.push({ level: 'hour', window: hours });
    for (const edge of around(rest, hours)) pieces.push({ level: 'minute', window: edge });
  }
  return pieces.toSorted((left, right) => left.window.from - right.window.from);
}

/** The coarsest level whose rows never straddle a step boundary. */
export function levelForStep(stepSeconds: number): Level {
  const step = stepSeconds * 1_000;
  if (step % DAY_MS === 0) return 'day';
  return step % HOUR_MS === 0 ? 'hour' : 'minute';
}

function inner(window: Window, step: number): Window | undefined {
  const whole = { from: ceilTo(window.from, step), to: floorTo(window.to, step) };
  return whole.from < whole.to ? whole : undefined;
}

function around(window: Window, hole: Window | undefined): Window[] {
  if (hole === undefined) return [window];
  return [
    { from: window.from, to: hole.from },
    { from: hole.to, to: window.to },
  ].filter(({ from, to }) => from < to);
}
