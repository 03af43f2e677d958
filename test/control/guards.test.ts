/** Each guard with a situation in which it, and no other, holds back: with it and without it the outcome differs. */
import { describe, expect, it } from 'vitest';
import { GUARDS, GUARDS_ELSEWHERE } from '../../src/control/guards.ts';
import { POLICY_DEFAULTS, type Situation } from '../../src/control/policy.ts';
import { UNKNOWN_TENANT } from '../../src/domain/tenant-id.ts';
import {
  evidence,
  FULL,
  facts,
  finding,
  HEALTHY,
  LONG_AGO,
  NOW,
  outcome,
  promoted,
  record,
  SHADOW,
  situation,
  tenant,
} from '../support/control-situation.ts';

const crowd = (count: number, ratio = 4.5) =>
  Array.from({ length: count }, (_, index) => finding(index === 0 ? 'noisy' : `other-${index}`, { ratio }));

/** Guard, situation, outcome with it, outcome without it. */
const CASES: readonly (readonly [guard: string, of: Situation, withIt: string, without: string])[] = [
  [
    'kill-switch',
    situation({ evidence: evidence(['noisy'], { killSwitch: { on: true, reason: 'drill' } }) }),
    'alert: kill-switch',
    FULL,
  ],
  ['mode-off', situation({ mode: 'off' }), 'alert: mode-off', FULL],
  ['suspended', situation({ findings: crowd(12) }), 'alert: suspended', FULL],
  ['unknown-tenant', situation({ findings: [finding(UNKNOWN_TENANT)] }), 'alert: unknown-tenant', FULL],
  ['no-neighbours', situation({ activeTenants: 1 }), 'alert: no-neighbours', SHADOW],
  ['human-throttle', situation({ throttles: [record('noisy', { anomalyId: null })] }), 'alert: human-throttle', FULL],
  [
    'human-lift',
    situation({
      throttles: [record('noisy', { ...LONG_AGO, liftedAt: NOW - 3_599_000, liftedBy: 'ann' })],
    }),
    'alert: human-lift',
    FULL,
  ],
  [
    'allow-listed',
    situation({
      findings: [finding('noisy', { ratio: 100, value: 50 })],
      evidence: evidence(['noisy'], {
        allowList: [{ tenantId: tenant('noisy'), owner: 'ann', reason: 'migrates', expiresAt: NOW + 1 }],
      }),
    }),
    'alert: allow-listed',
    FULL,
  ],
  ['held', situation({ evidence: evidence(['noisy'], { heldTenants: [tenant('noisy')] }) }), 'alert: held', FULL],
  ['no-usual-rate', situation({ findings: [finding('noisy', {}, null)] }), 'alert: no-usual-rate', 'enforce 1/s 300 s'],
  [
    'data-health',
    situation({
      evidence: evidence(['noisy'], {
        health: { ...HEALTHY, dataUntil: NOW - 61_000 },
      }),
    }),
    'alert: data-health',
    FULL,
  ],
  ['no-usage', situation({ params: { ...POLICY_DEFAULTS, throttledMetrics: ['ai_tokens'] } }), 'alert: no-usage', FULL],
  [
    'protected-route',
    situation({ findings: [{ ...finding('noisy'), scope: { route: '/api/v1/Billing/invoices' } }] }),
    'alert: protected-route',
    FULL,
  ],
  [
    'known-peak',
    situation({
      evidence: evidence(['noisy'], { peaks: [{ from: NOW, to: NOW + 1, name: 'month end', tenantId: null }] }),
    }),
    'alert: known-peak',
    FULL,
  ],
  [
    'low-volume',
    situation({ findings: [finding('noisy', { value: 7 / 60, baseline: 2 / 60, ratio: 3.5 }, 2 / 60)] }),
    'alert: low-volume',
    'enforce 1/s 300 s',
  ],
  [
    'single-source',
    situation({ evidence: evidence(['noisy'], { tenants: [facts('noisy', { sources: ['spans of api-1'] })] }) }),
    'alert: single-source',
    FULL,
  ],
  ['no-impact', situation({ evidence: evidence(['noisy'], { verdicts: [] }) }), 'alert: no-impact', FULL],
  [
    'reverted-lately',
    situation({
      throttles: [record('noisy', { createdAt: NOW - 1_790_000, liftedAt: NOW - 1_500_000, liftedBy: 'detector' })],
    }),
    'alert: reverted-lately',
    'enforce 3/s 600 s',
  ],
  [
    'flipping',
    situation({ throttles: [record('noisy', { createdAt: NOW - 899_000, expiresAt: NOW - 600_000 })] }),
    'alert: flipping',
    'enforce 3/s 600 s',
  ],
  [
    'too-many-throttled',
    situation({
      throttles: [1, 2, 3, 4].map((n) => record(`held-${n}`, { createdAt: NOW - 3_600_000 * n, anomalyId: `h-${n}` })),
    }),
    'alert: too-many-throttled',
    FULL,
  ],
  [
    'too-much-weight',
    situation({ evidence: evidence(['noisy'], { tenants: [facts('noisy', { weightShare: 0.21 })] }) }),
    'alert: too-much-weight',
    // So much weight is for a person to decide about, too.
    'ask: needs-person',
  ],
  [
    'too-soon',
    situation({ throttles: [record('another', { createdAt: NOW - 29_000, expiresAt: NOW - 1 })] }),
    'alert: too-soon',
    FULL,
  ],
  [
    'short-history',
    situation({ evidence: evidence(['noisy'], { tenants: [facts('noisy', { historySeconds: 7 * 86_400 - 1 })] }) }),
    SHADOW,
    FULL,
  ],
  ['few-peers', situation({ activeTenants: 5 }), SHADOW, FULL],
  ['shadow-first', situation({ mode: 'shadow' }), SHADOW, FULL],
  ['needs-approval', promoted({ approvedBy: null }), SHADOW, FULL],
  ['unproven-rule', promoted({ backtest: null }), SHADOW, FULL],
  [
    'ramp',
    promoted({ stage: 'canary' }),
    // 9/s are sent and 3/s would be let through: a tenth of the difference is cut.
    'enforce 8.4/s 300 s',
    FULL,
  ],
  [
    'floor',
    situation({ evidence: evidence(['noisy'], { tenants: [facts('noisy', { guaranteedRequestsPerSecond: 5 })] }) }),
    'enforce 5/s 300 s',
    FULL,
  ],
  [
    'expiry',
    situation({
      throttles: [1, 2].map((n) =>
        record('noisy', { anomalyId: `earlier-${n}`, createdAt: NOW - 3_600_000 * n, expiresAt: NOW - 1 }),
      ),
    }),
    'enforce 3/s 1200 s',
    FULL,
  ],
  ['needs-person', situation({ findings: [finding('noisy', { value: 100, ratio: 50 })] }), 'ask: needs-person', FULL],
];

describe('every guard', () => {
  it('lets a proven culprit through to an enforced throttle', () => {
    expect(outcome(situation())).toBe(FULL);
    expect(outcome(promoted())).toBe(FULL);
  });

  it.each(CASES)('%s holds back, and nothing else does', (name, of, withIt, without) => {
    expect(GUARDS.map((guard) => guard.name)).toContain(name);
    expect(outcome(of)).toBe(withIt);
    expect(
      outcome(
        of,
        GUARDS.filter((guard) => guard.name !== name),
      ),
    ).toBe(without);
  });

  it('has its case here, a name of its own, and the twenty are all there', () => {
    const names = GUARDS.map(({ name }) => name);
    expect(CASES.map(([name]) => name).toSorted()).toEqual(names.toSorted());
    expect(new Set(names).size).toBe(names.length);
    const rows = new Set([...GUARDS.map(({ row }) => row), ...Object.keys(GUARDS_ELSEWHERE)]);
    for (let row = 1; row <= 20; row += 1) expect([...rows]).toContain(`G${row}`);
  });
});
