import assert from 'node:assert/strict';
import { askFailingQuestions, EVERY_CAUSE, startFailingStore } from '../support/clickhouse-failing-queries.ts';
import type { Soak } from './soak.ts';

const QUERIES = 20_000;

export const failingQueries: Soak = {
  name: 'failing-queries',
  summary: `${QUERIES} questions of several tenants at once, a fifth of them failing: no answer holds a row of another`,
  async run() {
    const store = await startFailingStore(true);
    try {
      const tally = await askFailingQuestions(store, QUERIES);
      process.stdout.write(`${JSON.stringify({ good: tally.good, failed: Object.fromEntries(tally.failed) })}\n`);
      assert.deepEqual(tally.wrong, [], 'every answer is the one to its question');
      assert.equal(tally.refusedMixups, 0, 'none had to be refused');
      assert.equal(tally.good, QUERIES - QUERIES / 5, 'every good question was answered');
      assert.deepEqual([...tally.failed.keys()].toSorted(), EVERY_CAUSE, 'every cause was met');
    } finally {
      await store.stop();
    }
  },
};
