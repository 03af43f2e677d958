import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { BudgetBurnLoop } from '../../src/app/control-budget-burn.ts';
import { BURN_WINDOWS, budgetBurn } from '../../src/control/budget-burn.ts';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import type { SpendCap } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 16, 12);
const MONTH = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) };
const ACME = 'acme' as TenantId;

/** Spend in dollars an hour: in the last five minutes, the rest of the hour, of six hours and of three days. */
function spending(five: number, hour = five, six = hour, days = six): ReadonlyMap<number, number> {
  const until = (ms: number) => {
    const parts = [
      [HOUR / 12, five],
      [HOUR, hour],
      [6 * HOUR, six],
      [72 * HOUR, days],
    ] as const;
    let [before, dollars] = [0, 0];
    for (const [end, rate] of parts) {
      dollars += (Math.max(0, Math.min(ms, end) - before) / HOUR) * rate;
      before = Math.max(before, Math.min(ms, end));
    }
    return Math.round(dollars * 1e6);
  };
  return new Map(BURN_WINDOWS.map((ms) => [ms, until(ms)]));
}

const burn = (spentMicro: ReadonlyMap<number, number>, budget = 720) =>
  budgetBurn({
    ...{ tenantId: ACME, budgetMicro: budget * 1e6, currency: 'USD', period: MONTH, spentMicro, now: NOW },
    ...{ open: undefined, newId: () => 'new' },
  });

describe('a budget of 720 dollars in a month of 720 hours', () => {
  it.each([
    ['the even pace', spending(1)],
    ['fourteen times it for an hour', spending(14, 14, 0, 0)],
    ['an hour whose end is quiet', spending(0, 20, 0, 0)],
    ['five minutes alone', spending(20, 1, 1, 1)],
    ['five times it for six hours', spending(5, 5, 5, 0)],
  ])('is not burnt by %s', (_what, spent) => {
    expect(burn(spent)).toBeUndefined();
  });

  it.each([
    ['fifteen times the pace for an hour', spending(15, 15, 0, 0), 15],
    ['seven times it for six hours', spending(7, 7, 7, 0), 7],
    ['twice the pace for three days', spending(2, 2, 2, 2), 2],
  ])('is burnt by %s', (_what, spent, ratio) => {
    expect(burn(spent)?.ratio).toBeCloseTo(ratio, 1);
  });

  it('says so with its numbers', () => {
    expect(burn(spending(20, 20, 0, 0))).toMatchObject({
      ...{ metric: 'ai_budget_burn', rule: 'budget-burn/1', baseline: 1, endedAt: null },
      reason:
        'acme spent 20.00 USD on AI in the last hour, 20.0x the pace that its monthly budget of 720.00 USD allows; ' +
        'at this pace a whole budget lasts 36 hours',
    });
  });

  it('of nothing says nothing', () => {
    expect(burn(spending(20), 0)).toBeUndefined();
  });
});

describe('the watch over budgets', () => {
  let found: Map<string, Anomaly>;
  let rate: number;
  let leads: boolean;
  let caps: SpendCap[];
  const cap = (tenantId: string, more: Partial<SpendCap> = {}) =>
    ({
      ...{ tenantId, plan: null, period: 'month', key: null, model: null, amountMicro: 720e6, currency: 'USD' },
      ...{ timeZone: 'UTC', ...more },
    }) as SpendCap;

  beforeEach(() => {
    found = new Map();
    rate = 1;
    leads = true;
    caps = [cap('acme'), cap('bolt', { period: 'day' }), cap('coil', { model: 'gpt' })];
  });

  const loop = () =>
    new BudgetBurnLoop({
      leadership: { isLeader: async () => leads },
      caps: {
        cappedTenants: async (_actor, after) => caps.map(({ tenantId }) => tenantId).filter((id) => id > after),
        standing: async () => ({ now: NOW, caps, accounts: [], alerts: [], inFlight: new Map() }),
      },
      costs: async ({ from, to }, tenants) =>
        new Map(tenants.map((id) => [id, { costMicro: BigInt(Math.round(((to - from) / HOUR) * rate * 1e6)) }])),
      dataUntil: () => NOW,
      anomalies: {
        open: async (anomaly) => {
          found.set(anomaly.id, anomaly);
          return anomaly;
        },
        update: async (anomaly) => found.set(anomaly.id, anomaly).size > 0,
        close: async (anomaly, endedAt) => found.set(anomaly.id, { ...anomaly, endedAt }).size > 0,
        openOnes: async () => [...found.values()].filter(({ endedAt }) => endedAt === null),
      },
      log: pino({ level: 'silent' }),
      now: () => NOW,
    });

  it('opens one finding for a tenant whose month burns, keeps it, and ends it', async () => {
    const watch = loop();
    await watch.tick();
    expect(found.size).toBe(0);
    rate = 20;
    await watch.tick();
    rate = 25;
    await watch.tick();
    expect([...found.values()]).toMatchObject([{ tenantId: 'acme', ratio: 25, endedAt: null }]);
    rate = 0.5;
    await watch.tick();
    expect([...found.values()]).toMatchObject([{ tenantId: 'acme', endedAt: NOW }]);
  });

  it('goes on with the finding of another server, and ends that of a budget that is gone', async () => {
    rate = 20;
    await loop().tick();
    await loop().tick();
    expect(found.size).toBe(1);
    caps = [];
    await loop().tick();
    expect([...found.values()]).toMatchObject([{ endedAt: NOW }]);
  });

  it('does nothing where another server leads', async () => {
    leads = false;
    rate = 20;
    await loop().tick();
    expect(found.size).toBe(0);
  });
});
