import { describe, expect, test } from 'vitest';
import { availableIn, decideGrant, limitOf, stepAt, usedOf } from '../../src/control/spend-ledger.ts';
import { SLICE_EXPIRES_MS, SpendPage } from '../../src/control/spend-page.ts';
import { accountKey, emptyAccount, type SpendAccount, type SpendCap } from '../../src/domain/spend.ts';
import { ASKER, openBooks, reserve, START, TOOLS } from '../support/spend-pages.ts';
import { spendCap, spendReport, TENANT, uuidOf } from '../support/spend-samples.ts';

describe('a reservation', () => {
  test('is answered the same when its request is repeated, and counted once', async () => {
    const { books, onPage } = openBooks([spendCap({ amountMicro: 1_000 })]);
    const first = await onPage([uuidOf(1)], (page) => page.reserve(reserve(1, 100), ASKER));
    const second = await onPage([uuidOf(1)], (page) => page.reserve(reserve(1, 100), ASKER));
    expect([first.outcome, second.outcome, second.granted_micro]).toEqual(['granted', 'granted', first.granted_micro]);
    expect([...books.accounts.values()].map((one) => one.reservedMicro)).toEqual([first.granted_micro]);
  });

  test('settled twice counts once, and a late smaller report takes nothing back', async () => {
    const { books, onPage } = openBooks([spendCap({ amountMicro: 1_000 })]);
    await onPage([uuidOf(1)], (page) => page.reserve(reserve(1, 100), ASKER));
    for (const spent of [40, 40, 10]) {
      await onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: spent, calls: 1 }), ASKER));
    }
    await onPage([uuidOf(1)], (page) =>
      page.report(spendReport(uuidOf(1), { spent_micro: 55, calls: 2, closed: true }), ASKER),
    );
    const states = await Promise.all(
      [55, 90].map((spent) =>
        onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: spent, closed: true }), ASKER)),
      ),
    );
    expect(states.map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect([...books.accounts.values()]).toMatchObject([
      { reservedMicro: 0, spentMicro: 55, presumedMicro: 0, calls: 2 },
    ]);
  });

  test('whose settlement is lost is charged at its expiry, and corrected when it comes after all', async () => {
    const { clock, books, onPage } = openBooks([spendCap({ amountMicro: 1_000 })]);
    await onPage([uuidOf(1)], (page) => page.reserve(reserve(1, 100), ASKER));
    await onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: 30 }), ASKER));
    clock.now += SLICE_EXPIRES_MS - 1;
    expect(await onPage([], (page) => page.expireDue())).toBe(0);
    clock.now += 1;
    expect(await onPage([], (page) => page.expireDue())).toBe(1);
    expect([...books.accounts.values()]).toMatchObject([{ reservedMicro: 0, spentMicro: 30, presumedMicro: 70 }]);
    await onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: 45, closed: true }), ASKER));
    expect([...books.accounts.values()]).toMatchObject([{ reservedMicro: 0, spentMicro: 45, presumedMicro: 0 }]);
  });

  test('goes to every cap that holds, and to no other', async () => {
    const { books, onPage } = openBooks([
      spendCap({ amountMicro: 1_000 }),
      spendCap({ amountMicro: 1_000, period: 'month' }),
      spendCap({ amountMicro: 1_000, key: 'bob' }),
      spendCap({ amountMicro: 1_000, key: 'eve' }),
      spendCap({ amountMicro: 1_000, model: 'gpt-4o' }),
      spendCap({ amountMicro: 1_000, model: 'gpt-4' }),
    ]);
    const request = { ...reserve(1, 10), key: 'bob', model: 'gpt-4o-2024-08-06' };
    const answer = await onPage([uuidOf(1)], (page) => page.reserve(request, ASKER));
    expect(answer).toMatchObject({ by_key: true, by_model: true });
    expect([...books.accounts.values()].map(({ period, key, model }) => [period, key, model])).toEqual([
      ['day', null, null],
      ['month', null, null],
      ['day', 'bob', null],
      ['day', null, 'gpt-4o'],
    ]);
  });

  test('ends with the period for new calls, and stays with the period that it began in', async () => {
    const { clock, books, onPage } = openBooks([spendCap({ amountMicro: 1_000 })]);
    clock.now = Date.UTC(2026, 5, 15, 23, 59, 55);
    const answer = await onPage([uuidOf(1)], (page) => page.reserve(reserve(1, 10), ASKER));
    expect([answer.usable_ms, answer.resets_ms]).toEqual([5_000, 5_000]);
    clock.now += 10_000;
    await onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: 7, closed: true }), ASKER));
    const fresh = await onPage([uuidOf(2)], (page) => page.reserve(reserve(2, 10), ASKER));
    expect(fresh.available_micro).toBe(1_000 - fresh.granted_micro);
    expect([...books.accounts.values()].map(({ window, spentMicro }) => [window.from, spentMicro])).toEqual([
      [Date.UTC(2026, 5, 15), 7],
      [Date.UTC(2026, 5, 16), 0],
    ]);
  });

  test('of an unpriced call is refused or counted, as the cap says', async () => {
    const unpriced = { ...TOOLS, rates: () => null };
    const estimate = { input_tokens: 10, max_output_tokens: 10 };
    const ask = (cap: SpendCap) =>
      new SpendPage({ tenantId: TENANT, now: START, caps: [cap], accounts: [], reservations: [] }, unpriced).reserve(
        { id: uuidOf(1), tenant_id: TENANT, instance_id: 'i', service: 's', model: 'mystery', estimate },
        ASKER,
      );
    expect(ask(spendCap({ onUnpriced: 'refuse' }))).toMatchObject({
      outcome: 'unpriced',
      granted_micro: 0,
      rates: null,
    });
    expect(ask(spendCap({ onUnpriced: 'allow' }))).toMatchObject({ outcome: 'granted', granted_micro: 1, rates: null });
  });

  test('for one call takes what its tokens may cost at most, as the price book says', async () => {
    const { onPage } = openBooks([spendCap({ amountMicro: 1_000_000 })]);
    const request = {
      ...{ id: uuidOf(1), tenant_id: TENANT, instance_id: 'i', service: 's', model: 'gpt-4o' },
      estimate: { input_tokens: 100, max_output_tokens: 50 },
    };
    const answer = await onPage([uuidOf(1)], (page) => page.reserve(request, ASKER));
    expect(answer.granted_micro).toBe(100 * 1 + 50 * 4);
  });
});

describe('what is left', () => {
  const held = (cap: SpendCap, figures: Partial<SpendAccount>) => ({
    cap,
    account: {
      ...emptyAccount({ tenantId: TENANT, period: 'day', key: null, model: null, window: { from: 0, to: 1 } }),
      ...figures,
    },
  });

  test('counts what spans say when that is more than what apps said', () => {
    const one = held(spendCap({ amountMicro: 100 }), {
      spentMicro: 20,
      presumedMicro: 5,
      observedMicro: 60,
      reservedMicro: 10,
    });
    expect([usedOf(one.account), availableIn(one)]).toEqual([60, 30]);
    expect(availableIn(held(one.cap, { spentMicro: 20, presumedMicro: 50, observedMicro: 60 }))).toBe(30);
  });

  test('ends at the rung that blocks, and never where none does', () => {
    expect(limitOf(spendCap({ amountMicro: 101, ladder: [{ percent: 90, step: 'blocked' }] }))).toBe(90);
    expect(limitOf(spendCap({ ladder: [{ percent: 100, step: 'cached_only' }] }))).toBe(Number.POSITIVE_INFINITY);
    expect(decideGrant([held(spendCap({ amountMicro: 0 }), {})], { atLeastMicro: 0, wantedMicro: 9 }).outcome).toBe(
      'refused',
    );
  });

  test('is shared: a slice takes an eighth of it at most, a call what it needs', () => {
    const one = held(spendCap({ amountMicro: 800 }), {});
    expect(decideGrant([one], { atLeastMicro: 1, wantedMicro: 800 }).grantedMicro).toBe(100);
    expect(decideGrant([one], { atLeastMicro: 500, wantedMicro: 800 }).grantedMicro).toBe(500);
    expect(decideGrant([one], { atLeastMicro: 801, wantedMicro: 801 })).toMatchObject({
      outcome: 'refused',
      availableMicro: 800,
    });
  });

  test('is at a step from its threshold on, not before', () => {
    const cap = spendCap({ amountMicro: 1_000 });
    expect([699, 700, 899, 900, 999, 1_000].map((used) => stepAt(cap, used))).toEqual([
      'ok',
      'warn',
      'warn',
      'cached_only',
      'cached_only',
      'blocked',
    ]);
  });
});

test('accounts are told apart by period, scope and start', () => {
  const id = { period: 'day' as const, key: null, model: null, window: { from: 0, to: 1 } };
  const keys = [
    id,
    { ...id, period: 'month' as const },
    { ...id, key: 'a' },
    { ...id, model: 'a' },
    { ...id, window: { from: 1, to: 2 } },
  ];
  expect(new Set(keys.map(accountKey)).size).toBe(keys.length);
});
