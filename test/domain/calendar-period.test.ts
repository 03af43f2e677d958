import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { zoneOffset } from '../../src/app/spend-zones.ts';
import { periodAt } from '../../src/domain/calendar-period.ts';
import { HOUR_MS } from '../../src/domain/window.ts';

const dayIn = (zone: string, at: string) => {
  const { from, to } = periodAt('day', Date.parse(at), zoneOffset(zone));
  return [new Date(from).toISOString(), new Date(to).toISOString(), (to - from) / HOUR_MS];
};

describe('a day', () => {
  test.each([
    ['UTC', '2026-06-15T12:00:00Z', '2026-06-15T00:00:00.000Z', '2026-06-16T00:00:00.000Z', 24],
    ['UTC', '2026-06-15T00:00:00Z', '2026-06-15T00:00:00.000Z', '2026-06-16T00:00:00.000Z', 24],
    ['Asia/Kolkata', '2026-06-15T18:29:59Z', '2026-06-14T18:30:00.000Z', '2026-06-15T18:30:00.000Z', 24],
    ['Asia/Kolkata', '2026-06-15T18:30:00Z', '2026-06-15T18:30:00.000Z', '2026-06-16T18:30:00.000Z', 24],
    // Clocks go forward, and back.
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z', 23],
    ['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z', 25],
    ['America/New_York', '2026-11-01T05:30:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z', 25],
    // Clocks jump over midnight: the day begins at 01:00.
    ['Asia/Beirut', '2026-03-29T12:00:00Z', '2026-03-28T22:00:00.000Z', '2026-03-29T21:00:00.000Z', 23],
    // Midnight comes twice: the day begins at the first.
    ['America/Havana', '2026-11-01T04:30:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z', 25],
  ])('in %s at %s', (zone, at, from, to, hours) => {
    expect(dayIn(zone, at)).toEqual([from, to, hours]);
  });
});

test('a month begins at local midnight of its first day', () => {
  const { from, to } = periodAt('month', Date.parse('2026-03-31T21:59:59Z'), zoneOffset('Europe/Berlin'));
  expect([new Date(from).toISOString(), new Date(to).toISOString()]).toEqual([
    '2026-02-28T23:00:00.000Z',
    '2026-03-31T22:00:00.000Z',
  ]);
});

test('periods hold their moment and follow each other without gap or overlap, in every zone', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        'UTC',
        'Europe/London',
        'America/Havana',
        'Asia/Beirut',
        'Australia/Lord_Howe',
        'Pacific/Apia',
        'America/St_Johns',
      ),
      fc.constantFrom('day' as const, 'month' as const),
      fc.integer({ min: Date.UTC(2012, 0), max: Date.UTC(2030, 0) }),
      (zone, period, now) => {
        const offset = zoneOffset(zone);
        const { from, to } = periodAt(period, now, offset);
        expect(from <= now && now < to).toBe(true);
        expect(periodAt(period, to, offset).from).toBe(to);
        expect(periodAt(period, from - 1, offset).to).toBe(from);
      },
    ),
    { numRuns: 300 },
  );
});

describe('a month with a day of its own', () => {
  test.each([
    [15, 'UTC', '2026-06-14T23:59:59Z', '2026-05-15T00:00:00.000Z', '2026-06-15T00:00:00.000Z'],
    [15, 'UTC', '2026-06-15T00:00:00Z', '2026-06-15T00:00:00.000Z', '2026-07-15T00:00:00.000Z'],
    // In months without the day it is the last one.
    [31, 'UTC', '2026-02-10T00:00:00Z', '2026-01-31T00:00:00.000Z', '2026-02-28T00:00:00.000Z'],
    [31, 'UTC', '2026-03-01T00:00:00Z', '2026-02-28T00:00:00.000Z', '2026-03-31T00:00:00.000Z'],
    [29, 'UTC', '2028-02-29T12:00:00Z', '2028-02-29T00:00:00.000Z', '2028-03-29T00:00:00.000Z'],
    [20, 'UTC', '2026-01-03T00:00:00Z', '2025-12-20T00:00:00.000Z', '2026-01-20T00:00:00.000Z'],
    [20, 'Europe/Berlin', '2026-03-20T00:00:00Z', '2026-03-19T23:00:00.000Z', '2026-04-19T22:00:00.000Z'],
  ])('%i in %s at %s', (anchorDay, zone, at, from, to) => {
    const month = periodAt('month', Date.parse(at), zoneOffset(zone), anchorDay);
    expect([new Date(month.from).toISOString(), new Date(month.to).toISOString()]).toEqual([from, to]);
  });

  test('follows the one before without gap or overlap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2030, 0) }),
        fc.integer({ min: 1, max: 31 }),
        fc.constantFrom('UTC', 'Europe/Berlin', 'America/Havana', 'Pacific/Auckland'),
        (at, day, zone) => {
          const offset = zoneOffset(zone);
          const { from, to } = periodAt('month', at, offset, day);
          expect(from <= at && at < to).toBe(true);
          expect(periodAt('month', from - 1, offset, day).to).toBe(from);
          expect(periodAt('month', to, offset, day).from).toBe(to);
        },
      ),
      { numRuns: 100 },
    );
  });
});
