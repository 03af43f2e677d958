import { describe, expect, it } from 'vitest';
import { LatencyWatch } from '../../src/detect/latency.ts';
import { readState, stateBytes, writeState } from '../../src/detect/watch-codec.ts';
import { latencyTenant } from '../support/detect-latency.ts';
import { DAY, type PlainTenant } from '../support/detect-tenants.ts';

const MONDAY = Date.UTC(2026, 10, 2) / 60_000;

/** A tenant's p95 with the noise that so many requests a minute leave. */
function p95Of(perMinute: number, days: number, seed = 1) {
  const values = new Float64Array(days * DAY).fill(perMinute);
  const plain: PlainTenant = {
    id: `t${perMinute}`,
    kind: 'service',
    start: MONDAY,
    values,
    scoredFrom: days * DAY - 30,
  };
  return latencyTenant(plain, seed, 0).p95;
}

function hear(watch: LatencyWatch, values: Float64Array, requests: number, start = MONDAY) {
  const heard: { at: number; change: string }[] = [];
  values.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    const change = watch.observe(start + index, value, requests);
    if (change !== 'none') heard.push({ at: index, change });
  });
  return heard;
}

const slower = (values: Float64Array, from: number, length: number, factor: number) =>
  values.map((value, minute) => (minute >= from && minute < from + length ? value * factor : value));

describe('a p95 that doubles', () => {
  const from = 4 * DAY + 500;

  it.each([
    [1_000, 5],
    [100, 8],
    [20, 25],
  ])('of %i requests a minute is found within %i minutes', (requests, within) => {
    const heard = hear(new LatencyWatch(), slower(p95Of(requests, 5), from, 90, 2.2), requests);
    expect(heard.map(({ change }) => change)).toEqual(['opened', 'ended']);
    expect(heard[0]?.at).toBeGreaterThanOrEqual(from);
    expect(heard[0]?.at).toBeLessThan(from + within);
  });

  it('is found where nobody says of how many requests it is', () => {
    const heard = hear(new LatencyWatch(), slower(p95Of(300, 5), from, 90, 2.5), Number.NaN);
    expect(heard[0]?.at).toBeLessThan(from + 15);
  });

  it('is told in milliseconds', () => {
    const values = p95Of(300, 5).fill(100);
    const watch = new LatencyWatch();
    hear(watch, slower(values, from, 90, 3), 300);
    expect(watch.departure()?.value).toBeCloseTo(300, 6);
    expect(watch.departure()?.ratio).toBeCloseTo(3, 1);
  });
});

describe('what is no doubling', () => {
  it('the sampling noise of a p95, at any volume', () => {
    for (const requests of [2, 8, 40, 400]) {
      for (const seed of [1, 2, 3]) {
        expect([requests, hear(new LatencyWatch(), p95Of(requests, 8, seed), requests)]).toEqual([requests, []]);
      }
    }
  });

  it('1.3 times for four hours, a slow minute, minutes without requests', () => {
    const values = p95Of(200, 6);
    const changed = slower(slower(values, 4 * DAY, 240, 1.3), 5 * DAY, 2, 5).map((value, minute) =>
      minute % 7 === 0 ? Number.NaN : value,
    );
    expect(hear(new LatencyWatch(), changed, 200)).toEqual([]);
  });
});

it('goes on after a restart as if nothing had been', () => {
  const values = slower(p95Of(100, 5), 4 * DAY, 40, 2.5);
  const whole = hear(new LatencyWatch(), values, 100);
  const first = new LatencyWatch();
  const cut = 4 * DAY + 3;
  const before = hear(first, values.subarray(0, cut), 100);
  const view = new DataView(new ArrayBuffer(stateBytes(first.state)));
  writeState(first.state, view, 0);
  const second = new LatencyWatch();
  readState(second.state, view, 0);
  const after = hear(second, values.subarray(cut), 100, MONDAY + cut);
  expect([...before, ...after.map(({ at, change }) => ({ at: at + cut, change }))]).toEqual(whole);
  expect(whole).toHaveLength(2);
});
