import { describe, expect, it } from 'vitest';
import { type DayAmount, forecastMonth } from '../../src/cost/forecast.ts';

const DAY = 86_400_000;
const at = (year: number, month: number, day: number) => Date.UTC(year, month - 1, day);

function daysFrom(start: number, amounts: readonly number[]): DayAmount[] {
  return amounts.map((amount, index) => ({ day: start + index * DAY, amountMicro: BigInt(Math.round(amount)) }));
}

/** Reproducible chance: xorshift, and a bell out of twelve throws. */
function chance(seed: number) {
  let state = seed * 2_654_435_761 + 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return { uniform, normal: () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6) };
}

const WEEKDAY = [0.4, 1.2, 1.3, 1.25, 1.2, 1.1, 0.5];

describe('a forecast', () => {
  it('continues weekdays exactly where they repeat', () => {
    const start = at(2026, 3, 1);
    const amounts = Array.from(
      { length: 76 },
      (_, index) => 1_000_000 * (WEEKDAY[new Date(start + index * DAY).getUTCDay()] ?? 0),
    );
    const now = start + 76 * DAY + 7 * 3_600_000;
    const forecast = forecastMonth({ days: daysFrom(start, amounts), knownFrom: start, knownUntil: now, now });
    const whole = Array.from(
      { length: 31 },
      (_, index) => 1_000_000 * (WEEKDAY[new Date(at(2026, 5, 1) + index * DAY).getUTCDay()] ?? 0),
    );
    const expected = BigInt(whole.reduce((sum, amount) => sum + amount, 0));
    expect(new Date(forecast.monthFrom).toISOString()).toBe('2026-05-01T00:00:00.000Z');
    expect(forecast).toMatchObject({
      expectedMicro: expected,
      lowMicro: expected,
      highMicro: expected,
      gap: null,
      basisDays: 76,
    });
    expect(forecast.toDateMicro).toBe(BigInt(whole.slice(0, 15).reduce((sum, amount) => sum + amount, 0)));
  });

  it('says nothing without a day, and gives no range with few', () => {
    const now = at(2026, 5, 10);
    expect(forecastMonth({ days: [], knownFrom: now, knownUntil: now, now })).toMatchObject({
      expectedMicro: null,
      lowMicro: null,
      gap: 'no day is known yet',
    });
    const days = daysFrom(at(2026, 5, 4), [10, 10, 10, 10, 10, 10]);
    const forecast = forecastMonth({ days, knownFrom: at(2026, 5, 4), knownUntil: now, now });
    expect(forecast).toMatchObject({
      toDateMicro: 60n,
      expectedMicro: 280n,
      lowMicro: null,
      highMicro: null,
      basisDays: 6,
    });
    expect(forecast.gap).toContain('needs 38 known days, there are 6');
  });

  it('takes days of which nothing is known yet for days to come, also those of the month before', () => {
    const start = at(2026, 1, 1);
    const days = daysFrom(
      start,
      Array.from({ length: 145 }, () => 10),
    );
    const lag = forecastMonth({
      days: days.filter(({ day }) => day < at(2026, 5, 6)),
      knownFrom: start,
      knownUntil: at(2026, 5, 6),
      now: at(2026, 5, 20),
    });
    expect(lag).toMatchObject({ toDateMicro: 50n, expectedMicro: 310n, knownUntil: at(2026, 5, 6) });
    const over = forecastMonth({ days, knownFrom: start, knownUntil: at(2026, 4, 28), now: at(2026, 5, 2) });
    expect(over).toMatchObject({ toDateMicro: 0n, expectedMicro: 310n, gap: null });
  });

  it('on the last day of a month still has that day to come, on the first all of them', () => {
    const start = at(2026, 1, 1);
    const days = daysFrom(
      start,
      Array.from({ length: 200 }, () => 5),
    );
    const last = forecastMonth({ days, knownFrom: start, knownUntil: at(2026, 5, 31), now: at(2026, 5, 31) + DAY - 1 });
    expect([last.toDateMicro, last.expectedMicro]).toEqual([150n, 155n]);
    const first = forecastMonth({ days, knownFrom: start, knownUntil: at(2026, 6, 1), now: at(2026, 6, 1) });
    expect([first.toDateMicro, first.expectedMicro]).toEqual([0n, 150n]);
  });

  it.each<[string, (random: ReturnType<typeof chance>, index: number, day: number) => number]>([
    ['noise', (random) => 100 + 15 * random.normal()],
    ['weekdays with noise', (random, _index, day) => 100 * (WEEKDAY[day] ?? 1) * (1 + 0.15 * random.normal())],
    ['rare spikes', (random) => 50 + (random.uniform() < 0.05 ? 400 : 0)],
    ['slow growth', (random, index) => 80 * 1.002 ** index * (1 + 0.1 * random.normal())],
  ])('has a range that holds what came, at least as often as it says, of %s', (_what, amountOf) => {
    let held = 0;
    const worlds = 300;
    for (let seed = 1; seed <= worlds; seed += 1) {
      const random = chance(seed);
      const start = at(2026, 1, 1);
      const amounts = Array.from({ length: 181 }, (_, index) =>
        Math.max(0, 1_000_000 * amountOf(random, index, new Date(start + index * DAY).getUTCDay())),
      );
      const days = daysFrom(start, amounts);
      const now = at(2026, 6, 6 + (seed % 20));
      const forecast = forecastMonth({
        days: days.filter(({ day }) => day < now),
        knownFrom: start,
        knownUntil: now,
        now,
      });
      const actual = days
        .filter(({ day }) => day >= forecast.monthFrom && day < forecast.monthTo)
        .reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
      expect(forecast.gap).toBeNull();
      if ((forecast.lowMicro ?? actual + 1n) <= actual && actual <= (forecast.highMicro ?? -1n)) held += 1;
    }
    expect(held / worlds).toBeGreaterThanOrEqual(0.8);
    // A range that holds everything would say nothing.
    expect(held / worlds).toBeLessThan(0.99);
  });
});
