import { describe, expect, it } from 'vitest';
import type { NabFile } from '../support/detect-data.ts';
import { nabScore } from '../support/detect-nab.ts';

const ROWS = 1_000;
/** One window from row 500 to row 599; the first 150 rows are for learning. */
const file: NabFile = {
  name: 'one',
  times: Float64Array.from({ length: ROWS }, (_, index) => index * 300),
  values: new Float64Array(ROWS),
  windows: [[500 * 300, 599 * 300]],
};
const score = (detections: readonly number[]) => nabScore([file], () => detections);

describe('the NAB score', () => {
  it('is 0 for silence and 100 for a detection at the beginning of every window', () => {
    expect(score([])).toBe(0);
    expect(score([500])).toBeCloseTo(100, 6);
  });

  it('gives less for a later detection, and nothing for a second one in the same window', () => {
    // At the middle of the window: 2 / (1 + e^-2.5) - 1 of 0.98661.
    expect(score([550])).toBeCloseTo(50 + (50 * 0.8483) / 0.98661, 2);
    expect(score([590])).toBeLessThan(score([550]));
    expect(score([500, 510, 590])).toBe(score([500]));
  });

  it('takes 0.11 of a window for a detection far from any, less for one just behind it', () => {
    expect(score([300])).toBeCloseTo(-5.5, 6);
    expect(score([990])).toBeCloseTo(-5.5, 1);
    expect(score([600])).toBeGreaterThan(-0.3);
  });

  it('does not look at the rows for learning', () => {
    expect(score([0, 50, 149])).toBe(0);
  });
});
