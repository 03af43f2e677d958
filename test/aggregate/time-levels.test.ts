import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { levelForStep, planLevels } from '../../src/aggregate/time-levels.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';

const STEP = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

describe('cutting a window into levels', () => {
  it('covers every minute once, each piece on its own level’s boundaries, with few minutes and hours', () => {
    const day = Date.UTC(2026, 0, 1);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 90 * DAY_MS }),
        fc.integer({ min: 1, max: 60 * DAY_MS }),
        (start, length) => {
          const window = { from: day + start, to: day + start + length };
          const pieces = planLevels(window);
          let at = Math.floor(window.from / MINUTE_MS) * MINUTE_MS;
          for (const { level, window: piece } of pieces) {
            expect(piece.from).toBe(at);
            expect(piece.to).toBeGreaterThan(piece.from);
            expect(piece.from % STEP[level]).toBe(0);
            expect(piece.to % STEP[level]).toBe(0);
            at = piece.to;
          }
          expect(at).toBe(Math.ceil(window.to / MINUTE_MS) * MINUTE_MS);
          const width = (level: string) =>
            pieces
              .filter((piece) => piece.level === level)
              .reduce((sum, { window: { from, to } }) => sum + to - from, 0);
          expect(width('minute')).toBeLessThan(2 * HOUR_MS);
          expect(width('hour')).toBeLessThan(2 * DAY_MS);
        },
      ),
    );
  });

  it('reads a whole month as days', () => {
    expect(planLevels({ from: Date.UTC(2026, 1, 1), to: Date.UTC(2026, 2, 1) }).map(({ level }) => level)).toEqual([
      'day',
    ]);
  });

  it.each([
    [60, 'minute'],
    [5_400, 'minute'],
    [3_600, 'hour'],
    [21_600, 'hour'],
    [86_400, 'day'],
  ])('answers steps of %i seconds from the %s', (step, level) => {
    expect(levelForStep(step)).toBe(level);
  });
});
