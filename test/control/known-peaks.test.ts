import { describe, expect, it } from 'vitest';
import { zoneOffset } from '../../src/app/spend-zones.ts';
import { expectedLoad } from '../../src/control/known-peaks.ts';
import type { KnownPeak, PeakTime } from '../../src/domain/automation.ts';

const peak = (time: PeakTime, tenantId = '(all)'): KnownPeak => ({
  ...{ id: 'p', tenantId, name: 'sale', note: '', time, createdBy: 'ann', createdAt: 0 },
});
const weekly = (more: Partial<Extract<PeakTime, { kind: 'weekly' }>> = {}): PeakTime => ({
  ...{ kind: 'weekly', timeZone: 'Europe/Berlin', weekdays: [1], startMinute: 8 * 60 + 30, lengthMinutes: 90 },
  ...more,
});
const holds = (time: PeakTime, at: string) => expectedLoad([peak(time)], Date.parse(at), zoneOffset).length > 0;

describe('a peak that is once', () => {
  const [from, to] = [Date.parse('2026-11-27T00:00:00Z'), Date.parse('2026-11-28T00:00:00Z')];

  it('holds from its beginning to before its end, for whom it is entered', () => {
    const time = { kind: 'once', from, to } as const;
    expect(expectedLoad([peak(time)], from - 1, zoneOffset)).toEqual([]);
    expect(expectedLoad([peak(time)], from, zoneOffset)).toEqual([{ from, to, name: 'sale', tenantId: null }]);
    expect(expectedLoad([peak(time, 'acme')], to - 1, zoneOffset)).toMatchObject([{ tenantId: 'acme' }]);
    expect(expectedLoad([peak(time)], to, zoneOffset)).toEqual([]);
  });
});

describe('a weekly peak', () => {
  it.each([
    ['2026-11-23T07:29:59Z', false],
    ['2026-11-23T07:30:00Z', true],
    ['2026-11-23T08:59:59Z', true],
    ['2026-11-23T09:00:00Z', false],
    ['2026-11-24T08:00:00Z', false],
  ])('on Monday at half past eight in Berlin: %s %s', (at, expected) => {
    expect(holds(weekly(), at)).toBe(expected);
  });

  it('stays at half past eight when the clocks change', () => {
    expect(holds(weekly(), '2026-07-06T06:30:00Z')).toBe(true);
    expect(holds(weekly(), '2026-07-06T08:00:00Z')).toBe(false);
  });

  it('goes over midnight and over the end of the week', () => {
    const night = weekly({ weekdays: [7], startMinute: 23 * 60, lengthMinutes: 240, timeZone: 'UTC' });
    expect(holds(night, '2026-11-22T23:30:00Z')).toBe(true);
    expect(holds(night, '2026-11-23T02:59:00Z')).toBe(true);
    expect(holds(night, '2026-11-23T03:00:00Z')).toBe(false);
  });

  it('may last the whole week', () => {
    const always = weekly({ startMinute: 0, lengthMinutes: 10_080, timeZone: 'UTC' });
    for (let day = 22; day <= 29; day += 1) expect(holds(always, `2026-11-${day}T12:00:00Z`)).toBe(true);
  });

  it('is read by the day of its own zone', () => {
    const tokyo = weekly({ timeZone: 'Asia/Tokyo', startMinute: 60, lengthMinutes: 60 });
    expect(holds(tokyo, '2026-11-22T16:30:00Z')).toBe(true);
    expect(holds(tokyo, '2026-11-23T16:30:00Z')).toBe(false);
  });
});
