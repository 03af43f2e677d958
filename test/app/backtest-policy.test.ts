/** History through detectors, blame and policy of production: whom they would have throttled, and what it proves. */
import { describe, expect, it } from 'vitest';
import { BacktestCancelled, backtestPolicy, type PolicyBacktest } from '../../src/app/backtest-policy.ts';
import { scoreThrottles } from '../../src/app/backtest-score.ts';
import { POLICY_DEFAULTS } from '../../src/control/policy.ts';
import type { MeasuredMinute } from '../../src/detect/minute-detector.ts';
import type { WouldThrottle } from '../../src/domain/backtest.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const MINUTE_MS = 60_000;
const DAY = 1_440;
const MONDAY = Date.UTC(2026, 10, 2) / MINUTE_MS;
const SURGE = 8 * DAY + 600;
const QUIET_SURGE = 8 * DAY + 1_000;

const random = seeded('policy-backtest');
const isIn = (index: number, from: number) => index >= from && index < from + 30;
/** Eight tenants; `acme` surges twice, and only the first time are the others slowed down. */
const minutes: MeasuredMinute[] = Array.from({ length: 9 * DAY }, (_, index) => {
  const factor = isIn(index, SURGE) || isIn(index, QUIET_SURGE) ? 6 : 1;
  const delay = isIn(index, SURGE) ? 4 : 1;
  const tenants = Array.from({ length: 8 }, (_unused, one): [string, ReadonlyMap<string, number>] => {
    const requests = poisson(random, 200 * (one === 0 ? factor : 1));
    const p95 = 100 * delay * (1 + 0.05 * random());
    return [
      one === 0 ? 'acme' : `calm-${one}`,
      new Map(Object.entries({ requests, cpu_ms: requests * 40, p95_ms: p95 })),
    ];
  });
  return { minute: MONDAY + index, tenants: new Map(tenants) };
});

function replay(more: Partial<PolicyBacktest> = {}) {
  const within = ({ from, to }: { from: number; to: number }) =>
    minutes.filter(({ minute }) => minute * MINUTE_MS >= from && minute * MINUTE_MS < to);
  return backtestPolicy({
    window: { from: (MONDAY + 8 * DAY) * MINUTE_MS, to: (MONDAY + 9 * DAY) * MINUTE_MS },
    historyMs: 8 * DAY * MINUTE_MS,
    ...{ rules: 'tenantry', rule: 'tenantry/1', params: POLICY_DEFAULTS, labels: null },
    minutes: async (window) => within(window),
    pools: async (window) => {
      const used = within(window).map(({ minute, tenants }) => ({
        at: minute * MINUTE_MS,
        uses: new Map(
          [...tenants].map(([tenant, values]) => {
            const { requests = 0, cpu_ms: cpuMs = 0, p95_ms: p95Ms = null } = Object.fromEntries(values);
            return [tenant, { requests, cpuMs, dbMs: 0, p95Ms }];
          }),
        ),
      }));
      return new Map([['shop', used]]);
    },
    onProgress: async () => true,
    ...more,
  });
}

const label = (from: number) => ({
  ...{ tenant_id: 'acme', started_at: (MONDAY + from) * 60, ended_at: (MONDAY + from + 30) * 60 },
});

describe('stored minutes', () => {
  it('lead to one throttle where others were harmed, and to an alert where nobody was', async () => {
    const shares: number[] = [];
    const result = await replay({
      labels: [label(SURGE)],
      onProgress: async (share) => shares.push(share) > 0,
    });
    expect(result).toMatchObject({ minutes: DAY, tenants: 8, throttles: 1, precision: 1, recall: 1 });
    expect(result.falsePerThousandTenantDays).toBe(0);
    expect(result.examples).toMatchObject([{ tenantId: 'acme', right: true }]);
    // It goes on while the surge does (20 minutes and more), past the five minutes of a throttle that is not renewed.
    expect(result.examples[0]?.seconds).toBeGreaterThan(900);
    expect(result.heldBack['no-impact']).toBeGreaterThan(0);
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });

  it('show what a draft would do otherwise', async () => {
    const result = await replay({ labels: [label(SURGE)], params: { ...POLICY_DEFAULTS, needsImpact: false } });
    expect(result).toMatchObject({ throttles: 2, precision: 0.5, recall: 1, falsePerThousandTenantDays: 125 });
  });

  it('prove nothing without labels', async () => {
    const result = await replay();
    expect(result).toMatchObject({ throttles: 1, precision: null, recall: null, falsePerThousandTenantDays: null });
  });

  it('are left alone once nobody wants the answer any more', async () => {
    let parts = 0;
    const asked = replay({
      onProgress: async () => {
        parts += 1;
        return parts < 3;
      },
    });
    await expect(asked).rejects.toBeInstanceOf(BacktestCancelled);
    expect(parts).toBe(3);
  });
});

describe('the score', () => {
  const at = (seconds: number, tenantId = 'acme'): WouldThrottle => ({
    ...{ tenantId: tenantId as TenantId, at: seconds * 1_000, metric: 'requests', requestsPerSecond: 1 },
    ...{ reason: '', right: null },
  });
  const known = [{ tenant_id: 'acme', started_at: 100, ended_at: 200 }];

  it.each([
    ['before it', at(99), 0],
    ['at its beginning', at(100), 1],
    ['a little after its end', at(320), 1],
    ['long after its end', at(321), 0],
    ['of another tenant', at(150, 'bolt'), 0],
  ])('of a throttle %s', (_when, throttle, precision) => {
    expect(scoreThrottles([throttle], known, 1_440)).toMatchObject({
      ...{ precision, recall: precision, falsePerThousandTenantDays: 1_000 * (1 - precision) },
    });
  });

  it('has no precision without a throttle, and no recall without a label', () => {
    expect(scoreThrottles([], known, 1_440)).toMatchObject({
      precision: null,
      recall: 0,
      falsePerThousandTenantDays: 0,
    });
    expect(scoreThrottles([at(1)], [], 1_440)).toMatchObject({ precision: 0, recall: null });
  });
});
