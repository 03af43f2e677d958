import { describe, expect, it } from 'vitest';
import type { Tick, TickResult } from '../../src/detect/detector.ts';
import { runTick } from '../../src/detect/detector.ts';
import { detectorParams, intervalsNeeded } from '../../src/detect/detector-params.ts';
import type { DetectorState } from '../../src/detect/detector-state.ts';
import { INITIAL_STATE, restoreState, serializeState } from '../../src/detect/detector-state.ts';
import type { Counts } from '../../src/detect/ports.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { UNKNOWN_TENANT } from '../../src/domain/tenant-id.ts';
import { at, INTERVAL_MS, INTERVAL_SECONDS, rates, tableAfter } from '../support/detect-series.ts';

const PARAMS = detectorParams();
const WARM = 370;

type Stories = Record<string, { requests?: Counts; aiTokens?: Counts }>;

const NOISY: Stories = {
  calm: { requests: rates([WARM + 60, 3]) },
  noisy: { requests: rates([WARM, 2], [10, 9], [50, 2]), aiTokens: rates([WARM, 300], [60, 300]) },
};

function tickAt(intervals: number, stories: Stories, state: DetectorState, more: Partial<Tick> = {}): TickResult {
  let ids = 0;
  const now = at(intervals) + 3_000;
  const newId = () => {
    ids += 1;
    return `finding-${intervals}-${ids}`;
  };
  const dataUntil = at(intervals);
  return runTick({ state, table: tableAfter(intervals, stories), dataUntil, now, newId, params: PARAMS, ...more });
}

function run(stories: Stories, from: number, to: number, state = INITIAL_STATE) {
  const results: TickResult[] = [];
  let current = state;
  for (let intervals = from; intervals <= to; intervals += 1) {
    const result = tickAt(intervals, stories, current);
    current = result.state;
    results.push(result);
  }
  const all = (list: 'opened' | 'updated' | 'ended') => results.flatMap((result) => result[list]);
  return { results, state: current, opened: all('opened'), updated: all('updated'), ended: all('ended') };
}

describe('a noisy tenant', () => {
  const { opened, updated, ended, results } = run(NOISY, WARM, WARM + 40);

  it('is found, alone, with the figures and the reason', () => {
    expect(opened).toEqual([
      {
        id: `finding-${WARM + 3}-1`,
        tenantId: 'noisy',
        metric: 'requests',
        startedAt: at(WARM),
        detectedAt: at(WARM + 3) + 3_000,
        endedAt: null,
        value: 9,
        baseline: 2,
        ratio: 4.5,
        rule: 'owner-ratio/1',
        reason: 'noisy sent 4.5x its usual requests (9.0/s against 2.0/s) in 3 of the last 5 intervals of 10 s',
      },
    ]);
  });

  it('is updated under the same id while it lasts', () => {
    expect(updated).toHaveLength(7);
    expect(updated.at(-1)).toMatchObject({
      id: opened[0]?.id,
      endedAt: null,
      reason: 'noisy sent 4.5x its usual requests (9.0/s against 2.0/s) in 10 intervals of 10 s',
    });
  });

  it('is let go when it is quiet again', () => {
    expect(ended).toMatchObject([{ id: opened[0]?.id, endedAt: at(WARM + 10) }]);
    const openAt = results.map(({ open }) => open.length);
    expect(openAt.indexOf(1)).toBe(3);
    expect(openAt.lastIndexOf(1)).toBe(14);
  });
});

describe('what control gets to know', () => {
  it('counts active tenants without the unknown one', () => {
    const result = tickAt(WARM, { ...NOISY, [UNKNOWN_TENANT]: { requests: rates([WARM, 1]) } }, INITIAL_STATE);
    expect(result.activeTenants).toBe(2);
  });

  it('is the usual request rate for findings in AI tokens too', () => {
    const stories = { talker: { requests: rates([WARM + 9, 4]), aiTokens: rates([WARM, 400], [9, 4_000]) } };
    const { opened, results } = run(stories, WARM, WARM + 5);
    expect(opened).toMatchObject([{ metric: 'ai_tokens', value: 4_000, baseline: 400, ratio: 10 }]);
    expect(results.at(-1)?.open).toMatchObject([{ anomaly: { id: opened[0]?.id }, usualRequestsPerSecond: 4 }]);
  });

  it('is the rate before a surge of requests when both surge, whichever comes first', () => {
    const both = { talker: { requests: rates([WARM, 4], [9, 40]), aiTokens: rates([WARM + 2, 400], [7, 4_000]) } };
    const open = run(both, WARM, WARM + 7).results.at(-1)?.open;
    expect(open?.map(({ anomaly, usualRequestsPerSecond }) => [anomaly.metric, usualRequestsPerSecond])).toEqual([
      ['requests', 4],
      ['ai_tokens', 4],
    ]);
  });

  it('is null where the usual request rate is not known', () => {
    const batch = { batch: { aiTokens: rates([WARM, 400], [9, 4_000]) } };
    expect(run(batch, WARM, WARM + 5).results.at(-1)?.open).toMatchObject([{ usualRequestsPerSecond: null }]);
  });
});

describe('the unknown tenant', () => {
  it('is never found', () => {
    const stories = { [UNKNOWN_TENANT]: { requests: rates([WARM, 2], [20, 50]) } };
    expect(run(stories, WARM, WARM + 20).opened).toEqual([]);
  });
});

describe('a tenant that disappears', () => {
  const { state } = run(NOISY, WARM, WARM + 5);
  const gone: Stories = { calm: NOISY['calm'] ?? {} };

  it('ends its finding, because absent from healthy data means zero', () => {
    const { ended, state: after } = run(gone, WARM + 6, WARM + 12, state);
    expect(ended).toMatchObject([{ tenantId: 'noisy', endedAt: at(WARM + 5) }]);
    expect([...after.tenants.keys()]).toEqual(['calm']);
  });
});

describe('data health', () => {
  const { state } = run(NOISY, WARM, WARM + 5);

  it.each([
    ['the data is older than two intervals and the lag', { now: at(WARM + 6) + 35_001 }],
    ['nothing has arrived', { dataUntil: null }],
    ['no tenant at all is in it', { table: tableAfter(WARM + 6, {}) }],
  ])('suspends when %s, says so, and leaves every finding as it was', (_what, more) => {
    const result = tickAt(WARM + 6, NOISY, state, more);
    expect(result.suspended).toMatch(/\w/);
    expect(result).toMatchObject({ opened: [], updated: [], ended: [], open: [{ anomaly: { tenantId: 'noisy' } }] });
    expect(result.state).toBe(state);
  });

  it('works up to the limit', () => {
    expect(tickAt(WARM + 6, NOISY, state, { now: at(WARM + 6) + 35_000 }).suspended).toBeNull();
  });

  it('judges what was missed after a pause, with the same findings', () => {
    const [{ opened, ended }, late] = [
      run(NOISY, WARM, WARM + 20),
      tickAt(WARM + 20, NOISY, run(NOISY, WARM, WARM).state),
    ];
    const figures = ({ startedAt, baseline }: { startedAt: number; baseline: number }) => ({ startedAt, baseline });
    expect(late.opened.map(figures)).toEqual(opened.map(figures));
    expect(late.ended.map(({ endedAt }) => endedAt)).toEqual(ended.map(({ endedAt }) => endedAt));
    expect(late.opened[0]?.id).toBe(late.ended[0]?.id);
    expect(late.open).toEqual([]);
  });

  it('leaves intervals that are not complete yet for the next tick', () => {
    const before = run(NOISY, WARM, WARM + 2).state;
    const early = tickAt(WARM + 3, NOISY, before, { dataUntil: at(WARM + 3) - 1 });
    expect(early.opened).toEqual([]);
    expect(early.state.judgedUntil).toBe(at(WARM + 2));
    expect(tickAt(WARM + 3, NOISY, early.state).opened).toHaveLength(1);
  });

  it('judges no interval twice', () => {
    const once = run(NOISY, WARM, WARM + 4).state;
    const again = tickAt(WARM + 4, NOISY, once);
    expect(again).toMatchObject({ opened: [], updated: [], ended: [] });
    expect(again.state).toEqual(once);
  });
});

describe('a restart', () => {
  it('keeps the state and goes on with the same answers', () => {
    for (const middle of [WARM, WARM + 2, WARM + 4, WARM + 12]) {
      const before = run(NOISY, WARM, middle).state;
      const restored = restoreState(serializeState(before));
      expect(restored).toEqual(before);
      const [kept, fresh] = [run(NOISY, middle + 1, WARM + 40, before), run(NOISY, middle + 1, WARM + 40, restored)];
      expect(fresh).toEqual(kept);
    }
  });

  it.each([
    ['another rule', (text: string) => text.replace('owner-ratio/1', 'owner-ratio/0')],
    ['half a file', (text: string) => text.slice(0, text.length / 2)],
    ['a damaged finding', (text: string) => text.replace(/"anomaly":\{.*?\}/, '"anomaly":null')],
    ['a tenant of a wrong name', (text: string) => text.replace('"noisy"', '"../noisy"')],
    ['something else', () => '[]'],
  ])('begins anew from %s', (_what, damage) => {
    const text = serializeState(run(NOISY, WARM, WARM + 5).state);
    expect(damage(text)).not.toBe(text);
    expect(restoreState(damage(text))).toBeUndefined();
  });
});

describe('size', () => {
  it('judges 100,000 series in well under a second, also when every one is loud', () => {
    const horizon = intervalsNeeded(PARAMS);
    const story = { requests: rates([horizon - 3, 2], [3, 2.5]), aiTokens: rates([horizon, 600]) };
    const tenants = new Map(Array.from({ length: 50_000 }, (_, index) => [`tenant-${index}` as TenantId, story]));
    const table = { intervalSeconds: INTERVAL_SECONDS, end: at(horizon), tenants };
    const common = { newId: () => 'x', params: PARAMS };
    const first = runTick({ ...common, state: INITIAL_STATE, table, dataUntil: table.end, now: table.end });
    expect(first.activeTenants).toBe(50_000);

    const next = { ...table, end: table.end + INTERVAL_MS };
    const before = process.cpuUsage();
    const second = runTick({ ...common, state: first.state, table: next, dataUntil: next.end, now: next.end });
    const { user, system } = process.cpuUsage(before);
    expect(second.state.tenants.size).toBe(50_000);
    // Measured: 0.4 s on a small machine. CPU time, and room for a slower one; quadratic work would take minutes.
    expect((user + system) / 1_000).toBeLessThan(1_500);
  });
});
