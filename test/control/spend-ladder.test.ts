import { describe, expect, test } from 'vitest';
import { alertKey, decideLadder, type SpendFlag } from '../../src/control/spend-ladder.ts';
import type { HeldCap } from '../../src/control/spend-ledger.ts';
import { emptyAccount, type SpendCap } from '../../src/domain/spend.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { spendCap, TENANT } from '../support/spend-samples.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const DAY = { from: Date.UTC(2026, 5, 15), to: Date.UTC(2026, 5, 16) };

function held(usedMicro: number, changes: Partial<SpendCap> = {}, window = DAY): HeldCap {
  const cap = spendCap({ amountMicro: 1_000_000, ...changes });
  const { period, key, model } = cap;
  return { cap, account: { ...emptyAccount({ tenantId: TENANT, period, key, model, window }), spentMicro: usedMicro } };
}

function flag(changes: Partial<SpendFlag> = {}): SpendFlag {
  return {
    id: 'f-1',
    feature: 'ai',
    step: 'warn',
    ours: true,
    createdAt: NOW - MINUTE_MS,
    expiresAt: NOW + 29 * MINUTE_MS,
    liftedByPerson: false,
    ...changes,
  };
}

const decide = (caps: readonly HeldCap[], flags: readonly SpendFlag[] = [], now = NOW, told: string[] = []) =>
  decideLadder({ tenantId: TENANT, held: caps, flags, told: new Set(told), now });

describe('the flag of a cap', () => {
  test('is set at its threshold with a reason in numbers, and ends by itself at the latest with the period', () => {
    const [action] = decide([held(720_000)]).actions;
    expect(action).toMatchObject({ kind: 'set', feature: 'ai', step: 'warn', expiresAt: NOW + 30 * MINUTE_MS });
    expect(action?.kind === 'set' && action.reason).toBe("acme has used 72 % of today's AI cap: 0.72 USD of 1.00 USD.");
    const late = DAY.to - 4 * MINUTE_MS;
    expect(decide([held(720_000)], [], late).actions).toMatchObject([{ kind: 'set', expiresAt: DAY.to }]);
    expect(decide([held(699_999)]).actions).toEqual([]);
  });

  test('of one key or model degrades that key or model alone', () => {
    const caps = [held(950_000, { model: 'gpt-4o' }), held(1_000_000, { key: 'bob', model: 'gpt-4o' })];
    expect(decide(caps).actions).toMatchObject([
      { feature: 'ai.model.gpt-4o', step: 'cached_only' },
      { feature: 'ai.key.bob.model.gpt-4o', step: 'blocked' },
    ]);
  });

  test('is the strictest of all caps of the same feature', () => {
    const month = { from: Date.UTC(2026, 5, 1), to: Date.UTC(2026, 6, 1) };
    const caps = [held(710_000), held(1_000_000, { period: 'month' }, month)];
    expect(decide(caps).actions).toMatchObject([{ kind: 'set', step: 'blocked' }]);
  });

  test('is left as it is, renewed before it ends, and replaced when it gets too old to be renewed', () => {
    const cap = [held(720_000)];
    expect(decide(cap, [flag()]).actions).toEqual([]);
    expect(decide(cap, [flag({ expiresAt: NOW + 9 * MINUTE_MS })]).actions).toEqual([
      { kind: 'renew', id: 'f-1', expiresAt: NOW + 30 * MINUTE_MS },
    ]);
    const month = [held(720_000, { period: 'month' }, { from: NOW - 10 * DAY_MS, to: NOW + 10 * DAY_MS })];
    const old = flag({ createdAt: NOW - 23 * HOUR_MS, expiresAt: NOW + 5 * MINUTE_MS });
    expect(decide(month, [old]).actions).toMatchObject([{ kind: 'set', replaces: 'f-1' }]);
  });

  test('takes the place of the milder one', () => {
    expect(decide([held(910_000)], [flag()]).actions).toMatchObject([
      { kind: 'set', step: 'cached_only', replaces: 'f-1' },
    ]);
  });

  test('is lifted when the cap was raised, was taken away, or its period ended', () => {
    expect(decide([held(720_000, { amountMicro: 2_000_000 })], [flag()]).actions).toMatchObject([
      { kind: 'lift', id: 'f-1' },
    ]);
    expect(decide([], [flag()]).actions).toMatchObject([{ kind: 'lift', id: 'f-1' }]);
    expect(decide([held(720_000)], [flag()], DAY.to).actions).toMatchObject([{ kind: 'lift', id: 'f-1' }]);
  });

  test('stays while corrections move the share a little below the threshold', () => {
    expect(decide([held(690_000)], [flag()]).actions).toEqual([]);
    expect(decide([held(679_000)], [flag()]).actions).toMatchObject([{ kind: 'lift' }]);
    // But nothing is set that was not reached.
    expect(decide([held(690_000)]).actions).toEqual([]);
  });
});

describe("a person's word", () => {
  test('is never overwritten, and ours makes way for it', () => {
    const theirs = flag({ id: 'p-1', ours: false, step: 'ok' });
    expect(decide([held(1_000_000)], [theirs]).actions).toEqual([]);
    expect(decide([held(1_000_000)], [flag(), theirs]).actions).toMatchObject([{ kind: 'lift', id: 'f-1' }]);
    expect(decide([], [theirs]).actions).toEqual([]);
  });

  test('that lifted a flag holds for that step until the next period, not for a stricter one', () => {
    const lifted = flag({ liftedByPerson: true });
    expect(decide([held(720_000)], [lifted]).actions).toEqual([]);
    expect(decide([held(910_000)], [lifted]).actions).toMatchObject([{ kind: 'set', step: 'cached_only' }]);
    const yesterday = flag({ liftedByPerson: true, createdAt: DAY.from - 1 });
    expect(decide([held(720_000)], [yesterday]).actions).toMatchObject([{ kind: 'set', step: 'warn' }]);
  });
});

describe('alerts', () => {
  test('tell every threshold once for a period and an amount', () => {
    const first = decide([held(950_000)]).alerts;
    expect(first.map(({ percent, step, usedMicro }) => [percent, step, usedMicro])).toEqual([
      [70, 'warn', 950_000],
      [90, 'cached_only', 950_000],
    ]);
    const told = first.map(alertKey);
    expect(decide([held(960_000)], [], NOW, told).alerts).toEqual([]);
    expect(decide([held(1_000_000)], [], NOW, told).alerts.map(({ percent }) => percent)).toEqual([100]);
    const raised = decide([held(1_500_000, { amountMicro: 2_000_000 })], [], NOW, told).alerts;
    expect(raised.map(({ percent, amountMicro }) => [percent, amountMicro])).toEqual([[70, 2_000_000]]);
    const tomorrow = { from: DAY.to, to: DAY.to + DAY_MS };
    expect(decide([held(720_000, {}, tomorrow)], [], NOW, told).alerts).toHaveLength(1);
  });
});
