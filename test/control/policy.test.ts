import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, POLICY_DEFAULTS, type Situation } from '../../src/control/policy.ts';
import { UNKNOWN_TENANT } from '../../src/domain/tenant-id.ts';
import type { ThrottleRecord } from '../../src/domain/throttle-record.ts';
import { finding, heldBack, NOW, record, situation, throttlesOf } from '../support/control-situation.ts';

/** As if nothing were asked for but room: for tests of several at once. */
const UNHURRIED = { ...POLICY_DEFAULTS, secondsBetweenActions: 0, maxActionsPerHour: 100 };

describe('a finding among healthy neighbours', () => {
  it('leads to one throttle that explains itself and ends by itself', () => {
    expect(decide(situation())).toEqual({
      suspended: false,
      actions: [
        {
          kind: 'throttle',
          throttle: {
            tenantId: 'noisy',
            scope: {},
            limit: { requestsPerSecond: 3, burst: 6 },
            mode: 'enforce',
            expiresInSeconds: 300,
            reason:
              'noisy sent 4.5x its usual requests (9.0/s against 2.0/s) in 3 of the last 5 intervals of 10 s; ' +
              'limited to 3 requests/s (usual: 2.00/s) for 300 s by owner-ratio/1 and policy/3',
            anomalyId: 'finding-noisy',
          },
          heldBackBy: [],
        },
      ],
    });
  });

  it('leads to a throttle in shadow when that is the mode', () => {
    expect(throttlesOf(decide(situation({ mode: 'shadow' })).actions)).toMatchObject([{ mode: 'shadow' }]);
  });

  it('in AI tokens limits requests at their own usual rate', () => {
    const tokens = finding('noisy', { metric: 'ai_tokens', value: 9_000, baseline: 1_000 }, 6);
    expect(throttlesOf(decide(situation({ findings: [tokens] })).actions)).toMatchObject([
      { limit: { requestsPerSecond: 9, burst: 18 } },
    ]);
  });

  it('is dealt with once when two metrics of a tenant are out of line', () => {
    const both = [finding('noisy'), finding('noisy', { id: 'tokens', metric: 'ai_tokens', ratio: 8 })];
    expect(throttlesOf(decide(situation({ findings: both })).actions)).toMatchObject([{ anomalyId: 'tokens' }]);
  });

  it('is over once it has ended', () => {
    const over = finding('noisy', { endedAt: NOW - 1 });
    expect(decide(situation({ findings: [over] })).actions).toEqual([]);
  });
});

describe('guards', () => {
  it.each<[string, Partial<Situation>, string]>([
    ['the mode is off', { mode: 'off' }, 'noisy: mode-off'],
    ['it is the unknown tenant', { findings: [finding(UNKNOWN_TENANT)] }, '(unknown): unknown-tenant'],
    ['nobody else is there to be protected', { activeTenants: 1 }, 'noisy: no-neighbours'],
    ['the number of active tenants is unknown', { activeTenants: Number.NaN }, 'noisy: no-neighbours'],
    ['the usual rate is unknown', { findings: [finding('noisy', {}, null)] }, 'noisy: no-usual-rate'],
    ['a human throttles it', { throttles: [record('noisy', { anomalyId: null })] }, 'noisy: human-throttle'],
    [
      'a human lifted its automatic throttle',
      { throttles: [record('noisy', { liftedAt: NOW - 3_599_000, liftedBy: 'ann' })] },
      'noisy: human-lift',
    ],
    [
      'a human lifted its automatic throttle, which would have run out since',
      { throttles: [record('noisy', { liftedAt: NOW - 900_000, liftedBy: 'ann', expiresAt: NOW - 800_000 })] },
      'noisy: human-lift',
    ],
  ])('only alert, with the reason, when %s', (_what, more, expected) => {
    const { actions, suspended } = decide(situation(more));
    expect(heldBack(actions)).toEqual([expected]);
    expect(actions).toHaveLength(1);
    expect(suspended).toBe(false);
  });

  it.each<[string, ThrottleRecord]>([
    [
      'a human lift of long ago',
      record('noisy', { createdAt: NOW - 3_700_000, liftedAt: NOW - 3_600_000, liftedBy: 'ann' }),
    ],
    [
      'a lift by the machine of a while ago',
      record('noisy', { createdAt: NOW - 2_000_000, liftedAt: NOW - 1_800_000, liftedBy: 'detector' }),
    ],
    ['an automatic throttle that has run out', record('noisy', { createdAt: NOW - 900_000, expiresAt: NOW })],
    ['a human throttle that has run out', record('noisy', { anomalyId: null, expiresAt: NOW })],
    ['what a human did for another tenant', record('other', { anomalyId: null })],
  ])('are not set off by %s', (_what, throttle) => {
    expect(throttlesOf(decide(situation({ throttles: [throttle] })).actions)).toHaveLength(1);
  });

  it('keep a tenant at one automatic throttle', () => {
    expect(decide(situation({ throttles: [record('noisy')] })).actions).toEqual([]);
  });
});

describe('how many at once', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => finding(`tenant-${index}`, { ratio: 3 + index }));

  it.each([
    [9, 1],
    [10, 1],
    [29, 2],
    [30, 3],
    [50, 5],
    [1_000, 5],
  ])('of %i active tenants at most %i', (activeTenants, expected) => {
    const findings = many(Math.floor(activeTenants * 0.29));
    expect(throttlesOf(decide(situation({ findings, activeTenants, params: UNHURRIED })).actions)).toHaveLength(
      expected,
    );
  });

  it('are the ones farthest out of line, the others are told why not', () => {
    const { actions } = decide(situation({ findings: many(3), activeTenants: 20, params: UNHURRIED }));
    expect(throttlesOf(actions).map(({ tenantId }) => tenantId)).toEqual(['tenant-2', 'tenant-1']);
    expect(heldBack(actions)).toEqual(['tenant-0: too-many-throttled']);
  });

  it('count those that are throttled already, but not people’s throttles', () => {
    const human = ['x', 'y', 'z'].map((name) => record(name, { anomalyId: null }));
    const throttles = [record('a'), record('b'), ...human];
    const { actions } = decide(situation({ findings: many(3), activeTenants: 30, throttles, params: UNHURRIED }));
    expect(throttlesOf(actions)).toHaveLength(1);
  });
});

describe('when everybody is out of line', () => {
  const three = ['a', 'b', 'c'].map((name) => finding(name));

  it('nobody is throttled, and somebody is paged once', () => {
    const first = decide(situation({ findings: three, activeTenants: 10 }));
    expect(first.suspended).toBe(true);
    expect(first.actions.filter(({ kind }) => kind === 'page')).toHaveLength(1);
    expect(heldBack(first.actions)).toEqual(['a: suspended', 'b: suspended', 'c: suspended']);

    const second = decide(situation({ findings: three, activeTenants: 10, wasSuspended: first.suspended }));
    expect(second.suspended).toBe(true);
    expect(second.actions.filter(({ kind }) => kind !== 'alert')).toEqual([]);
  });

  it('begins at 30 %, and never with a single tenant', () => {
    expect(decide(situation({ findings: three, activeTenants: 11 })).suspended).toBe(false);
    expect(decide(situation({ activeTenants: 2 })).suspended).toBe(false);
  });

  it('counts tenants, not findings', () => {
    const metrics = [finding('a'), finding('a', { metric: 'ai_tokens' }), finding('b')];
    expect(decide(situation({ findings: metrics, activeTenants: 10 })).suspended).toBe(false);
  });
});

describe('whatever happens', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', UNKNOWN_TENANT);
  const findings = fc.array(
    fc
      .record({
        name: names,
        ratio: fc.double({ min: 3, max: 900, noNaN: true }),
        usual: fc.option(fc.double({ min: 0, max: 1e4, noNaN: true })),
      })
      .map(({ name, ratio, usual }) => finding(name, { ratio, id: `${name}-${ratio}` }, usual)),
    { maxLength: 12 },
  );
  const records = fc.array(
    fc
      .record({
        name: names,
        anomalyId: fc.constantFrom(null, 'earlier'),
        expiresAt: fc.constantFrom(NOW - 1, NOW, NOW + 1, NOW + 60_000),
        liftedAt: fc.constantFrom(null, NOW - 10_000_000, NOW - 1_000),
      })
      .map(({ name, ...life }) => record(name, { ...life, liftedBy: life.liftedAt === null ? null : 'ann' })),
    { maxLength: 8 },
  );
  const any = fc
    .record({
      findings,
      throttles: records,
      activeTenants: fc.nat(200),
      mode: fc.constantFrom('off' as const, 'shadow' as const, 'enforce' as const),
      wasSuspended: fc.boolean(),
    })
    .map(situation);

  it('limits stay at or above the usual rate, throttles few, short-lived and off the unknown tenant', () => {
    fc.assert(
      fc.property(any, (now) => {
        const written = throttlesOf(decide(now).actions);
        const usual = new Map(now.findings.map((one) => [one.anomaly.id, one.usualRequestsPerSecond]));
        for (const { limit, anomalyId, expiresInSeconds, tenantId, mode, reason } of written) {
          expect(limit.requestsPerSecond).toBeGreaterThanOrEqual(usual.get(anomalyId ?? '') ?? Number.NaN);
          expect(limit.burst).toBeGreaterThanOrEqual(Math.max(1, limit.requestsPerSecond));
          expect(expiresInSeconds).toBe(300);
          expect(tenantId).not.toBe(UNKNOWN_TENANT);
          if (now.mode !== 'enforce') expect(mode).toBe(now.mode);
          expect(reason).toContain('owner-ratio/1');
        }
        const tenants = written.map(({ tenantId }) => tenantId);
        const held = now.throttles
          .filter(({ flag, liftedAt, anomalyId }) => anomalyId !== null && liftedAt === null && flag.expiresAt > NOW)
          .map(({ flag }) => flag.tenantId);
        const total = new Set([...tenants, ...held]).size;
        expect(tenants.length).toBe(new Set(tenants).size);
        expect(total).toBeLessThanOrEqual(Math.max(1, Math.min(now.activeTenants / 10, 5), new Set(held).size));
      }),
      { numRuns: 2_000 },
    );
  });

  it('the order of the findings and throttles does not matter', () => {
    fc.assert(
      fc.property(any, (now) => {
        const turned = { ...now, findings: now.findings.toReversed(), throttles: now.throttles.toReversed() };
        const kinds = (one: Situation) => decide(one).actions.map((action) => JSON.stringify(action));
        fc.pre(new Set(now.findings.map(({ anomaly }) => anomaly.id)).size === now.findings.length);
        expect(kinds(turned)).toEqual(kinds(now));
      }),
    );
  });
});
