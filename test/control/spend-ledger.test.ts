import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { availableIn, decideGrant, limitOf, stepAt, usedOf } from '../../src/control/spend-ledger.ts';
import { SLICE_EXPIRES_MS, SpendPage } from '../../src/control/spend-page.ts';
import { MemoryBooks } from '../support/spend-memory-books.ts';
import { spendCap, spendReport, TENANT, uuidOf } from '../support/spend-samples.ts';
import { TEST_RATES } from '../support/api-memory-spend.ts';
import { accountKey, emptyAccount, type SpendAccount, type SpendCap } from '../../src/domain/spend.ts';

const TOOLS = { zone: () => () => 0, rates: () => TEST_RATES };
const ASKER = { keyId: 'k', instanceId: 'i', service: 's' };
const START = Date.UTC(2026, 5, 15, 12);

/** Books whose pages are worked on at once, as the store does it under its lock. */
function openBooks(caps: readonly SpendCap[]) {
  const clock = { now: START };
  const books = new MemoryBooks(() => clock.now);
  books.caps = [...caps];
  const onPage = async <T>(ids: readonly string[], work: (page: SpendPage) => T): Promise<T> =>
    books.onPage(TENANT, ids, (data) => {
      const page = new SpendPage(data, TOOLS);
      const result = work(page);
      return { changes: page.changes(), result };
    });
  return { clock, books, onPage };
}

const reserve = (id: number, atLeast: number, wanted = atLeast) => ({
  id: uuidOf(id),
  tenant_id: TENANT,
  instance_id: 'i',
  service: 's',
  at_least_micro: atLeast,
  wanted_micro: wanted,
});

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
    await onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: 55, calls: 2, closed: true }), ASKER));
    const states = await Promise.all(
      [55, 90].map((spent) =>
        onPage([uuidOf(1)], (page) => page.report(spendReport(uuidOf(1), { spent_micro: spent, closed: true }), ASKER)),
      ),
    );
    expect(states.map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect([...books.accounts.values()]).toMatchObject([{ reservedMicro: 0, spentMicro: 55, presumedMicro: 0, calls: 2 }]);
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
    expect(ask(spendCap({ onUnpriced: 'refuse' }))).toMatchObject({ outcome: 'unpriced', granted_micro: 0, rates: null });
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
    const one = held(spendCap({ amountMicro: 100 }), { spentMicro: 20, presumedMicro: 5, observedMicro: 60, reservedMicro: 10 });
    expect([usedOf(one.account), availableIn(one)]).toEqual([60, 30]);
    expect(availableIn(held(one.cap, { spentMicro: 20, presumedMicro: 50, observedMicro: 60 }))).toBe(30);
  });

  test('ends at the rung that blocks, and never where none does', () => {
    expect(limitOf(spendCap({ amountMicro: 101, ladder: [{ percent: 90, step: 'blocked' }] }))).toBe(90);
    expect(limitOf(spendCap({ ladder: [{ percent: 100, step: 'cached_only' }] }))).toBe(Number.POSITIVE_INFINITY);
    expect(decideGrant([held(spendCap({ amountMicro: 0 }), {})], { atLeastMicro: 0, wantedMicro: 9 }).outcome).toBe('refused');
  });

  test('is shared: a slice takes an eighth of it at most, a call what it needs', () => {
    const one = held(spendCap({ amountMicro: 800 }), {});
    expect(decideGrant([one], { atLeastMicro: 1, wantedMicro: 800 }).grantedMicro).toBe(100);
    expect(decideGrant([one], { atLeastMicro: 500, wantedMicro: 800 }).grantedMicro).toBe(500);
    expect(decideGrant([one], { atLeastMicro: 801, wantedMicro: 801 })).toMatchObject({ outcome: 'refused', availableMicro: 800 });
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

// The model: every reservation alone, with what it was granted and what its calls really cost. The page keeps sums only.
interface Known {
  granted: number;
  /** Real cost so far; reports may lag behind it. */
  spent: number;
  reported: number;
  state: 'open' | 'closed' | 'presumed';
  expiresAt: number;
}

const COMMAND = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reserve' as const), atLeast: fc.nat(300), wanted: fc.nat(2_000) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('spend' as const), which: fc.nat(), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('report' as const), which: fc.nat(), lag: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }) },
);

test('any run of grants, reports, repeats, losses and expiries keeps the books right and the cap unpassed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(COMMAND, { maxLength: 60 }), fc.integer({ min: 1, max: 5_000 }), async (commands, amount) => {
      const { clock, books, onPage } = openBooks([spendCap({ amountMicro: amount, period: 'month' })]);
      const known: Known[] = [];
      const send = async (index: number, spent: number, closed: boolean) => {
        const one = known[index];
        if (one === undefined) return;
        await onPage([uuidOf(index)], (page) => page.report(spendReport(uuidOf(index), { spent_micro: spent, closed }), ASKER));
        if (one.state === 'closed') return;
        one.reported = Math.max(one.reported, spent);
        one.expiresAt = one.state === 'open' ? Math.max(one.expiresAt, clock.now + SLICE_EXPIRES_MS) : one.expiresAt;
        if (closed) one.state = 'closed';
      };
      for (const command of commands) {
        const index = 'which' in command && known.length > 0 ? command.which % known.length : 0;
        const one = known[index];
        if (command.kind === 'reserve') {
          const id = known.length;
          const answer = await onPage([uuidOf(id)], (page) => page.reserve(reserve(id, command.atLeast, command.wanted), ASKER));
          if (answer.outcome === 'granted' && answer.granted_micro > 0) {
            expect(answer.granted_micro).toBeGreaterThanOrEqual(command.atLeast);
            known.push({ granted: answer.granted_micro, spent: 0, reported: 0, state: 'open', expiresAt: clock.now + SLICE_EXPIRES_MS });
          }
        } else if (command.kind === 'wait') {
          clock.now += command.ms;
          await onPage([], (page) => page.expireDue());
          for (const each of known) if (each.state === 'open' && each.expiresAt <= clock.now) each.state = 'presumed';
        } else if (one !== undefined) {
          // An instance spends within what it holds, also when the server has long given it up.
          if (command.kind === 'spend' && one.state !== 'closed') one.spent += Math.floor((one.granted - one.spent) * command.share);
          if (command.kind === 'report') await send(index, command.lag ? Math.floor(one.spent / 2) : one.spent, false);
          if (command.kind === 'close') await send(index, one.spent, true);
          if (command.kind === 'repeat') await send(index, one.reported, one.state === 'closed');
        }
        const rest = (state: Known['state']) =>
          known.reduce((sum, each) => sum + (each.state === state ? Math.max(0, each.granted - each.reported) : 0), 0);
        const [account] = [...books.accounts.values()];
        expect({
          reserved: account?.reservedMicro ?? 0,
          presumed: account?.presumedMicro ?? 0,
          spent: account?.spentMicro ?? 0,
        }).toEqual({
          reserved: rest('open'),
          presumed: rest('presumed'),
          spent: known.reduce((sum, each) => sum + each.reported, 0),
        });
        // The promise itself: what was really spent never passes the cap, whatever was lost on the way.
        expect(known.reduce((sum, each) => sum + each.spent, 0)).toBeLessThanOrEqual(amount);
      }
      for (const [index, one] of known.entries()) await send(index, one.spent, true);
      expect([...books.accounts.values()].map((account) => account.reservedMicro + account.presumedMicro)).toEqual(
        [...books.accounts.values()].map(() => 0),
      );
    }),
    { numRuns: 300 },
  );
});

test('accounts are told apart by period, scope and start', () => {
  const id = { period: 'day' as const, key: null, model: null, window: { from: 0, to: 1 } };
  const keys = [id, { ...id, period: 'month' as const }, { ...id, key: 'a' }, { ...id, model: 'a' }, { ...id, window: { from: 1, to: 2 } }];
  expect(new Set(keys.map(accountKey)).size).toBe(keys.length);
});
