import assert from 'node:assert/strict';
import { startTestClickHouse } from '../support/embedded-clickhouse.ts';
import { type FuzzTally, fuzzWireCheck } from '../support/ingest-fuzz-run.ts';
import type { Soak } from './soak.ts';

const REQUESTS = 10_000_000;
/** Each round begins with empty tables and a seed of its own, so that the disk holds one round. */
const ROUND = 500_000;
const TOLD_EVERY = 100_000;

export const fuzz: Soak = {
  name: 'fuzz',
  summary: `${REQUESTS.toLocaleString('en-US')} mutated requests before the wire check, protobufjs and the engine: refused, or understood alike by all`,
  async run() {
    const seed = Number(process.env['TENANTRY_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const requests = Number(process.env['TENANTRY_FUZZ_REQUESTS'] ?? REQUESTS);
    process.stdout.write(`seed ${seed}\n`);
    const store = await startTestClickHouse();
    try {
      for (let done = 0; done < requests; done += ROUND) {
        const round = Math.min(ROUND, requests - done);
        const tally = await fuzzWireCheck({
          ...{ seed: seed + done / ROUND, requests: round, store },
          onBatch: (sofar) => {
            if (sofar.requests % TOLD_EVERY === 0) process.stdout.write(`${line(done, sofar)}\n`);
          },
        });
        process.stdout.write(`round of seed ${seed + done / ROUND}: ${JSON.stringify(tally, null, 2)}\n`);
        assert.deepEqual(tally.violations, [], 'every request is refused, or understood alike by all');
        for (const table of ['spans', 'spans_set_aside', 'metric_points', 'metric_points_set_aside']) {
          await store.clickhouse.command(`TRUNCATE TABLE tenantry.${table}`);
        }
      }
    } finally {
      await store.stop();
    }
  },
};

function line(before: number, { requests, taken, refused, segments, violations }: FuzzTally): string {
  const sum = taken.traces + taken.metrics + taken.logs;
  return `${before + requests} requests; of this round: taken ${sum}, refused ${refused}, segments ${segments}, violations ${violations.length}`;
}
