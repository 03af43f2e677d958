import { describe, expect, test } from 'vitest';
import { forecastMeeting, type UsedHour } from '../../src/domain/use-forecast.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const END = Date.UTC(2026, 6, 1);

/** Hours before now, oldest first, as `cost` says by hours ago (1: the last whole hour). */
function history(hours: number, cost: (hoursAgo: number) => number): UsedHour[] {
  return Array.from({ length: hours }, (_, index) => ({
    at: NOW - (hours - index) * HOUR_MS,
    amount: cost(hours - index),
  }));
}

const forecast = (hours: readonly UsedHour[], remaining: number, changes = {}) =>
  forecastMeeting({ hours, knownFrom: hours[0]?.at ?? NOW, now: NOW, remaining, periodEnd: END, ...changes });

describe('the forecast', () => {
  test('of steady spend is exact, with a range that closes in on it', () => {
    const answer = forecast(
      history(14 * 24, () => 100),
      3_050,
    );
    const at = NOW + 30.5 * HOUR_MS;
    expect(answer).toEqual({ kind: 'met', at, earliest: at, latest: at, basisHours: 336 });
  });

  test('follows the hours of the day', () => {
    // All spend falls between 09:00 and 11:00 UTC; 12:00 is past that, so the next comes tomorrow.
    const working = history(14 * 24, (ago) => {
      const hour = new Date(NOW - ago * HOUR_MS).getUTCHours();
      return hour === 9 || hour === 10 ? 500 : 0;
    });
    expect(forecast(working, 750)).toMatchObject({ kind: 'met', at: Date.UTC(2026, 5, 16, 10, 30) });
  });

  test('is not moved by one mad hour', () => {
    const calm = forecast(
      history(14 * 24, () => 100),
      10_000,
    );
    const mad = forecast(
      history(14 * 24, (ago) => (ago === 100 ? 50_000 : 100)),
      10_000,
    );
    expect(mad.kind === 'met' && calm.kind === 'met' && Math.abs(mad.at - calm.at) / (calm.at - NOW)).toBeLessThan(
      0.05,
    );
    expect(mad.kind === 'met' && mad.earliest).toBeLessThan(calm.kind === 'met' ? calm.at : 0);
  });

  test('sees that the last day had more than those before, but trusts it only so far', () => {
    const steady = forecast(
      history(14 * 24, () => 100),
      4_800,
    );
    const grown = forecast(
      history(14 * 24, (ago) => (ago <= 24 ? 150 : 100)),
      4_800,
    );
    const leapt = forecast(
      history(14 * 24, (ago) => (ago <= 24 ? 5_000 : 100)),
      4_800,
    );
    const hours = (one: typeof steady) => (one.kind === 'met' ? (one.at - NOW) / HOUR_MS : Number.NaN);
    expect([hours(steady), Math.round(hours(grown))]).toEqual([48, 32]);
    expect(hours(leapt)).toBeGreaterThanOrEqual(24);
  });

  test('says when the cap holds until the period ends, and when a part of the days would pass it', () => {
    expect(
      forecast(
        history(14 * 24, () => 1),
        1_000_000,
      ),
    ).toEqual({
      kind: 'not_before_period_end',
      earliest: null,
      basisHours: 336,
    });
    const some = forecast(
      history(14 * 24, (ago) => (ago > 13 * 24 ? 4_000 : 100)),
      60_000,
    );
    expect(some.kind).toBe('not_before_period_end');
  });

  test('with less than two days goes by their mean, with a wide range', () => {
    const answer = forecast(
      history(10, () => 100),
      1_000,
    );
    expect(answer).toEqual({
      kind: 'met',
      earliest: NOW + 5 * HOUR_MS,
      at: NOW + 10 * HOUR_MS,
      latest: NOW + 20 * HOUR_MS,
      basisHours: 10,
    });
  });

  test('is not made from nothing, and not needed where nothing is left', () => {
    expect(
      forecast(
        history(2, () => 100),
        1_000,
      ),
    ).toEqual({ kind: 'unknown', basisHours: 2 });
    expect(forecast([], 1_000)).toMatchObject({ kind: 'unknown' });
    expect(
      forecast(
        history(48, () => 100),
        0,
      ),
    ).toEqual({ kind: 'already_met' });
  });

  test('takes hours without spend for what they are: nothing spent', () => {
    const first = { at: NOW - 2 * DAY_MS, amount: 4_800 };
    // One of the two days met it, the other cost nothing.
    expect(forecast([first], 9_600)).toMatchObject({ kind: 'not_before_period_end', earliest: expect.any(Number) });
    expect(forecast([], 1, { knownFrom: NOW - 7 * DAY_MS })).toMatchObject({ kind: 'not_before_period_end' });
  });
});
