import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SLICE_EXPIRES_MS } from '../../src/control/spend-page.ts';
import { ASKER, openBooks, reserve } from '../support/spend-pages.ts';
import { spendCap, spendReport, uuidOf } from '../support/spend-samples.ts';

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
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('reserve' as const), atLeast: fc.nat(300), wanted: fc.nat(2_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('spend' as const),
      which: fc.nat(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('report' as const), which: fc.nat(), lag: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }) },
);

test('any run of grants, reports, repeats, losses and expiries keeps the books right and the cap unpassed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(COMMAND, { maxLength: 60 }),
      fc.integer({ min: 1, max: 5_000 }),
      async (commands, amount) => {
        const { clock, books, onPage } = openBooks([spendCap({ amountMicro: amount, period: 'month' })]);
        const known: Known[] = [];
        const send = async (index: number, spent: number, closed: boolean) => {
          const one = known[index];
          if (one === undefined) return;
          await onPage([uuidOf(index)], (page) =>
            page.report(spendReport(uuidOf(index), { spent_micro: spent, closed }), ASKER),
          );
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
            const answer = await onPage([uuidOf(id)], (page) =>
              page.reserve(reserve(id, command.atLeast, command.wanted), ASKER),
            );
            if (answer.outcome === 'granted' && answer.granted_micro > 0) {
              expect(answer.granted_micro).toBeGreaterThanOrEqual(command.atLeast);
              known.push({
                granted: answer.granted_micro,
                spent: 0,
                reported: 0,
                state: 'open',
                expiresAt: clock.now + SLICE_EXPIRES_MS,
              });
            }
          } else if (command.kind === 'wait') {
            clock.now += command.ms;
            await onPage([], (page) => page.expireDue());
            for (const each of known) if (each.state === 'open' && each.expiresAt <= clock.now) each.state = 'presumed';
          } else if (one !== undefined) {
            // An instance spends within what it holds, also when the server has long given it up.
            if (command.kind === 'spend' && one.state !== 'closed')
              one.spent += Math.floor((one.granted - one.spent) * command.share);
            if (command.kind === 'report')
              await send(index, command.lag ? Math.floor(one.spent / 2) : one.spent, false);
            if (command.kind === 'close') await send(index, one.spent, true);
            if (command.kind === 'repeat') await send(index, one.reported, one.state === 'closed');
          }
          const rest = (state: Known['state']) =>
            known.reduce(
              (sum, each) => sum + (each.state === state ? Math.max(0, each.granted - each.reported) : 0),
              0,
            );
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
      },
    ),
    { numRuns: 300 },
  );
});
