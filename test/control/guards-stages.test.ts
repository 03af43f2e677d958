import { describe, expect, it } from 'vitest';
import {
  evidence,
  FULL,
  outcome,
  promoted,
  ruleStage,
  SHADOW,
  situation,
  tenantStage,
} from '../support/control-situation.ts';

describe('stages', () => {
  it.each([
    ['a promoted rule', promoted(), FULL],
    ['a rule in canary', promoted({ stage: 'canary' }), 'enforce 8.4/s 300 s'],
    ['another rule', promoted({ rule: 'another/1' }), SHADOW],
    ['a rule in shadow', promoted({ stage: 'shadow' }), SHADOW],
    ['a rule that is off', promoted({ stage: 'off' }), 'alert: mode-off'],
    ['a tenant held in shadow', promoted({}, [tenantStage()]), SHADOW],
    ['a tenant held in canary', promoted({}, [tenantStage({ stage: 'canary' })]), 'enforce 8.4/s 300 s'],
    ['a tenant that is off', promoted({}, [tenantStage({ stage: 'off' })]), 'alert: mode-off'],
    [
      'a tenant that may more than its rule',
      promoted({ stage: 'shadow' }, [tenantStage({ stage: 'enforce' })]),
      SHADOW,
    ],
    ['another tenant that is off', promoted({}, [tenantStage({ tenantId: 'other', stage: 'off' })]), FULL],
    ['a rule that nobody else approved', promoted({ approvedBy: null }), SHADOW],
    ['a self-approved rule', promoted({ approvedBy: 'ann' }), SHADOW],
    ['a rule without a backtest', promoted({ backtest: null }), SHADOW],
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

  it('go back in one step where the whole installation enforces', () => {
    const one = (stage: 'off' | 'shadow' | 'canary') =>
      outcome(
        situation({
          evidence: evidence(['noisy'], { ruleStages: [ruleStage({ stage, approvedBy: null, backtest: null })] }),
        }),
      );
    expect([one('canary'), one('shadow'), one('off')]).toEqual(['enforce 8.4/s 300 s', SHADOW, 'alert: mode-off']);
  });
});
