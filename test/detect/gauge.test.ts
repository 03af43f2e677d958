import { describe, expect, it } from 'vitest';
import { GaugeWatch } from '../../src/detect/gauge.ts';
import { normal, seeded } from '../support/detect-random.ts';

const MONDAY = Date.UTC(2026, 10, 2) / 60_000;
const STEP = 5;
const A_DAY = 288;

/** A daily wave with noise, every 5 minutes. */
function wave(days: number, seed = 1): Float64Array {
  const random = seeded('gauge', seed);
  return Float64Array.from(
    { length: days * A_DAY },
    (_, index) => 40 + 15 * Math.sin((2 * Math.PI * index) / A_DAY) + normal(random),
  );
}

function opened(values: Float64Array, step = STEP): number[] {
  const watch = new GaugeWatch();
  const at: number[] = [];
  values.forEach((value, index) => {
    if (!Number.isNaN(value) && watch.observe(MONDAY + index * step, value) === 'opened') at.push(index);
  });
  return at;
}

const from = 10 * A_DAY + 70;
const changed = (to: (value: number, index: number) => number, length = 60) =>
  wave(14).map((value, index) => (index >= from && index < from + length ? to(value, index) : value));

describe('a gauge', () => {
  it.each([
    ['rises', changed((value) => value + 60)],
    ['falls', changed((value) => value - 60)],
    ['spikes', changed((value) => value + 120, 1)],
    ['turns restless', changed((value, index) => value + (index % 2 === 0 ? 30 : -30))],
  ])('that %s as it never did is found within the hour', (_, values) => {
    const found = opened(values);
    expect(found.filter((at) => at >= from && at < from + 12)).toHaveLength(1);
  });

  it('that does what it does every day is found less than once in five days', () => {
    const found = [1, 2, 3, 4, 5, 6].flatMap((seed) => opened(wave(14, seed)).filter((at) => at > 3 * A_DAY));
    expect(found.length).toBeLessThan((6 * 11) / 5);
  });

  it('is judged alike whatever its unit', () => {
    const values = changed((value) => value + 60);
    expect(opened(values.map((value) => value * 1e6))).toEqual(opened(values));
  });

  it('is found when it comes every hour only', () => {
    const values = changed((value) => value + 60, 30);
    expect(opened(values, 60).some((at) => at >= from && at < from + 12)).toBe(true);
  });
});
