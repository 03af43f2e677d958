import { describe, expect, it } from 'vitest';
import {
  axisRows,
  bucketRange,
  bucketText,
  cellAt,
  HEAT_SHADES,
  heatPicture,
  shadeOf,
} from '../../dashboards/src/sre/heat-map-geometry.ts';

const BOUNDS = [1, 10, 100, 1_000, 10_000];
const step = (...counts: number[]) => ({
  ...{ at: 0, errors: 0, counts },
  requests: counts.reduce((sum, count) => sum + count, 0),
});

describe('a heat map', () => {
  it('shows the rows with requests and some around them, and every count once', () => {
    const picture = heatPicture({ bounds_ms: BOUNDS, steps: [step(0, 0, 7, 0, 0, 0), step(0, 0, 1, 90, 0, 0)] });
    expect(picture).toMatchObject({ columns: 2, max: 90 });
    expect(picture.firstBucket + picture.rows).toBeLessThanOrEqual(BOUNDS.length + 1);
    const counted = picture.cells.map(({ column, row, count }) => [column, row + picture.firstBucket, count]);
    expect(counted).toEqual([
      [0, 2, 7],
      [1, 2, 1],
      [1, 3, 90],
    ]);
  });

  it('cuts away rows that nothing is in when there are many', () => {
    const bounds = Array.from({ length: 29 }, (_, index) => index + 1);
    const counts = Array.from({ length: 30 }, (_, index) => (index === 12 || index === 20 ? 1 : 0));
    expect(heatPicture({ bounds_ms: bounds, steps: [step(...counts)] })).toMatchObject({ firstBucket: 12, rows: 9 });
    const one = counts.map((_, index) => (index === 29 ? 5 : 0));
    expect(heatPicture({ bounds_ms: bounds, steps: [step(...one)] })).toMatchObject({ firstBucket: 22, rows: 8 });
    expect(heatPicture({ bounds_ms: bounds, steps: [] })).toMatchObject({ columns: 0, cells: [], max: 0 });
  });

  it('lets one request be seen beside ten thousand, and more never be lighter', () => {
    expect([shadeOf(0, 10_000), shadeOf(1, 10_000), shadeOf(10_000, 10_000), shadeOf(1, 1)]).toEqual([
      0,
      1,
      HEAT_SHADES,
      HEAT_SHADES,
    ]);
    const shades = Array.from({ length: 200 }, (_, count) => shadeOf(count, 199));
    expect(shades).toEqual(shades.toSorted((left, right) => left - right));
    expect(new Set(shades).size).toBe(HEAT_SHADES + 1);
  });

  it('names its buckets', () => {
    expect([0, 2, 5].map((bucket) => bucketText(BOUNDS, bucket))).toEqual([
      'under 1 ms',
      '10 ms to 100 ms',
      '10 s and more',
    ]);
    expect(bucketRange(BOUNDS, 5)).toEqual({ from: 10_000, to: undefined });
    const picture = heatPicture({ bounds_ms: [1, 2, 10, 20, 100], steps: [step(1, 1, 1, 1, 1, 1)] });
    expect(axisRows([1, 2, 10, 20, 100], picture)).toEqual([
      { row: 1, label: '1 ms' },
      { row: 3, label: '10 ms' },
      { row: 5, label: '100 ms' },
    ]);
  });

  it('finds the cell under a point, and the nearest one for points at its edge', () => {
    const picture = { columns: 4, rows: 2, cells: [], firstBucket: 0, max: 1 };
    expect(cellAt(picture, 0.3, 0.1)).toEqual({ column: 1, row: 1 });
    expect(cellAt(picture, 0.3, 0.9)).toEqual({ column: 1, row: 0 });
    expect(cellAt(picture, 1, 1)).toEqual({ column: 3, row: 0 });
    expect(cellAt(picture, -0.1, -0.1)).toEqual({ column: 0, row: 1 });
  });
});
