import { describe, expect, it } from 'vitest';
import {
  addPoints,
  alignLines,
  groupLabel,
  heaviest,
  isolatedIndexes,
  sumOf,
  toRate,
} from '../../dashboards/src/shared/chart-data.ts';
import { sparkPath } from '../../dashboards/src/shared/spark-path.ts';

const T0 = Date.UTC(2026, 0, 1);
const at = (minute: number) => T0 + minute * 60_000;

describe('lines on a common grid', () => {
  it('have a gap wherever nothing was reported, also where the step is absent', () => {
    const lines = [
      {
        label: 'a',
        points: [
          [at(0), 1],
          [at(1), null],
          [at(4), 5],
        ] as const,
      },
      { label: 'b', points: [[at(2), 0]] as const },
    ];
    expect(alignLines(lines, 60, { from: at(0), to: at(5) })).toEqual({
      xs: [0, 1, 2, 3, 4].map((minute) => at(minute) / 1000),
      ys: [
        [1, null, null, null, 5],
        [null, null, 0, null, null],
      ],
    });
  });

  it('drop points outside the window and begin with the step that the window begins in', () => {
    const lines = [
      {
        label: 'a',
        points: [
          [at(-5), 9],
          [at(0), 1],
          [at(5), 2],
          [at(10), 9],
        ] as const,
      },
    ];
    const { xs, ys } = alignLines(lines, 300, { from: at(2), to: at(10) });
    expect(xs).toEqual([at(0) / 1000, at(5) / 1000]);
    expect(ys).toEqual([[1, 2]]);
  });

  it('take the phase of their steps from the data', () => {
    const lines = [
      {
        label: 'a',
        points: [
          [at(1), 1],
          [at(6), 2],
        ] as const,
      },
    ];
    expect(alignLines(lines, 300, { from: at(1), to: at(11) })).toEqual({
      xs: [at(1) / 1000, at(6) / 1000],
      ys: [[1, 2]],
    });
  });
});

describe('rates', () => {
  it('divide the running step by the time it has run, and leave it out in its first quarter', () => {
    const points = [
      [at(0), 120],
      [at(1), null],
      [at(2), 60],
    ] as const;
    expect(toRate(points, 60, at(2) + 30_000)).toEqual([
      [at(0), 2],
      [at(1), null],
      [at(2), 2],
    ]);
    expect(toRate(points, 60, at(2) + 10_000)[2]).toEqual([at(2), null]);
  });

  it('can be per minute', () => {
    expect(toRate([[at(0), 600]], 300, at(60), 60)).toEqual([[at(0), 120]]);
  });
});

describe('series', () => {
  it('add up point by point; nothing plus nothing stays nothing', () => {
    const sum = addPoints([
      [
        [at(0), 1],
        [at(1), null],
      ],
      [
        [at(2), 3],
        [at(0), 2],
        [at(1), null],
      ],
    ]);
    expect(sum).toEqual([
      [at(0), 3],
      [at(1), null],
      [at(2), 3],
    ]);
    expect(sumOf(sum)).toBe(6);
  });

  it('are shown heaviest first, and the rest is counted', () => {
    const lines = ['a', 'b', 'c'].map((label) => ({ label, points: [] }));
    const weight = { a: 1, b: 3, c: 2 } as Record<string, number>;
    const shown = heaviest(lines, ({ label }) => weight[label] ?? 0, 2);
    expect(shown.lines.map(({ label }) => label)).toEqual(['b', 'c']);
    expect(shown.omitted).toBe(1);
  });

  it('without a group value still have a name', () => {
    expect(groupLabel({ route: '' })).toBe('(none)');
    expect(groupLabel({ route: 'GET /x' })).toBe('GET /x');
  });

  it('show a lone point between two gaps as a dot', () => {
    expect(isolatedIndexes([1, null, 2, null, 3, 4, null, 5])).toEqual([0, 2, 7]);
  });
});

describe('sparklines', () => {
  it('are scaled from zero, so that a steady line stands high and silence lies flat', () => {
    expect(sparkPath([1_000, 1_000], 80, 20)).toBe('M0 0L80 0');
    expect(sparkPath([0, 0], 80, 20)).toBe('M0 20L80 20');
    expect(sparkPath([0, 5, 10], 80, 20)).toBe('M0 20L40 10L80 0');
    expect(sparkPath([7], 80, 20)).toBe('');
  });
});
