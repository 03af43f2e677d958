import { expect, it } from 'vitest';
import { killTable, runIngestKills } from '../support/ingest-kills.ts';
import { runTerminations } from '../support/ingest-terminations.ts';

const SEED = Number(process.env['TENANTRY_TEST_SEED'] ?? Date.now() % 2 ** 31);

// The promise is 200 kills in every run of the tests; a receiver costs a fifth of a loader to start, so most are of it.
// Two thousand of them: npm run soak -- ingest-kills
it('stores every acknowledged span exactly once in every table, though receiver and loader are killed 200 times', async () => {
  const report = await runIngestKills({ receiver: 176, loader: 12, both: 12, seed: SEED, lifeMs: 400 });
  process.stdout.write(`${killTable(report)}\n`);
  const { kills, sent, stored } = report;
  expect(kills.receiver + kills.loader + kills.both).toBe(200);
  for (const account of Object.values(stored.byTenant)) expect(account).toEqual(sent);
  expect(stored.spans.rows).toBe(stored.spans.distinct);
  expect(stored.points.rows).toBe(stored.points.distinct);
  expect(stored.differing).toEqual([]);
  expect(stored.views).toBeGreaterThan(15);
  expect(report.quarantined).toEqual([]);
  expect(report.receiverExit).toBe(0);
  // The run was one worth looking at: answers were lost, and what was sent again was known.
  expect(report.acknowledged).toBeGreaterThan(150);
  expect(report.sentAgain).toBeGreaterThan(20);
}, 420_000);

// A hundred of them: npm run soak -- ingest-kills
it('ends with 0 and has stored what it acknowledged, though it is told to end 6 times under load', async () => {
  const report = await runTerminations(6, SEED);
  expect(report.exitCodes).toEqual(Array(7).fill(0));
  expect([report.storedSpans, report.distinctSpans]).toEqual([report.acknowledgedSpans, report.acknowledgedSpans]);
  expect(report.acknowledgedSpans).toBeGreaterThan(100);
  // No answer, for want of a receiver or since it ends; success; and 503 while it ends.
  expect(report.statuses.filter((status) => ![0, 200, 503].includes(status))).toEqual([]);
  expect(report.leftOpen).toBe(0);
}, 120_000);
