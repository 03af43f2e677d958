import { expect, it } from 'vitest';
import { killTable, runIngestKills } from '../support/ingest-kills.ts';

const SEED = Number(process.env['TENANTRY_TEST_SEED'] ?? Date.now() % 2 ** 31);

// Two thousand of them: npm run soak -- ingest-kills
it('stores every acknowledged span exactly once in every table, though receiver and loader are killed 200 times', async () => {
  const report = await runIngestKills({ receiver: 130, loader: 50, both: 20, seed: SEED, lifeMs: 1_000 });
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
  expect(report.acknowledged).toBeGreaterThan(1_000);
  expect(report.sentAgain).toBeGreaterThan(50);
}, 180_000);
