import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { PostgresCollector } from '../../src/aggregate/collectors/postgres/postgres-collector.ts';
import { shareOut } from '../../src/cost/share.ts';
import { startEmbeddedPostgres } from '../../src/store/postgres/embedded.ts';
import { openStorageDatabase } from '../../src/store/postgres/storage-database.ts';
import { MemoryCheckpoint } from '../support/storage-checkpoint.ts';
import { createTable, type TableOptions, trueSizes } from '../support/storage-tables.ts';
import type { Bench } from './bench.ts';
import { measured, print, printTable } from './measure.ts';

const SEEDS = [1, 2, 3];
const MEGABYTE = 1_000_000;
const TENANT_INDEX = 'create index on $t (tenant_id)';
const PRIMARY_KEY = 'alter table $t add primary key (id)';

/** Each in a database of its own account: what holds for one layout must not hide behind another. */
const TABLES: readonly TableOptions[] = [
  { name: 'bench.by_tenant', layout: 'clustered', rows: 400_000, indexes: [PRIMARY_KEY] },
  { name: 'bench.by_tenant_indexed', layout: 'clustered', rows: 400_000, indexes: [TENANT_INDEX] },
  { name: 'bench.shuffled', layout: 'shuffled', rows: 400_000 },
  { name: 'bench.shuffled_indexed', layout: 'shuffled', rows: 400_000, indexes: [PRIMARY_KEY, TENANT_INDEX] },
  { name: 'bench.half_and_half', layout: 'mixed', rows: 400_000, giant: 0.4, indexes: [TENANT_INDEX] },
  { name: 'bench.imports', layout: 'batches', rows: 400_000, indexes: [TENANT_INDEX] },
  { name: 'bench.wide', layout: 'clustered', rows: 200_000, wideEvery: 30, indexes: [TENANT_INDEX] },
];

/** Error, and error over the standard error that was stated, of every tenant above a megabyte. */
async function accuracy(url: string, table: string, truth: ReadonlyMap<string, number>) {
  const large = [...truth].filter(([, bytes]) => bytes >= MEGABYTE);
  const errors: number[] = [];
  const deviations: number[] = [];
  let read = 0;
  let pages = 0;
  const cost = await measured(async () => {
    for (const seed of SEEDS) {
      const open = async () => {
        const database = await openStorageDatabase({ url, tenantColumns: ['tenant_id'], exclude: [] });
        const only = `"${table.replace('.', '"."')}"`;
        return { ...database, otherBytes: 0n, tables: database.tables.filter(({ facts }) => facts.name === only) };
      };
      const collector = new PostgresCollector({ open, shareOut, pageShare: 0.05, seed, pause: async () => undefined });
      const { sizes, progress } = await collector.collect(new MemoryCheckpoint(), new AbortController().signal);
      const found = new Map(sizes.map((size) => [size.tenantId as string, size]));
      read += progress.read;
      pages += progress.of ?? 0;
      for (const [tenant, bytes] of large) {
        const off = Math.abs(Number(found.get(tenant)?.bytes ?? 0n) - bytes);
        errors.push(off / bytes);
        deviations.push(off / Math.max(1, Number(found.get(tenant)?.errorBytes ?? 0n)));
      }
    }
  });
  return { tenants: large.length, errors, deviations, readShare: read / pages, msEach: cost.wallMs / SEEDS.length };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const percent = (value: number) => `${(100 * value).toFixed(2)} %`;

export const storage: Bench = {
  name: 'storage',
  summary: 'error of storage by tenant from 5 % of the pages, beside a full count, in each layout of rows',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
    const server = await startEmbeddedPostgres({ dataDir: folder, log: pino({ level: 'silent' }) });
    const client = new pg.Client({ connectionString: server.ownerUrl });
    try {
      await client.connect();
      await client.query('create schema bench');
      const rows: string[][] = [];
      for (const table of TABLES) {
        await createTable(client, table);
        let truth = new Map<string, number>();
        const full = await measured(async () => {
          truth = await trueSizes(client, table.name);
        });
        const { tenants, errors, deviations, readShare, msEach } = await accuracy(server.ownerUrl, table.name, truth);
        rows.push([
          table.name,
          String(tenants),
          percent(readShare),
          percent(quantile(errors, 0.5)),
          percent(quantile(errors, 0.95)),
          percent(quantile(errors, 1)),
          quantile(deviations, 0.95).toFixed(1),
          `${(full.wallMs / msEach).toFixed(0)} x`,
        ]);
      }
      printTable([
        ['TABLE', 'TENANTS > 1 MB', 'PAGES READ', 'P50 OFF', 'P95 OFF', 'WORST', 'P95 OFF / STATED', 'FASTER'],
        ...rows,
      ]);
      print();
      print(
        'OFF: from a full count, three samples of each table. STATED: the standard error in the answer. FASTER: than',
      );
      print(
        'the full count. Rows that lie at random without an index that leads with the tenant cannot be known better.',
      );
    } finally {
      await client.end();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
