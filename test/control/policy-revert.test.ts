import { describe, expect, it } from 'vitest';
import { decide, type Situation } from '../../src/control/policy.ts';
import { evidence, NOW, record, situation } from '../support/control-situation.ts';

const throttled = (before: number | null, after: number | null, more: Parameters<typeof record>[1] = {}): Situation => {
  const held = record('noisy', { createdAt: NOW - 240_000, ...more });
  const effects = [{ throttleId: held.flag.id, victimsP95BeforeMs: before, victimsP95NowMs: after }];
  return situation({ throttles: [held], evidence: evidence(['noisy'], { effects }) });
};
const lifts = (of: Situation) => decide(of).actions.filter(({ kind }) => kind === 'lift');

describe('an automatic throttle', () => {
  it('is lifted, with the figures, when those it protects are as slow as before after four minutes', () => {
    expect(lifts(throttled(900, 850))).toEqual([
      {
        kind: 'lift',
        throttleId: 'throttle-noisy',
        tenantId: 'noisy',
        explanation:
          'the throttle of noisy is lifted: after 240 s the P95 of those it was to protect is 850 ms, 900 ms before it',
      },
    ]);
  });

  it.each<[string, Situation]>([
    ['they got better', throttled(900, 720)],
    ['it is younger', throttled(900, 900, { createdAt: NOW - 239_000 })],
    ['nobody measured them now', throttled(900, null)],
    ['nobody measured them then', throttled(null, 900)],
    ['a person set it', throttled(900, 900, { anomalyId: null })],
    ['it is a shadow, which helps nobody', throttled(900, 900, { mode: 'shadow' })],
    ['it is over', throttled(900, 900, { expiresAt: NOW })],
    ['it was lifted already', throttled(900, 900, { liftedAt: NOW - 1, liftedBy: 'ann' })],
  ])('stays when %s', (_what, of) => {
    expect(lifts(of)).toEqual([]);
  });

  it('that did not help keeps the next one of its tenant waiting for half an hour', () => {
    const at = (ago: number) =>
      decide(
        situation({
          throttles: [record('noisy', { createdAt: NOW - ago - 240_000, liftedAt: NOW - ago, liftedBy: 'detector' })],
        }),
      ).actions.map((action) => (action.kind === 'alert' ? action.heldBackBy : action.kind));
    expect([at(1_799_000), at(1_800_000)]).toEqual([['reverted-lately'], ['throttle']]);
  });
});
