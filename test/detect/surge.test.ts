import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SurgeWatch } from '../../src/detect/surge.ts';
import { readState, stateBytes, writeState } from '../../src/detect/watch-codec.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const DAY = 1_440;
/** A Monday, 00:00 UTC, in unix minutes. */
const MONDAY = Date.UTC(2026, 10, 2) / 60_000;

/** Requests a minute around `rate` with a daily swing. */
function steady(days: number, rate: number, seed = 1): Float64Array {
  const random = seeded('surge', seed);
  return Float64Array.from({ length: days * DAY }, (_, minute) =>
    poisson(random, rate * (1 + 0.5 * Math.sin((2 * Math.PI * minute) / DAY))),
  );
}

function times(values: Float64Array, from: number, length: number, factor: number): Float64Array {
  return values.map((value, minute) => (minute >= from && minute < from + length ? Math.round(value * factor) : value));
}

interface Heard {
  readonly at: number;
  readonly change: string;
}

function hear(watch: SurgeWatch, values: Float64Array, start = MONDAY): Heard[] {
  const heard: Heard[] = [];
  values.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    const change = watch.observe(start + index, value);
    if (change !== 'none') heard.push({ at: index, change });
  });
  return heard;
}

describe('a tenant that does five times its usual', () => {
  const from = 9 * DAY + 600;
  const values = times(steady(10, 200), from, 60, 5);

  it('is found within 5 minutes, once, and let go within 10 minutes of its end', () => {
    const heard = hear(new SurgeWatch(), values);
    expect(heard.map(({ change }) => change)).toEqual(['opened', 'ended']);
    expect(heard[0]?.at).toBeGreaterThanOrEqual(from + 2);
    expect(heard[0]?.at).toBeLessThan(from + 5);
    expect(heard[1]?.at).toBeLessThan(from + 70);
  });

  it('is told with what was expected of that hour', () => {
    const watch = new SurgeWatch();
    hear(watch, values.subarray(0, from + 20));
    const departure = watch.departure();
    expect(departure).toMatchObject({ startedAt: MONDAY + from, endedAt: null, basis: 'season' });
    expect(departure?.ratio).toBeGreaterThan(4);
    expect(departure?.ratio).toBeLessThan(6);
    expect(departure?.value).toBeCloseTo((departure?.baseline ?? 0) * (departure?.ratio ?? 0), 6);
  });
});

describe('what is no surge', () => {
  const usual = steady(12, 200);
  const at = 9 * DAY + 600;
  const cases: [string, Float64Array][] = [
    ['the daily swing', usual],
    ['1.5 times for two hours', times(usual, at, 120, 1.5)],
    ['two minutes at five times', times(usual, at, 2, 5)],
    ['an outage to zero and the way back', times(usual, at, 90, 0)],
    ['a gap in the data', times(usual, at, 90, Number.NaN)],
    [
      'a clock that changes by an hour',
      Float64Array.from(usual, (value, index) => usual[index >= at ? index + 60 : index] ?? value),
    ],
    ['ten times next to nothing', times(steady(12, 0.3), at, 60, 10)],
  ];
  it.each(cases)('%s', (_, values) => {
    expect(hear(new SurgeWatch(), values)).toEqual([]);
  });

  it('a job that runs every night, from its third night on', () => {
    const nightly = Array.from({ length: 5 }, (_, night) => (7 + night) * DAY + 130);
    const values = nightly.reduce((made, from) => times(made, from, 30, 6), usual);
    const found = hear(new SurgeWatch(), values).filter(({ change }) => change === 'opened');
    expect(found.map(({ at: minute }) => Math.floor(minute / DAY))).toEqual([7, 8]);
  });

  it('a tenant in its first day, whatever it does', () => {
    const values = times(steady(1, 200), 600, 60, 10);
    expect(hear(new SurgeWatch(), values)).toEqual([]);
  });
});

describe('a surge that lasts', () => {
  it('becomes the new usual after two hours and is found again only when it rises as much again', () => {
    const from = 9 * DAY;
    const values = times(times(steady(11, 200), from, 2 * DAY, 4), from + 600, 60, 3);
    const opened = hear(new SurgeWatch(), values).filter(({ change }) => change === 'opened');
    expect(opened).toHaveLength(2);
    expect(opened[0]?.at).toBeLessThan(from + 6);
    expect(opened[1]?.at).toBeGreaterThanOrEqual(from + 600);
    expect(opened[1]?.at).toBeLessThan(from + 615);
  });

  it('is a new finding when it triples while it is open', () => {
    const from = 9 * DAY + 600;
    const values = times(times(steady(10, 200), from, 60, 5), from + 20, 40, 4);
    const heard = hear(new SurgeWatch(), values);
    expect(heard.map(({ change }) => change)).toEqual(['opened', 'escalated', 'ended']);
    expect(heard[1]?.at).toBeLessThan(from + 25);
  });
});

describe('missing is not zero', () => {
  it('minutes that are absent leave the expectation as it was; zeros do not', () => {
    const before = steady(9, 300);
    const level = (gap: number) => {
      const watch = new SurgeWatch();
      hear(watch, Float64Array.from([...before, ...Array<number>(480).fill(gap), 300]));
      return watch.state.level;
    };
    const untouched = new SurgeWatch();
    hear(untouched, before);
    expect(level(Number.NaN) / untouched.state.level).toBeCloseTo(1, 2);
    expect(level(0) / untouched.state.level).toBeLessThan(0.9);
  });

  it('what was open ends with the data', () => {
    const from = 9 * DAY + 600;
    const values = times(steady(10, 200), from, 60, 5);
    values.fill(Number.NaN, from + 10, from + 40);
    const watch = new SurgeWatch();
    hear(watch, values.subarray(0, from + 10));
    expect(watch.isOpen()).toBe(true);
    watch.observe(MONDAY + from + 40, 200);
    expect(watch.closed()?.endedAt).toBe(MONDAY + from + 10);
  });
});

describe('memory', () => {
  const values = times(times(steady(10, 120, 3), 8 * DAY + 300, 70, 6), 9 * DAY + 900, 40, 4);

  function continued(cut: number): Heard[] {
    const first = new SurgeWatch();
    const heard = hear(first, values.subarray(0, cut));
    const view = new DataView(new ArrayBuffer(stateBytes(first.state)));
    writeState(first.state, view, 0);
    const second = new SurgeWatch();
    readState(second.state, view, 0);
    const rest = hear(second, values.subarray(cut), MONDAY + cut);
    return [...heard, ...rest.map(({ at, change }) => ({ at: at + cut, change }))];
  }

  it('saved and restored anywhere, it goes on as if nothing had been', () => {
    const whole = hear(new SurgeWatch(), values);
    expect(whole.map(({ change }) => change)).toEqual(['opened', 'ended', 'opened', 'ended']);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: values.length - 1 }), (cut) => {
        expect(continued(cut)).toEqual(whole);
      }),
      { numRuns: 15, examples: [[8 * DAY + 301], [8 * DAY + 310], [9 * DAY]] },
    );
  });

  it('of another version is refused, not misread', () => {
    const { state } = new SurgeWatch();
    const view = new DataView(new ArrayBuffer(stateBytes(state)));
    writeState({ ...state, anotherField: 1 }, new DataView(new ArrayBuffer(stateBytes(state) + 8)), 0);
    writeState(state, view, 0);
    view.setUint32(0, view.getUint32(0, true) + 1, true);
    expect(() => readState(new SurgeWatch().state, view, 0)).toThrow(/another version/);
  });

  it('takes less than 5 kB', () => {
    expect(stateBytes(new SurgeWatch().state)).toBeLessThan(5_000);
  });
});

describe('whatever comes', () => {
  it('the state stays finite and changes alternate', () => {
    const load = fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 1e9 }),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
    );
    const run = fc.record({
      load,
      minutes: fc.integer({ min: 1, max: 900 }),
      gap: fc.constantFrom(0, 0, 1, 15, 3_000),
    });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 20 }), (runs) => {
        const watch = new SurgeWatch();
        let minute = MONDAY;
        for (const { load: value, minutes, gap } of runs) {
          minute += gap;
          for (let index = 0; index < minutes; index += 1, minute += 1) {
            const before = watch.isOpen();
            const change = watch.observe(minute, value);
            if (change === 'escalated') expect(before).toBe(true);
            if (change === 'opened') expect(watch.isOpen()).toBe(true);
            const closed = watch.closed();
            if (closed !== undefined) expect(closed.endedAt).toBeGreaterThan(closed.startedAt);
          }
        }
        for (const value of Object.values(watch.state)) {
          const numbers = typeof value === 'number' ? [value] : [...(value as Float32Array)];
          expect(numbers.every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});
