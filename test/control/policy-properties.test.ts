/** The policy over time and under everything that can happen at once; no clock but the one that is passed in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, POLICY_DEFAULTS, type Situation } from '../../src/control/policy.ts';
import type { NewThrottle, ThrottleRecord } from '../../src/domain/throttle-record.ts';
import { evidence, facts, finding, NOW, record, situation, tenant, throttlesOf } from '../support/control-situation.ts';

const TICK_MS = 10_000;

function written(throttle: NewThrottle, now: number, id: string): ThrottleRecord {
  const { expiresInSeconds, anomalyId = null, ...flag } = throttle;
  return {
    flag: { ...flag, kind: 'throttle', id, expiresAt: now + expiresInSeconds * 1_000, revision: 1 },
    ...{ createdBy: 'detector', createdAt: now, liftedAt: null, liftedBy: null, anomalyId, acks: [] },
  };
}

/** A small generator of its own, so that ten thousand walks cost no shrinking machinery. Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const inForce = (records: readonly ThrottleRecord[], now: number) =>
  records.filter(({ flag, liftedAt }) => liftedAt === null && flag.expiresAt > now);
/** Evidence that is as fresh at `now` as the sample is at its own time. */
const freshAt = (now: number, names: readonly string[] = ['noisy']) => {
  const sample = evidence(names);
  return {
    ...sample,
    health: { ...sample.health, dataUntil: now - 3_000 },
    verdicts: sample.verdicts.map((verdict) => ({ ...verdict, at: now - 90_000 })),
  };
};

describe('in any state', () => {
  const rate = fc.double({ min: 0, max: 1e4, noNaN: true });
  const cases = fc.record({
    usual: rate,
    value: rate,
    guaranteed: fc.option(rate),
    headroom: fc.double({ min: 0, max: 3, noNaN: true }),
    least: fc.double({ min: 0, max: 2, noNaN: true }),
    stage: fc.constantFrom('canary' as const, 'enforce' as const),
    earlier: fc.nat(4),
  });

  it('what is allowed is at or above the floor, for a time that is bounded', () => {
    let throttled = 0;
    fc.assert(
      fc.property(cases, ({ usual, value, guaranteed, headroom, least, stage, earlier }) => {
        const rules = [{ rule: 'owner-ratio/1', backtest: null, unprovenBecause: null }];
        const act = { stage, by: 'ann', at: 0, reason: '', approvedBy: null };
        const throttles = Array.from({ length: earlier }, (_, index) =>
          record('noisy', { anomalyId: `e-${index}`, createdAt: NOW - 3_600_000, expiresAt: NOW - 1 }),
        );
        const { actions } = decide(
          situation({
            findings: [finding('noisy', { value, baseline: usual }, usual)],
            throttles,
            evidence: evidence(['noisy'], {
              tenants: [facts('noisy', { guaranteedRequestsPerSecond: guaranteed })],
              ruleStages: rules.map((rule) => ({ ...rule, ...act })),
            }),
            params: { ...POLICY_DEFAULTS, headroom, minRequestsPerSecond: least },
          }),
        );
        for (const { limit, expiresInSeconds } of throttlesOf(actions)) {
          throttled += 1;
          const floor = Math.max(0.5 * usual, guaranteed ?? 0);
          if (limit.requestsPerSecond < floor) throw new Error(`${limit.requestsPerSecond} is below ${floor}`);
          if (limit.burst < Math.max(1, limit.requestsPerSecond)) throw new Error(`a burst of ${limit.burst}`);
          if (expiresInSeconds < 300 || expiresInSeconds > 3_600) throw new Error(`${expiresInSeconds} s`);
        }
      }),
      { numRuns: 100_000 },
    );
    expect(throttled).toBeGreaterThan(3_000);
  });
});

describe('a tenant that wanders around the line', () => {
  it('is not throttled and let go more than once in 15 minutes, on any of 10,000 walks', () => {
    let begun = 0;
    for (let seed = 1; seed <= 10_000; seed += 1) {
      const random = randomOf(seed);
      const records: ThrottleRecord[] = [];
      const onsets: number[] = [];
      let ratio = 3;
      let current = 0;
      for (let tick = 0; tick < 90; tick += 1) {
        const now = NOW + tick * 2 * TICK_MS;
        const before = ratio;
        ratio = Math.max(1, ratio + (random() - 0.5) * 2);
        // Each time over the line is a finding of its own: a detector without any hysteresis.
        if (ratio >= 3 && before < 3) current += 1;
        if (ratio < 3) continue;
        const findings = [finding('noisy', { id: `f-${current}`, ratio })];
        const { actions } = decide(situation({ findings, throttles: records, now, evidence: freshAt(now) }));
        for (const throttle of throttlesOf(actions)) {
          const last = records.at(-1);
          if (last === undefined || now - last.flag.expiresAt > 60_000 || last.anomalyId !== throttle.anomalyId) {
            onsets.push(now);
          }
          records.push(written(throttle, now, `t-${tick}`));
        }
      }
      begun += onsets.length;
      for (const [index, at] of onsets.entries()) {
        expect(at - (onsets[index - 1] ?? Number.NEGATIVE_INFINITY), `walk ${seed}`).toBeGreaterThanOrEqual(900_000);
      }
    }
    expect(begun).toBeGreaterThan(10_000);
  });
});

describe('everybody anomalous at once', () => {
  it('leads to no throttle and one page, a hundred times over', () => {
    const names = Array.from({ length: 60 }, (_, index) => `tenant-${index}`);
    for (let time = 1; time <= 100; time += 1) {
      const random = randomOf(time);
      let wasSuspended = false;
      let pages = 0;
      for (let tick = 0; tick < 30; tick += 1) {
        const now = NOW + tick * TICK_MS;
        // The share wavers around the line at which it began; it must not page again and again.
        const out = tick === 0 ? names : names.slice(0, 12 + Math.floor(random() * 12));
        const findings = out.map((name) => finding(name, { ratio: 3 + random() * 100 }));
        const of = situation({ findings, activeTenants: 60, now, wasSuspended, evidence: freshAt(now, out) });
        const { actions, suspended } = decide(of);
        wasSuspended = suspended;
        pages += actions.filter(({ kind }) => kind === 'page').length;
        expect(throttlesOf(actions)).toEqual([]);
      }
      expect(pages).toBe(1);
    }
  });
});

describe('a burst of findings', () => {
  it('is worked off at one throttle in 30 s and ten an hour', () => {
    const names = Array.from({ length: 50 }, (_, index) => `tenant-${index}`);
    const records: ThrottleRecord[] = [];
    const began: number[] = [];
    for (let tick = 0; tick < 360; tick += 1) {
      const now = NOW + tick * TICK_MS;
      const findings = names.map((name) => finding(name));
      const throttles = records.map((one) => ({ ...one, liftedAt: one.createdAt + 20_000, liftedBy: 'test' }));
      const params = { ...POLICY_DEFAULTS, maxTenants: 50, leaveAloneSeconds: 0 };
      const of = situation({ findings, throttles, activeTenants: 1_000, now, params, evidence: freshAt(now, names) });
      for (const throttle of throttlesOf(
        decide({ ...of, findings: of.findings.filter((one) => isFresh(one.anomaly.id)) }).actions,
      )) {
        began.push(now);
        records.push(written(throttle, now, `t-${began.length}`));
      }
    }
    function isFresh(id: string): boolean {
      return !records.some(({ anomalyId }) => anomalyId === id);
    }
    expect(began.length).toBe(10);
    for (const [index, at] of began.entries()) {
      expect(at - (began[index - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(30_000);
    }
  });
});

type Event =
  | { readonly kind: 'finding'; readonly open: boolean }
  | { readonly kind: 'kill-switch'; readonly on: boolean }
  | { readonly kind: 'human-throttle' | 'human-lift' | 'wait' | 'decide' };

describe('detector, people, expiry and kill switch in any order', () => {
  const event: fc.Arbitrary<Event> = fc.oneof(
    fc.record({ kind: fc.constant('finding' as const), open: fc.boolean() }),
    fc.record({ kind: fc.constant('kill-switch' as const), on: fc.boolean() }),
    fc.constantFrom<Event>({ kind: 'human-throttle' }, { kind: 'human-lift' }, { kind: 'wait' }),
    fc.constant<Event>({ kind: 'decide' }),
    fc.constant<Event>({ kind: 'decide' }),
  );

  it('lose no human decision and enforce nothing twice, in 10,000 interleavings', () => {
    let automatic = 0;
    fc.assert(
      fc.property(fc.array(event, { minLength: 5, maxLength: 40 }), fc.nat(400), (events, pace) => {
        let now = NOW;
        let isOpen = true;
        let isOff = false;
        let opened = 1;
        let liftedAt = Number.NEGATIVE_INFINITY;
        let records: ThrottleRecord[] = [];
        const end = (one: ThrottleRecord, by: string) =>
          inForce([one], now).length === 1 ? { ...one, liftedAt: now, liftedBy: by } : one;
        for (const one of events) {
          now += 1_000;
          if (one.kind === 'wait') now += pace * 1_000;
          else if (one.kind === 'finding') {
            if (one.open && !isOpen) opened += 1;
            isOpen = one.open;
          } else if (one.kind === 'kill-switch') isOff = one.on;
          else if (one.kind === 'human-lift') {
            if (inForce(records, now).some(({ anomalyId }) => anomalyId !== null)) liftedAt = now;
            records = records.map((each) => end(each, 'ann'));
          } else if (one.kind === 'human-throttle') {
            if (inForce(records, now).some(({ anomalyId }) => anomalyId !== null)) liftedAt = now;
            records = [
              ...records.map((each) => end(each, 'ann')),
              record('noisy', { anomalyId: null, createdAt: now, expiresAt: now + 600_000 }),
            ];
          } else {
            const held = inForce(records, now);
            const findings = isOpen ? [finding('noisy', { id: `f-${opened}` })] : [];
            const known = { ...freshAt(now), killSwitch: { on: isOff, reason: '' } };
            const of: Situation = situation({ findings, throttles: records, now, evidence: known });
            for (const throttle of throttlesOf(decide(of).actions)) {
              automatic += 1;
              if (isOff) throw new Error('throttled while the kill switch is on');
              if (held.length > 0) throw new Error('throttled twice, or against a person');
              if (now < liftedAt + 3_600_000) throw new Error('a person lifted it a while ago');
              if (throttle.tenantId !== tenant('noisy')) throw new Error('somebody else');
              records.push(written(throttle, now, `t-${records.length}`));
            }
          }
        }
      }),
      { numRuns: 10_000 },
    );
    expect(automatic).toBeGreaterThan(2_000);
  });
});
