import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { runFleet } from '../support/spend-fleet.ts';

let db: TestPostgres;

beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());

it('keeps three instances with 1,000 calls at once under the cap, though an instance and a server are killed', async () => {
  const { charged, chargedCalls, amount, refused, account, open, presumed } = await runFleet(db, 1_002, 300_000);
  // Every call reserved all that it could cost, so the published bound (excess of calls over their reservations) is 0.
  expect([account.excessMicro, account.unreservedMicro]).toEqual([0, 0]);
  expect(charged).toBeLessThanOrEqual(amount);
  // What is counted is at least what was charged: nothing is forgotten because somebody died.
  expect(account.spentMicro + account.presumedMicro).toBeGreaterThanOrEqual(charged);
  expect(account.spentMicro + account.presumedMicro).toBeLessThanOrEqual(amount);
  expect([account.reservedMicro, open]).toEqual([0, 0]);
  // The run was one worth looking at: calls were made, calls were refused, and the kill left something unsettled.
  expect(chargedCalls).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(0);
  expect(presumed).toBeGreaterThan(0);
});
