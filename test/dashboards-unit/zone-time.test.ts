import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeText, zoneName } from '../../dashboards/src/shared/time-format.ts';
import { momentOf, offsetMinutes, wallText, zoneOf } from '../../dashboards/src/shared/zone-time.ts';

const HOUR_MS = 3_600_000;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia'];

describe('the name of a zone', () => {
  it.each([
    ['europe/berlin', 'Europe/Berlin'],
    [' America/New_York ', 'America/New_York'],
    ['utc', 'UTC'],
    ['Etc/UTC', 'UTC'],
    ['local', 'local'],
    ['Mars/Olympus', undefined],
    ['+02:00', undefined],
    ['', undefined],
    ['<b>', undefined],
  ])('%j is %j', (text, zone) => expect(zoneOf(text)).toBe(zone));

  it('is said in words', () => {
    expect([zoneName('UTC', 0), zoneName('local', 120), zoneName('America/New_York', -300)]).toEqual([
      'UTC',
      'local, UTC+2',
      'America/New York',
    ]);
  });
});

describe('clocks of a zone', () => {
  const winter = Date.UTC(2026, 0, 15, 12);
  const summer = Date.UTC(2026, 6, 15, 12);

  it('stand as far from UTC as they do there and then', () => {
    const offsets = (zone: string) => [offsetMinutes(winter, zone), offsetMinutes(summer, zone)];
    expect(offsets('Europe/Berlin')).toEqual([60, 120]);
    expect(offsets('America/New_York')).toEqual([-300, -240]);
    expect(offsets('Asia/Kathmandu')).toEqual([345, 345]);
    expect(offsets('Australia/Lord_Howe')).toEqual([660, 630]);
    expect(offsets('UTC')).toEqual([0, 0]);
  });

  it('are what all texts are written in', () => {
    expect(timeText('Asia/Kathmandu').dateMinute(winter)).toBe('15 Jan 17:45');
    expect(wallText(winter, 'Asia/Kathmandu')).toBe('2026-01-15T17:45');
  });

  it('lead back to the moment that they showed, or to the first of two', () => {
    const minutes = fc.integer({ min: Date.UTC(2015, 0) / 60_000, max: Date.UTC(2035, 0) / 60_000 });
    fc.assert(
      fc.property(minutes, fc.constantFrom(...ZONES), (minute, zone) => {
        const ms = minute * 60_000;
        const back = momentOf(wallText(ms, zone), zone);
        if (back !== ms) {
          expect(wallText(Number(back), zone)).toBe(wallText(ms, zone));
          expect(back).toBeLessThan(ms);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never show the hour that they skip, and show one hour twice', () => {
    expect(momentOf('2026-03-29T02:30', 'Europe/Berlin')).toBe('skipped');
    expect(momentOf('2026-03-29T03:00', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 29, 1));
    const first = Date.UTC(2026, 9, 25, 0, 30);
    expect(momentOf('2026-10-25T02:30', 'Europe/Berlin')).toBe(first);
    expect(wallText(first + HOUR_MS, 'Europe/Berlin')).toBe('2026-10-25T02:30');
  });

  it.each(['', '2026-02-31T10:00', '2026-13-01T10:00', '23.11.2026 10:00', '2026-11-23', '2026-11-23T24:00'])(
    '%j is no date and time',
    (text) => expect(momentOf(text, 'UTC')).toBeUndefined(),
  );
});
