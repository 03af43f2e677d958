import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint, Collected } from '../../../src/aggregate/collectors/checkpoint.ts';
import { type Database, PostgresCollector } from '../../../src/aggregate/collectors/postgres/postgres-collector.ts';
import { shareOut } from '../../../src/cost/share.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { MeasuredSize } from '../../../src/domain/storage.ts';
import type { StorageTargetSettings } from '../../../src/domain/storage-target.ts';
import { openStorageDatabase } from '../../../src/store/postgres/storage-database.ts';
import { StorageRunStore } from '../../../src/store/postgres/storage-run-store.ts';
import { StorageTargetStore } from '../../../src/store/postgres/storage-target-store.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { createTable, type TableOptions, trueSizes } from '../../support/storage-tables.ts';

const CHILD = fileURLToPath(new URL('../../../dist/test/support/children/storage-collect.js', import.meta.url));
const ADMIN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
const OPTIONS = { tenantColumns: ['tenant_id'], exclude: ['tenantry.*'] };
const MEGABYTE = 1_000_000;

/** 500 tenants over every way in which their rows may lie. */
const TABLES: readonly TableOptions[] = [
  { name: 'shop.imported', layout: 'clustered', rows: 300_000, indexes: ['alter table $t add primary key (id)'] },
  {
    ...{ name: 'shop.orders', layout: 'shuffled', rows: 100_000 },
    indexes: ['alter table $t add primary key (id)', 'create index on $t (tenant_id)', 'create index on $t (amount)'],
  },
  {
    ...{ name: 'shop.events', layout: 'mixed', rows: 100_000, giant: 0.4 },
    indexes: ['create index on $t (tenant_id)', 'create index on $t (created_at) where active'],
  },
  { name: 'shop.documents', layout: 'shuffled', rows: 4_000, wideEvery: 1, partitioned: true },
];
const PHYSICAL = ['shop.imported', 'shop.orders', 'shop.events', 'shop.documents_old', 'shop.documents_new'];

let db: TestPostgres;
let client: pg.Client;
const truth = new Map<string, number>();

beforeAll(async () => {
  db = await startTestPostgres();
  client = new pg.Client({ connectionString: db.ownerUrl });
  await client.connect();
  await client.query('create schema shop');
  for (const table of TABLES) await createTable(client, table);
  await client.query(
    `create table shop.countries (code text); insert into shop.countries select 'c' || n from generate_series(1, 5000) n`,
  );
  for (const table of PHYSICAL) {
    for (const [tenant, bytes] of await trueSizes(client, table)) truth.set(tenant, (truth.get(tenant) ?? 0) + bytes);
  }
}, 120_000);

afterAll(async () => {
  await client.end();
  await db.stop();
});

class MemoryCheckpoint implements Checkpoint {
  readonly steps = new Map<string, unknown>();
  load = async (step: string) => this.steps.get(step);
  save = async (step: string, value: unknown) => {
    this.steps.set(step, JSON.parse(JSON.stringify(value)));
  };
  progress = async () => undefined;
}

function collectorOf(
  seed: number,
  open: () => Promise<Database> = () => openStorageDatabase({ ...OPTIONS, url: db.ownerUrl }),
) {
  return new PostgresCollector({ open, shareOut, pageShare: 0.05, seed, pause: async () => undefined });
}

const collect = (seed: number): Promise<Collected> =>
  collectorOf(seed).collect(new MemoryCheckpoint(), new AbortController().signal);

function bytesByTenant(sizes: readonly MeasuredSize[]): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const size of sizes) bytes.set(size.tenantId, (bytes.get(size.tenantId) ?? 0) + Number(size.bytes));
  return bytes;
}

/** Pages of tables of `shop` that all sessions asked for, by the server's own statistics. */
async function pagesByServer(): Promise<number> {
  await client.query('select pg_stat_force_next_flush()');
  await client.query('select pg_stat_clear_snapshot()');
  const { rows } = await client.query<{ pages: number }>(
    `select sum(coalesce(heap_blks_read + heap_blks_hit, 0) + coalesce(idx_blks_read + idx_blks_hit, 0)
       + coalesce(toast_blks_read + toast_blks_hit, 0) + coalesce(tidx_blks_read + tidx_blks_hit, 0))::float8 as pages
     from pg_statio_user_tables where schemaname = 'shop'`,
  );
  return rows[0]?.pages ?? 0;
}

describe('500 tenants', () => {
  it.each([1, 2, 3])(
    'are each known within 3 per cent from 5 per cent of the pages, whichever pages (%i)',
    async (seed) => {
      const before = await pagesByServer();
      const { sizes, progress, skipped } = await collect(seed);
      const found = bytesByTenant(sizes);
      const large = [...truth].filter(([, bytes]) => bytes >= MEGABYTE);
      expect(truth.size).toBe(500);
      expect(large.length).toBeGreaterThan(20);
      const errors = large.map(([tenant, bytes]) => Math.abs((found.get(tenant) ?? 0) / bytes - 1));
      expect(Math.max(...errors)).toBeLessThan(0.03);
      expect(skipped).toEqual([]);
      expect(progress.read).toBeLessThanOrEqual((progress.of ?? 0) * 0.05);
      // The server's own account: never more than was said, and not much less.
      const readByServer = (await pagesByServer()) - before;
      expect(readByServer).toBeLessThanOrEqual(progress.read);
      expect(readByServer).toBeGreaterThan(progress.read * 0.95);
    },
  );

  it('have errors of the size that is stated', async () => {
    const { sizes } = await collect(4);
    const found = bytesByTenant(sizes);
    const stated = new Map(sizes.map(({ tenantId, errorBytes }) => [tenantId as string, Number(errorBytes)]));
    const large = [...truth].filter(([, bytes]) => bytes >= MEGABYTE);
    const deviations = large.map(([tenant, bytes]) => ((found.get(tenant) ?? 0) - bytes) / (stated.get(tenant) ?? 0));
    const within = (times: number) => deviations.filter((one) => Math.abs(one) <= times).length / deviations.length;
    expect(within(2)).toBeGreaterThan(0.75);
    expect(within(4)).toBe(1);
  });

  it('add up with what is free and what belongs to nobody to the size of all tables, to the byte', async () => {
    const { sizes } = await collect(5);
    const { rows } = await client.query<{ bytes: string }>(
      `select sum(pg_total_relation_size(c.oid))::text as bytes from pg_class c join pg_namespace n on n.oid = relnamespace
       where nspname in ('shop', 'tenantry') and relkind = 'r'`,
    );
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0n)).toBe(BigInt(rows[0]?.bytes ?? 0));
    const shared = sizes.find(({ part }) => part === 'shared');
    expect(shared).toMatchObject({ tenantId: '(unattributed)', method: 'tables without a tenant' });
  });
});

describe('a run that is killed', () => {
  it('goes on without the tables that are done, and finds what an undisturbed one finds', async () => {
    const seed = 6;
    const undisturbed = await collect(seed);
    const settings: StorageTargetSettings = {
      ...{ kind: 'postgres', urlRef: 'env:SHOP_URL', pageShare: 0.05, pauseMs: 0 },
      ...OPTIONS,
    };
    const target = await new StorageTargetStore(db.postgres).create(ADMIN, {
      name: 'shop',
      intervalSeconds: 600,
      settings,
    });
    const runs = new StorageRunStore(db.postgres);
    const run = await runs.begin(target.id, Date.now());
    const child = fork(CHILD, [db.appUrl, db.ownerUrl, run.id, String(seed)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [word] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => ['it ended by itself']),
    ])) as [string];
    expect(word).toBe('halfway');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;

    const again = await runs.begin(target.id, Date.now());
    expect(again).toMatchObject({ id: run.id, attempts: 2, startedAt: run.startedAt });
    const read = new Set<string>();
    const open = async () => {
      const database = await openStorageDatabase({ ...OPTIONS, url: db.ownerUrl });
      for (const table of database.tables) {
        const readBlocks = table.readBlocks.bind(table);
        table.readBlocks = (blocks) => {
          read.add(table.facts.name);
          return readBlocks(blocks);
        };
      }
      return database;
    };
    const resumed = await collectorOf(999, open).collect(
      {
        load: (step) => runs.load(run.id, step),
        save: (step, value) => runs.save(run.id, step, value),
        progress: (progress) => runs.progress(run.id, progress),
      },
      new AbortController().signal,
    );
    // In the order of names: the two partitions of documents were done.
    expect([...read].toSorted()).toEqual(['"shop"."events"', '"shop"."imported"', '"shop"."orders"']);
    expect(resumed.sizes.filter(({ part }) => part !== 'shared')).toEqual(
      undisturbed.sizes.filter(({ part }) => part !== 'shared'),
    );
    await runs.end(again, resumed.progress, resumed.skipped);
    expect(await runs.load(run.id, 'plan')).toBeUndefined();
    expect((await runs.newest(ADMIN))[0]).toMatchObject({ state: 'done', attempts: 2 });
  }, 60_000);
});

describe('a table that cannot be measured', () => {
  it('is named with the reason, and the others are measured', async () => {
    await client.query(`create role guest login password 'guest'; grant connect on database tenantry to guest; grant usage on schema shop to guest;
      grant select on shop.imported, shop.orders to guest; alter table shop.orders enable row level security`);
    const url = new URL(db.ownerUrl);
    url.username = 'guest';
    url.password = 'guest';
    try {
      const { sizes, skipped } = await collectorOf(7, () => openStorageDatabase({ ...OPTIONS, url: url.href })).collect(
        new MemoryCheckpoint(),
        new AbortController().signal,
      );
      expect(skipped).toEqual(
        expect.arrayContaining([
          { name: 'shop.events', reason: 'the login has no SELECT right' },
          { name: 'shop.orders', reason: expect.stringContaining('row security') },
        ]),
      );
      expect(skipped.map(({ name }) => name)).not.toContain('shop.imported');
      expect(sizes.length).toBeGreaterThan(100);
    } finally {
      await client.query('alter table shop.orders disable row level security; drop owned by guest; drop role guest');
    }
  });

  it('changes nothing in the database and is known by its name there', async () => {
    const database = await openStorageDatabase({ ...OPTIONS, url: db.ownerUrl });
    const { rows } = await client.query(`select 1 from pg_stat_activity where application_name = 'tenantry-storage'`);
    await database.close();
    expect(rows).toHaveLength(1);
  });
});
