import { describe, expect, it } from 'vitest';
import { ErrorRateWatch } from '../../src/detect/error-rate.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const DAY = 1_440;
const MONDAY = Date.UTC(2026, 10, 2) / 60_000;

/** Share of failed requests per minute; `shareAt` = the true share of a minute. */
function rates(days: number, requests: number, shareAt: (minute: number) => number, scale = 1): Float64Array {
  const random = seeded('errors', requests);
  return Float64Array.from({ length: days * DAY }, (_, minute) => {
    const failed = Math.min(requests, poisson(random, requests * shareAt(minute)));
    return (scale * failed) / requests;
  });
}

function opened(values: Float64Array, requests: number): number[] {
  const watch = new ErrorRateWatch();
  const at: number[] = [];
  values.forEach((value, index) => {
    if (watch.observe(MONDAY + index, value, requests) === 'opened') at.push(index);
  });
  return at;
}

const from = 3 * DAY + 100;
const during = (usual: number, then: number) => (minute: number) =>
  minute >= from && minute < from + 60 ? then : usual;

describe('a share of failures that rises', () => {
  it.each([
    [1_000, 5],
    [50, 10],
  ])('is found at %i requests a minute within %i minutes', (requests, within) => {
    const found = opened(rates(4, requests, during(0.005, 0.08)), requests);
    expect(found).toHaveLength(1);
    expect(found[0]).toBeGreaterThanOrEqual(from);
    expect(found[0]).toBeLessThan(from + within);
  });

  it('is found in percent as in shares, and where the number of requests is not known', () => {
    expect(opened(rates(4, 200, during(0.005, 0.1), 100), 200)).toHaveLength(1);
    expect(opened(rates(4, 200, during(0.005, 0.1)), Number.NaN)).toHaveLength(1);
  });
});

describe('what is no incident', () => {
  it('the usual share, whatever it is, at any volume', () => {
    for (const [requests, share] of [
      [3, 0.02],
      [40, 0.001],
      [500, 0.005],
      [500, 0.12],
    ] as const) {
      expect([
        requests,
        share,
        opened(
          rates(8, requests, () => share),
          requests,
        ),
      ]).toEqual([requests, share, []]);
    }
  });

  it('one failure of two requests, and minutes without any', () => {
    const watch = new ErrorRateWatch();
    const changes = Array.from({ length: 4 * DAY }, (_, minute) =>
      watch.observe(MONDAY + minute, minute % 500 === 0 ? 0.5 : 0, minute % 3 === 0 ? 0 : 2),
    );
    expect(changes.filter((change) => change !== 'none')).toEqual([]);
  });
});
