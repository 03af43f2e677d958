import { afterEach, describe, expect, it } from 'vitest';
import { askFailingQuestions, EVERY_CAUSE, startFailingStore } from '../../support/clickhouse-failing-queries.ts';
import type { TestClickHouse } from '../../support/embedded-clickhouse.ts';

/** As many as are promised; `npm run soak -- failing-queries` asks more. */
const QUERIES = 5_000;
/** Enough for dozens of leftovers where nothing drains them. */
const QUERIES_WITHOUT_DRAIN = 600;

let store: TestClickHouse | undefined;
afterEach(async () => {
  await store?.stop();
  store = undefined;
});

async function ask(drainAfterError: boolean, queries: number) {
  store = await startFailingStore(drainAfterError);
  return askFailingQuestions(store, queries);
}

describe(`${QUERIES} questions of several tenants at once, a fifth of them failing by five causes`, () => {
  it('gives nobody a row of another question', async () => {
    const tally = await ask(true, QUERIES);
    expect(tally.wrong).toEqual([]);
    expect(tally.refusedMixups).toBe(0);
    expect(tally.good).toBe(QUERIES - QUERIES / 5);
    expect([...tally.failed.keys()].toSorted()).toEqual(EVERY_CAUSE);
  }, 170_000);

  it('would give foreign rows if a session were lent on without a drain, and the nonce would refuse them', async () => {
    const tally = await ask(false, QUERIES_WITHOUT_DRAIN);
    expect(tally.refusedMixups).toBeGreaterThan(0);
    // Every answer that was let through is still right: the second line of defence holds without the first.
    expect(tally.wrong.filter((item) => typeof item !== 'string')).toEqual([]);
  }, 170_000);
});
