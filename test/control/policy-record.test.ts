import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decide } from '../../src/control/policy.ts';
import { type DecisionRecord, recordOf, replay } from '../../src/control/policy-record.ts';
import { evidence, facts, finding, HEALTHY, NOW, record, situation } from '../support/control-situation.ts';

const maybe = (arbitrary: fc.Arbitrary<number>) => fc.option(arbitrary);
const any = fc
  .record({
    ratio: fc.double({ min: 1, max: 50 }),
    usual: maybe(fc.double()),
    load: maybe(fc.double()),
    history: maybe(fc.nat(1e6)),
    active: fc.oneof(fc.nat(60), fc.constant(Number.NaN)),
    dataUntil: maybe(fc.integer({ min: NOW - 90_000, max: NOW })),
    mode: fc.constantFrom('off' as const, 'shadow' as const, 'enforce' as const),
    isKilled: fc.boolean(),
    past: fc.array(fc.record({ ago: fc.nat(8_000), anomalyId: fc.constantFrom(null, 'e', 'finding-noisy') }), {
      maxLength: 4,
    }),
  })
  .map(({ ratio, usual, load, history, active, dataUntil, mode, isKilled, past }) =>
    situation({
      findings: [finding('noisy', { ratio }, usual), finding('toString', { ratio: ratio / 2 })],
      activeTenants: active,
      mode,
      throttles: past.map(({ ago, anomalyId }) =>
        record('noisy', { anomalyId, createdAt: NOW - ago * 1_000, expiresAt: NOW - ago * 1_000 + 300_000 }),
      ),
      evidence: evidence(['noisy', 'toString'], {
        tenants: [facts('noisy', { requestsPerSecond: load, historySeconds: history })],
        health: { ...HEALTHY, dataUntil, completeShare: null },
        killSwitch: { on: isKilled, reason: 'drill' },
      }),
    }),
  );

it('every decision that was stored is made again the same, and is the one that was carried out', () => {
  fc.assert(
    fc.property(any, (of) => {
      const stored = JSON.parse(JSON.stringify(recordOf(of))) as DecisionRecord;
      expect(replay(stored)).toEqual(stored.decision);
      const { actions } = decide(of);
      expect(stored.decision.actions.map(({ kind }) => kind)).toEqual(actions.map(({ kind }) => kind));
    }),
    { numRuns: 2_000 },
  );
});

it('a decision of another version of the policy is not made again', () => {
  expect(replay({ ...recordOf(situation()), policy: 'policy/1' })).toBeUndefined();
});
