import assert from 'node:assert/strict';
import { killTable, runIngestKills } from '../support/ingest-kills.ts';
import { runTerminations } from '../support/ingest-terminations.ts';
import type { Soak } from './soak.ts';

const KILLS = 2_000;
const TERMINATIONS = 100;

export const ingestKills: Soak = {
  name: 'ingest-kills',
  summary: `receiver, loader or both killed ${KILLS} times under load: every acknowledged span is stored once, in every rollup`,
  async run() {
    const seed = Math.floor(Math.random() * 2 ** 31);
    process.stdout.write(`seed ${seed}\n`);
    const kills = { receiver: 0.65 * KILLS, loader: 0.25 * KILLS, both: 0.1 * KILLS };
    const report = await runIngestKills({ ...kills, seed, lifeMs: 1_500 });
    process.stdout.write(`${killTable(report)}\n`);
    const { sent, stored } = report;
    for (const account of Object.values(stored.byTenant)) assert.deepEqual(account, sent);
    assert.deepEqual(stored.differing, []);
    assert.equal(stored.spans.rows, stored.spans.distinct, 'no span is stored twice');
    assert.equal(stored.points.rows, stored.points.distinct, 'no data point is stored twice');
    const ends = await runTerminations(TERMINATIONS, seed);
    process.stdout.write(
      `told to end ${TERMINATIONS} times: ${JSON.stringify({ ...ends, exitCodes: [...new Set(ends.exitCodes)] })}\n`,
    );
    assert.ok(ends.exitCodes.every((code) => code === 0) && ends.slowestMs < 15_000, 'it ends well');
    assert.deepEqual([ends.storedSpans, ends.distinctSpans], [ends.acknowledgedSpans, ends.acknowledgedSpans]);
  },
};
