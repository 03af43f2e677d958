import { describe, expect, it } from 'vitest';
import { formatSpan, freshness, freshnessText, timeText, zoneLabel } from '../../dashboards/src/shared/time-format.ts';
import {
  DEFAULT_RANGE,
  rangeFromQuery,
  rangeFromSelection,
  stepFor,
  windowOf,
  withRange,
} from '../../dashboards/src/shared/time-range.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 4, 10);
const utc = timeText('UTC');

describe('spans of time', () => {
  it.each([
    [-5, '0 s'],
    [48_000, '48 s'],
    [250_000, '4 min 10 s'],
    [240_000, '4 min'],
    [7_500_000, '2 h 05 min'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms is %s', (ms, text) => expect(formatSpan(ms)).toBe(text));
});

describe('clock times', () => {
  it('are given in the chosen zone, 24 hours', () => {
    expect(utc.time(NOW)).toBe('12:04:10');
    expect(utc.dateMinute(NOW)).toBe('23 Nov 12:04');
    expect(utc.minute(Date.UTC(2026, 0, 1))).toBe('00:00');
  });

  it('name the zone by its offset', () => {
    expect([zoneLabel('UTC', 120), zoneLabel('local', 0), zoneLabel('local', 120), zoneLabel('local', -210)]).toEqual([
      'UTC',
      'UTC',
      'UTC+2',
      'UTC-3:30',
    ]);
  });
});

describe('freshness', () => {
  const textAt = (dataUntil: number | null) => freshnessText(freshness(dataUntil, NOW), utc);

  it('tells until when there is data and how long ago that was', () => {
    expect(textAt(NOW - 10_000)).toBe('Data until 12:04:00, 10 s ago');
  });

  it('does not claim data from the future while a minute is filling', () => {
    expect(textAt(NOW + 50_000)).toBe('Data until 12:04:10, live');
  });

  it('calls two silent minutes stale and no data none', () => {
    expect(freshness(NOW - 120_000, NOW).level).toBe('fresh');
    expect(freshness(NOW - 120_001, NOW).level).toBe('stale');
    expect(textAt(NOW - 250_000)).toBe('No data for 4 min 10 s (last: 23 Nov 12:00)');
    expect(freshness(null, NOW).level).toBe('none');
  });
});

describe('the time range', () => {
  const query = (text: string) => new URLSearchParams(text);

  it('comes back from the URL as it was written, beside other names', () => {
    const fixed = { kind: 'fixed', from: NOW - 60_000, to: NOW } as const;
    for (const range of [
      { kind: 'last', preset: '7d' },
      { kind: 'last', preset: '15m' },
      DEFAULT_RANGE,
      fixed,
    ] as const) {
      const written = withRange(query('q=acme&range=6h'), range);
      expect(rangeFromQuery(written)).toEqual(range);
      expect(written.get('q')).toBe('acme');
    }
  });

  it('leaves no trace of the default', () => {
    expect(withRange(query('range=6h&from=x'), DEFAULT_RANGE).toString()).toBe('');
  });

  it.each(['range=2y', 'from=nonsense&to=nonsense', 'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'])(
    'falls back to the default for %s',
    (text) => expect(rangeFromQuery(query(text))).toEqual(DEFAULT_RANGE),
  );

  it('begins on a whole minute and ends now', () => {
    expect(windowOf({ kind: 'last', preset: '15m' }, NOW)).toEqual({ from: NOW - 10_000 - 15 * 60_000, to: NOW });
  });

  it.each([
    ['15m', 60],
    ['1h', 60],
    ['6h', 300],
    ['24h', 900],
    ['7d', 3_600],
    ['30d', 14_400],
  ] as const)('%s is drawn in steps of %d s', (preset, seconds) => {
    expect(stepFor(windowOf({ kind: 'last', preset }, NOW))).toBe(seconds);
  });

  it('dragged over a chart in either direction becomes whole minutes and is never empty', () => {
    const minute = Date.UTC(2026, 10, 23, 12, 0);
    expect(rangeFromSelection(minute + 170_000, minute + 1_000)).toEqual({
      kind: 'fixed',
      from: minute,
      to: minute + 180_000,
    });
    expect(rangeFromSelection(minute, minute)).toEqual({ kind: 'fixed', from: minute, to: minute + 60_000 });
  });
});
