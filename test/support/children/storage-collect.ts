/**
 * Collects storage of a database for a run, as the server does, and says so when two tables are done. Then it goes on so
 * slowly that whoever started it can kill it in the middle.
 */
import { pino } from 'pino';
import { PostgresCollector } from '../../../src/aggregate/collectors/postgres/postgres-collector.ts';
import { shareOut } from '../../../src/cost/share.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { openStorageDatabase } from '../../../src/store/postgres/storage-database.ts';
import { StorageRunStore } from '../../../src/store/postgres/storage-run-store.ts';

const [controlUrl = '', targetUrl = '', runId = '', seed = ''] = process.argv.slice(2);
const postgres = new Postgres({ url: controlUrl, log: pino({ level: 'silent' }) });
const runs = new StorageRunStore(postgres);
let tablesDone = 0;

const collector = new PostgresCollector({
  open: () => openStorageDatabase({ url: targetUrl, tenantColumns: ['tenant_id'], exclude: ['tenantry.*'] }),
  shareOut,
  pageShare: 0.05,
  seed: Number(seed),
  pause: async () => {
    if (tablesDone < 2) return;
    process.send?.('halfway');
    await new Promise((resolve) => {
      setTimeout(resolve, 600_000);
    });
  },
});
await collector.collect(
  {
    load: (step) => runs.load(runId, step),
    save: (step, value) => runs.save(runId, step, value),
    progress: async (progress) => {
      tablesDone = progress.stepsDone;
    },
  },
  new AbortController().signal,
);
