import assert from 'node:assert/strict';
import { runKills } from '../support/flow-kills.ts';
import { endEverything } from '../support/flow-tenantry.ts';
import type { Soak } from './soak.ts';

const KILLS = 100;
const MOST_OVERSTAY_MS = 5_000;

export const randomKills: Soak = {
  name: 'random-kills',
  summary: `server with detector, PostgreSQL or network killed ${KILLS} times: no throttle outlives its expiry by more than 5 s, what people decided survives`,
  async run() {
    const seed = Math.floor(Math.random() * 2 ** 31);
    process.stdout.write(`seed ${seed}\n`);
    try {
      const outcome = await runKills(KILLS, seed, (line) => process.stdout.write(`${line}\n`));
      process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
      assert.ok(outcome.worstOverstayMs <= MOST_OVERSTAY_MS, 'a throttle outlived its expiry');
      assert.ok(outcome.refusalsAlone > 0, 'the app obeyed by itself at least once');
      assert.ok(outcome.humanThrottles > KILLS / 2, 'people decided often enough for something to be lost');
      // On a slow machine it may never get so far; then this run says nothing about its throttles.
      if (outcome.automaticThrottles === 0) process.stdout.write('the detector never acted between the kills\n');
    } finally {
      await endEverything();
    }
  },
};
