import assert from 'node:assert/strict';
import { startTestPostgres } from '../support/postgres.ts';
import { seedTwoTenants } from '../support/postgres-two-tenants.ts';
import { loadOfTwoTenants } from '../support/postgres-two-tenants-load.ts';
import type { Soak } from './soak.ts';

const REQUESTS = 50_000;

export const twoTenants: Soak = {
  name: 'two-tenants',
  summary: `${REQUESTS} transactions of two tenants on four connections, many failing: none sees a row of the other`,
  async run() {
    const db = await startTestPostgres({ poolSize: 4 });
    try {
      await seedTwoTenants(db.ownerUrl);
      const tally = await loadOfTwoTenants(REQUESTS, (tenant, fn) =>
        db.postgres.inTenantTransaction(tenant, (transaction) => fn((text, values) => transaction.query(text, values))),
      );
      process.stdout.write(`${JSON.stringify({ right: tally.right, foreign: tally.foreign })}\n`);
      assert.deepEqual(tally.unexpected, [], 'each ends as it must');
      assert.deepEqual([tally.right, tally.foreign], [REQUESTS, 0], 'each sees its own rows alone');
    } finally {
      await db.stop();
    }
  },
};
