import { describe, expect, it } from 'vitest';
import { decide, type Situation } from '../../src/control/policy.ts';
import {
  evidence,
  FULL,
  facts,
  finding,
  NOW,
  outcome,
  SHADOW,
  situation,
  throttlesOf,
} from '../support/control-situation.ts';

describe('data health', () => {
  const withHealth = (health: Partial<ReturnType<typeof evidence>['health']>) =>
    outcome(situation({ evidence: evidence(['noisy'], { health: { ...evidence().health, ...health } }) }));

  it.each([
    ['whose end is not known', { dataUntil: null }],
    ['that is incomplete', { completeShare: 0.94 }],
    ['whose completeness is no number', { completeShare: Number.NaN }],
    ['of which much was refused at the door', { rejectedShare: 0.06 }],
    ['that names fewer tenants than usual', { attributedShare: 0.7, usualAttributedShare: 0.97 }],
    ['whose shape changed', { schemaChangedAt: NOW - 3_599_000 }],
  ])('asks for more than data %s', (_what, health) => {
    expect(withHealth(health)).toBe('alert: data-health');
  });

  it('is well with unknown shares, and with few names where few are usual', () => {
    expect(withHealth({ completeShare: null, rejectedShare: null, attributedShare: null })).toBe(FULL);
    expect(withHealth({ attributedShare: 0.4, usualAttributedShare: 0.45 })).toBe(FULL);
  });

  it.each([
    ['an empty set of tenants', { activeTenants: 0 }],
    ['an unknown number of tenants', { activeTenants: Number.NaN }],
    ['a finding without a baseline', { findings: [finding('noisy', { baseline: Number.NaN })] }],
    ['no evidence at all', { evidence: undefined }],
  ])('never takes %s for a reason to act', (_what, more) => {
    const { evidence: given, ...rest } = situation();
    const asked = { ...rest, ...more };
    const of = 'evidence' in more || given === undefined ? (asked as Situation) : { ...asked, evidence: given };
    expect(throttlesOf(decide(of).actions)).toEqual([]);
  });
});

describe('impact', () => {
  const verdict = (more: object) =>
    outcome(
      situation({
        evidence: evidence(['noisy'], { verdicts: evidence().verdicts.map((one) => ({ ...one, ...more })) }),
      }),
    );

  it.each([
    ['a global slowdown', { kind: 'global_slowdown' }],
    ['an unclear verdict', { kind: 'unclear' }],
    ['another culprit', { suspects: ['another', 'noisy'] }],
    ['no victim but itself', { victims: [{ tenantId: 'noisy', p95Ms: 900, usualP95Ms: 200 }] }],
    ['a verdict of a while ago', { at: NOW - 301_000 }],
  ])('is not shown by %s', (_what, more) => {
    expect(verdict(more)).toBe('alert: no-impact');
  });

  it('is not shown by an older verdict that a newer one takes back', () => {
    const [old] = evidence().verdicts;
    if (old === undefined) throw new Error('the sample has a verdict');
    const newer = { ...old, at: old.at + 60_000, kind: 'unclear' as const };
    expect(outcome(situation({ evidence: evidence(['noisy'], { verdicts: [newer, old] }) }))).toBe('alert: no-impact');
  });

  it('need not be shown where a ceiling of the plan is passed', () => {
    const tenants = [facts('noisy', { passedCeiling: 'sends 9/s, its plan has 5/s' })];
    expect(outcome(situation({ evidence: evidence(['noisy'], { tenants, verdicts: [] }) }))).toBe(FULL);
  });
});

describe('a known peak', () => {
  const peaks = (tenantId: string | null, from = NOW) =>
    outcome(situation({ evidence: evidence(['noisy'], { peaks: [{ from, to: NOW + 1, name: 'sale', tenantId }] }) }));

  it.each([
    ['of everybody', null, 'alert: known-peak'],
    ['of the tenant', 'noisy', 'alert: known-peak'],
    ['of another tenant', 'other', FULL],
  ])('%s', (_whose, tenantId, expected) => {
    expect(peaks(tenantId)).toBe(expected);
  });

  it('that has not begun does not count', () => {
    expect(peaks(null, NOW + 1)).toBe(FULL);
  });
});

describe('a person', () => {
  const guarded = (more: object, activeTenants = 40) =>
    situation({
      activeTenants,
      evidence: evidence(['noisy'], { tenants: [facts('noisy', more)] }),
    });
  const answered = (state: 'pending' | 'approved' | 'denied' | 'expired') =>
    situation({
      evidence: evidence(['noisy'], {
        tenants: [facts('noisy', { guardedBecause: 'people decide about tenants of the plan enterprise' })],
        approvals: [{ anomalyId: 'finding-noisy', state, by: state === 'pending' ? null : 'bob' }],
      }),
    });

  it.each([
    ['a plan that people decide about', guarded({ guardedBecause: 'its plan' })],
    ['a tenant of weight', guarded({ weightShare: 0.15 })],
    ['a cut of more than 95 %', situation({ findings: [finding('noisy', { value: 61, ratio: 30 })] })],
  ])('is asked about %s', (_what, of) => {
    expect(outcome(of)).toBe('ask: needs-person');
  });

  it.each([
    ['a weight that everybody has', guarded({ weightShare: 0.15 }, 7)],
    ['a cut of less', situation({ findings: [finding('noisy', { value: 59, ratio: 30 })] })],
  ])('is not asked about %s', (_what, of) => {
    expect(outcome(of)).toBe(FULL);
  });

  it('is not asked about what refuses nothing', () => {
    expect(outcome({ ...guarded({ guardedBecause: 'its plan' }), mode: 'shadow' })).toBe(SHADOW);
  });

  it('who agrees lets it through all other guards, who denies or says nothing does not', () => {
    expect(outcome(answered('approved'))).toBe(FULL);
    expect(outcome(answered('pending'))).toBe('alert: needs-person');
    expect(outcome(answered('denied'))).toBe('alert: needs-person');
    expect(outcome(answered('expired'))).toBe('alert: needs-person');
    const idle = { ...answered('approved'), evidence: { ...answered('approved').evidence, verdicts: [] } };
    expect(outcome(idle as Situation)).toBe('alert: no-impact');
  });

  it('sees the throttle that they are asked about, whole', () => {
    const [action] = decide(guarded({ guardedBecause: 'its plan' })).actions;
    expect(action).toMatchObject({
      ...{ kind: 'ask', anomalyId: 'finding-noisy', tenantId: 'noisy' },
      throttle: { mode: 'enforce', limit: { requestsPerSecond: 3 }, anomalyId: 'finding-noisy' },
    });
  });
});

describe('a ceiling that is passed', () => {
  const ceiling = (rps: number, more: object = {}) =>
    situation({
      findings: [
        {
          ...finding('noisy', { metric: 'plan_ceiling', value: 9, baseline: rps, ratio: 9 / rps }, rps),
          ceilingRequestsPerSecond: rps,
        },
      ],
      evidence: evidence(['noisy'], {
        verdicts: [],
        tenants: [facts('noisy', { passedCeiling: 'sends more', ...more })],
      }),
    });

  it('limits at what the plan allows, without headroom and however little above it', () => {
    expect(outcome(ceiling(6))).toBe('enforce 6/s 300 s');
  });

  it('never limits below what the plan guarantees', () => {
    expect(outcome(ceiling(6, { guaranteedRequestsPerSecond: 7 }))).toBe('enforce 7/s 300 s');
  });
});

describe('several findings of one tenant', () => {
  it('lead to what it does, not to what happens to it, however far that is out of line', () => {
    const slow = finding('noisy', { id: 'slow', metric: 'p95_ms', ratio: 40 }, null);
    expect(outcome(situation({ findings: [slow, finding('noisy')] }))).toBe(FULL);
  });

  it('hold for a route alone where a route is what is out of line', () => {
    const route = finding('noisy', { metric: 'requests on /orders', value: 9, baseline: 2 });
    const [action] = decide(situation({ findings: [{ ...route, scope: { route: '/orders' } }] })).actions;
    expect(action).toMatchObject({ kind: 'throttle', throttle: { scope: { route: '/orders' } } });
  });
});

describe('tenants that are slow', () => {
  const slow = Array.from({ length: 30 }, (_, index) =>
    finding(`victim-${index}`, { metric: 'p95_ms', ratio: 5 }, null),
  );

  it('because of one that surges do not suspend what would help them', () => {
    const of = situation({ findings: [finding('noisy'), ...slow] });
    expect(outcome(of)).toBe(FULL);
    expect(decide(of).suspended).toBe(false);
  });
});
