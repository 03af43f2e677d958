import assert from 'node:assert/strict';
import { isKilled, runFaultLoad, sevenOfTenFail, standsStill } from '../support/clickhouse-fault-load.ts';
import type { Soak } from './soak.ts';

const AWAY_MS = 120_000;
const FAILING_MS = 60_000;
const MOST_GROWN_BYTES = 300 * 1024 ** 2;

export const storeFaults: Soak = {
  name: 'store-faults',
  summary: `ClickHouse away for ${AWAY_MS / 1_000} s, standing still as long, and failing seven of ten inserts: accepted is stored, per tenant and minute`,
  async run() {
    for (const disturbance of [sevenOfTenFail(FAILING_MS), standsStill(AWAY_MS), isKilled(AWAY_MS)]) {
      const outcome = await runFaultLoad(disturbance);
      const { statuses, acceptedSpans, failedInserts, drainedMs, grownBytes } = outcome;
      const figures = {
        statuses,
        acceptedSpans,
        failedInserts,
        drainedMs,
        grownMb: Math.round(grownBytes / 1024 ** 2),
      };
      process.stdout.write(`${disturbance.name}: ${JSON.stringify(figures)}\n`);
      assert.deepEqual(outcome.stored, outcome.accepted, 'what was accepted is stored');
      assert.deepEqual(outcome.rolledUp, outcome.accepted, 'and counted in the rollup');
      assert.equal(outcome.quarantined, 0, 'nothing was set apart for a fault of the store');
      assert.ok(
        statuses.every((status) => [200, 429, 503].includes(status)),
        'clients were told to try again or not',
      );
      assert.ok(grownBytes < MOST_GROWN_BYTES, 'memory stays bounded');
    }
  },
};
