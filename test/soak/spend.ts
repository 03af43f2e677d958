import assert from 'node:assert/strict';
import { startTestPostgres } from '../support/postgres.ts';
import { runFleet } from '../support/spend-fleet.ts';
import type { Soak } from './soak.ts';

const ROUNDS = 20;
/** From a cap that hardly a call fits under to one that all of them do. */
const AMOUNTS = [5_000, 50_000, 300_000, 700_000, 2_000_000];

export const spend: Soak = {
  name: 'spend',
  summary: `${ROUNDS} times 3,000 AI calls on three instances under caps of five sizes, an instance and a server killed each time`,
  async run() {
    const db = await startTestPostgres();
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const amount = AMOUNTS[round % AMOUNTS.length] ?? 0;
        const { charged, chargedCalls, refused, account, open, presumed } = await runFleet(db, 3_000, amount);
        const counted = account.spentMicro + account.presumedMicro;
        process.stdout.write(
          `round ${round + 1}: cap ${amount}, charged ${charged} by ${chargedCalls} calls, counted ${counted}, refused ${refused}, presumed ${presumed}\n`,
        );
        assert.equal(account.excessMicro + account.unreservedMicro, 0, 'nothing was spent beyond its reservation');
        assert.ok(charged <= amount, 'what was charged is within the cap');
        assert.ok(
          charged <= counted && counted <= amount,
          'what is counted covers what was charged, and is within the cap',
        );
        assert.equal(account.reservedMicro + open, 0, 'every reservation is settled or charged');
      }
    } finally {
      await db.stop();
    }
  },
};
