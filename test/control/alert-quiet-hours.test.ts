import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { zoneOffset } from '../../src/app/spend-zones.ts';
import { afterQuietHours, isQuiet } from '../../src/control/alert-quiet-hours.ts';
import type { QuietHours } from '../../src/domain/alert.ts';

const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const quiet = (from: string, to: string, days: readonly number[] = EVERY_DAY): QuietHours => {
  const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  return { timeZone: 'UTC', from: minutes(from), to: minutes(to), days, exceptFrom: null };
};

describe('the wall clock', () => {
  const berlin = zoneOffset('Europe/Berlin');
  test.each([
    // Monday 2026-06-15, Berlin is two hours ahead.
    ['inside the night', quiet('22:00', '07:00'), '2026-06-15T21:30:00Z', '2026-06-16T05:00:00Z'],
    [
      'after midnight, which belongs to the day before',
      quiet('22:00', '07:00', [1]),
      '2026-06-16T01:00:00Z',
      '2026-06-16T05:00:00Z',
    ],
    [
      'the same hour of a day that is not quiet',
      quiet('22:00', '07:00', [2]),
      '2026-06-16T01:00:00Z',
      '2026-06-16T01:00:00Z',
    ],
    ['the first minute', quiet('22:00', '07:00'), '2026-06-15T20:00:00Z', '2026-06-16T05:00:00Z'],
    ['the first minute after', quiet('22:00', '07:00'), '2026-06-15T05:00:00Z', '2026-06-15T05:00:00Z'],
    ['by day', quiet('09:00', '10:00'), '2026-06-15T07:59:30Z', '2026-06-15T08:00:00Z'],
    // Clocks go forward on 2026-03-29 at 01:00Z, back on 2026-10-25 at 01:00Z.
    ['the short night', quiet('22:00', '07:00'), '2026-03-28T22:00:00Z', '2026-03-29T05:00:00Z'],
    ['the long night', quiet('22:00', '07:00'), '2026-10-24T21:00:00Z', '2026-10-25T06:00:00Z'],
  ])('%s', (_what, hours, at, until) => {
    expect(new Date(afterQuietHours(hours, Date.parse(at), berlin)).toISOString().replace('.000', '')).toBe(until);
  });
});

test('whatever the hours, zone and moment: never earlier, never quiet, never later than need be', () => {
  const minute = fc.integer({ min: 0, max: 1_439 });
  fc.assert(
    fc.property(
      ...[minute, minute, fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 })],
      fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia'),
      fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2027, 0) }),
      (from, to, days, zone, at) => {
        const hours: QuietHours = { timeZone: zone, from, to, days, exceptFrom: null };
        const offset = zoneOffset(zone);
        const until = afterQuietHours(hours, at, offset);
        expect(until).toBeGreaterThanOrEqual(at);
        expect(isQuiet(hours, until, offset)).toBe(false);
        if (until > at) expect(isQuiet(hours, until - 1, offset)).toBe(true);
      },
    ),
    { numRuns: 100 },
  );
});

test('hours without an end let an alert through after eight days', () => {
  const at = Date.UTC(2026, 5, 15, 12);
  expect(afterQuietHours(quiet('08:00', '08:00'), at, () => 0)).toBe(at + 8 * 86_400_000);
});
