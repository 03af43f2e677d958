import { describe, expect, it } from 'vitest';
import {
  evidence,
  FULL,
  outcome,
  promoted,
  ruleStage,
  SHADOW,
  situation,
  tenant,
  tenantStage,
} from '../support/control-situation.ts';

describe('stages', () => {
  it.each([
    ['an unpromoted tenant', promoted({}, []), SHADOW],
    ['an unpromoted rule', promoted({ rule: 'another/1' }), SHADOW],
    ['a rule in shadow', promoted({ stage: 'shadow' }), SHADOW],
    ['a rule that is off', promoted({ stage: 'off' }), 'alert: mode-off'],
    ['a self-approved rule', promoted({ approvedBy: 'ann' }), SHADOW],
    [
      'a rule with a poor backtest',
      promoted({ backtest: { at: 0, precision: 0.94, falsePerThousandTenantDays: 0 } }),
      SHADOW,
    ],
    [
      'a rule with false throttles',
      promoted({ backtest: { at: 0, precision: 1, falsePerThousandTenantDays: 1.1 } }),
      SHADOW,
    ],
    ['an unproven rule that somebody vouches for', promoted({ backtest: null, unprovenBecause: 'incident' }), FULL],
  ])('of %s', (_what, of, expected) => {
    expect(outcome(of)).toBe(expected);
  });

  it('of more than a tenth of all tenants need a second person each', () => {
    const others = [1, 2, 3, 4].map((n) => tenantStage({ tenantId: tenant(`promoted-${n}`) }));
    expect(outcome(promoted({}, [tenantStage(), ...others]))).toBe(SHADOW);
    expect(outcome(promoted({}, [tenantStage({ approvedBy: 'bob' }), ...others]))).toBe(FULL);
  });

  it('go back in one step where the whole installation enforces', () => {
    const one = (stage: 'off' | 'shadow' | 'ramp') =>
      outcome(
        situation({
          evidence: evidence(['noisy'], { ruleStages: [ruleStage({ stage, approvedBy: null, backtest: null })] }),
        }),
      );
    expect([one('ramp'), one('shadow'), one('off')]).toEqual(['enforce 8.4/s 300 s', SHADOW, 'alert: mode-off']);
  });
});
