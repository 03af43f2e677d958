// Detector and policy as src/app joins them: tables in, throttles out, no clock but the one that is passed in.
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/control/policy.ts';
import { NO_EVIDENCE } from '../../src/control/policy-evidence.ts';
import { runTick } from '../../src/detect/detector.ts';
import { detectorParams } from '../../src/detect/detector-params.ts';
import { INITIAL_STATE } from '../../src/detect/detector-state.ts';
import type { Counts } from '../../src/detect/ports.ts';
import type { ThrottleRecord } from '../../src/domain/throttle-record.ts';
import { BARE_COUNTS } from '../support/control-situation.ts';
import { at, rates, tableAfter } from '../support/detect-series.ts';

const WARM = 370;

/** Ticks once an interval over the stories and keeps what the policy writes, as the control plane would. */
function runLoop(stories: Record<string, { requests: Counts }>, until: number) {
  const throttles: ThrottleRecord[] = [];
  let state = INITIAL_STATE;
  let suspended = false;
  let pages = 0;
  for (let intervals = WARM; intervals <= until; intervals += 1) {
    const now = at(intervals) + 2_000;
    const table = tableAfter(intervals, stories);
    const newId = () => `finding-${intervals}`;
    const tick = runTick({ state, table, dataUntil: table.end, now, newId, params: detectorParams() });
    state = tick.state;
    const { open: findings, activeTenants } = tick;
    const situation = { findings, throttles, activeTenants, mode: 'enforce', now, wasSuspended: suspended } as const;
    const evidence = { ...NO_EVIDENCE, health: { ...NO_EVIDENCE.health, dataUntil: table.end } };
    const decision = decide({ ...situation, params: BARE_COUNTS, evidence });
    suspended = decision.suspended;
    for (const action of decision.actions) {
      if (action.kind === 'page') pages += 1;
      if (action.kind !== 'throttle') continue;
      const { expiresInSeconds, anomalyId, ...flag } = action.throttle;
      const id = `throttle-${throttles.length + 1}`;
      throttles.push({
        flag: { ...flag, kind: 'throttle', id, expiresAt: now + expiresInSeconds * 1_000, revision: throttles.length },
        createdBy: 'detector',
        createdAt: now,
        liftedAt: null,
        liftedBy: null,
        anomalyId: anomalyId ?? null,
        acks: [],
      });
    }
  }
  return { throttles, pages };
}

const calm = (count: number, intervals: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`calm-${index}`, { requests: rates([intervals, 2]) }]),
  );

describe('the loop', () => {
  it('throttles the noisy tenant within 30 s of data, above its usual rate, and nobody else', () => {
    const noisy = { requests: rates([WARM, 2], [12, 20], [40, 2]) };
    const { throttles, pages } = runLoop({ ...calm(20, WARM + 52), noisy }, WARM + 52);
    expect(throttles).toHaveLength(1);
    expect(throttles[0]).toMatchObject({
      createdAt: at(WARM + 3) + 2_000,
      flag: { tenantId: 'noisy', limit: { requestsPerSecond: 3, burst: 6 }, expiresAt: at(WARM + 33) + 2_000 },
    });
    expect(pages).toBe(0);
  });

  it('renews an expired throttle only while the surge goes on', () => {
    const noisy = { requests: rates([WARM, 2], [50, 20], [60, 2]) };
    const { throttles } = runLoop({ ...calm(20, WARM + 110), noisy }, WARM + 110);
    expect(throttles.map(({ createdAt }) => createdAt)).toEqual([at(WARM + 3) + 2_000, at(WARM + 33) + 2_000]);
    expect(new Set(throttles.map(({ anomalyId }) => anomalyId)).size).toBe(1);
  });

  it('throttles nobody when all surge at once, and pages once', () => {
    const surging = Array.from({ length: 20 }, (_, index) => [
      `tenant-${index}`,
      { requests: rates([WARM, 2], [30, 200]) },
    ]);
    const { throttles, pages } = runLoop(Object.fromEntries(surging), WARM + 30);
    expect(throttles).toEqual([]);
    expect(pages).toBe(1);
  });

  it('throttles nobody when everybody comes back after a gap that looked like silence', () => {
    const back = Array.from({ length: 20 }, (_, index) => [
      `tenant-${index}`,
      { requests: rates([WARM, 2], [20, null], [30, 2]) },
    ]);
    expect(runLoop(Object.fromEntries(back), WARM + 50)).toEqual({ throttles: [], pages: 0 });
  });
});
