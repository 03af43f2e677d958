import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorageDatabase, type StorageDatabase } from '../../../src/store/postgres/storage-database.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

let db: TestPostgres;
let client: pg.Client;

/** Columns whose sizes, alignments, nulls and ways of being stored differ; `i` is the row's number. */
const SHAPES: Readonly<Record<string, { readonly columns: string; readonly values: string }>> = {
  fixed: { columns: 'a boolean, b bigint, c smallint, d int, e double precision', values: `true, i, i, i, i` },
  texts: {
    columns: 'a text, b int, c text, d bigint, e varchar',
    values: `repeat('x', i % 200), i, repeat('y', i % 7), i, repeat('z', 120 + i % 12)`,
  },
  nulls: {
    columns: 'a int, b text, c bigint, d boolean',
    values: `nullif(i % 3, 0), case when i % 2 = 0 then 'b' end, nullif(i % 5, 0), nullif(i % 7 = 0, true)`,
  },
  wide: {
    columns: 'a text, b text storage external, c text storage main, d text',
    values: `(select string_agg(md5(i::text || g), '') from generate_series(1, i % 120) g), repeat('q', i * 5),
             repeat('compressible ', i % 90), repeat('r', 3000)`,
  },
  others: {
    columns: 'a uuid, b numeric, c jsonb, d timestamptz, e char(3), f text[], g inet',
    values: `gen_random_uuid(), i * 1.5, jsonb_build_object('k', i, 'v', repeat('w', i % 40)), now(), 'abc',
             array['one', repeat('t', i % 30)], '10.0.0.1'`,
  },
};

beforeAll(async () => {
  db = await startTestPostgres();
  client = new pg.Client({ connectionString: db.ownerUrl });
  await client.connect();
  await client.query('create extension pageinspect');
  for (const [name, { columns, values }] of Object.entries(SHAPES)) {
    await client.query(`create table public.${name} (tenant_id text, ${columns})`);
    await client.query(`insert into public.${name} select 'acme', ${values} from generate_series(1, 400) i`);
  }
  // Added and dropped columns leave marks in the tuples that come after.
  await client.query(`create table public.changed (tenant_id text, gone bigint, kept int);
    alter table public.changed drop column gone; alter table public.changed add column late text;
    insert into public.changed select 'acme', i, 'late' from generate_series(1, 400) i`);
}, 60_000);

afterAll(async () => {
  await client.end();
  await db.stop();
});

const open = (): Promise<StorageDatabase> =>
  openStorageDatabase({ url: db.ownerUrl, tenantColumns: ['tenant_id'], exclude: ['tenantry.*'] });

describe('the size of a row', () => {
  it.each([...Object.keys(SHAPES), 'changed'])('of table "%s" is what the page says, to the byte', async (name) => {
    const database = await open();
    try {
      const table = database.tables.find(({ facts }) => facts.name === `"public"."${name}"`);
      const { rows } = await client.query<{ bytes: number; outside: number }>(
        `select (select sum((lp_len + 7) / 8 * 8 + 4)::float8 from generate_series(0, pg_relation_size($1::regclass) / 8192 - 1) b,
                   heap_page_items(get_raw_page($1::regclass::text, b::int)) where lp_flags = 1) as bytes`,
        [`public.${name}`],
      );
      const blocks = Array.from({ length: table?.facts.heapPages ?? 0 }, (_, block) => block);
      const pages = (await table?.readBlocks(blocks)) ?? [];
      const found = pages.flatMap(({ tenants }) => tenants);
      expect(found.reduce((sum, { heap }) => sum + heap, 0)).toBe(rows[0]?.bytes);
      expect(found.reduce((sum, { rows: count }) => sum + count, 0)).toBe(400);
    } finally {
      await database.close();
    }
  });

  it('outside of the page is what the TOAST table holds', async () => {
    const database = await open();
    const table = database.tables.find(({ facts }) => facts.name === '"public"."wide"');
    const { rows: named } = await client.query<{ name: string }>(
      `select reltoastrelid::regclass::text as name from pg_class where oid = 'public.wide'::regclass`,
    );
    const { rows } = await client.query<{ bytes: number }>(
      `select sum(octet_length(chunk_data))::float8 as bytes from ${named[0]?.name}`,
    );
    const blocks = Array.from({ length: table?.facts.heapPages ?? 0 }, (_, block) => block);
    const pages = (await table?.readBlocks(blocks)) ?? [];
    await database.close();
    const outside = pages.flatMap(({ tenants }) => tenants).reduce((sum, one) => sum + one.outside, 0);
    expect(outside).toBe(rows[0]?.bytes);
    expect(outside).toBeGreaterThan(100_000);
  });
});

describe('the catalogue', () => {
  it('knows partitions and heirs by their root, each once, and leaves out what it is told to', async () => {
    await client.query(`create table public.events (tenant_id text, at date) partition by range (at);
      create table public.events_1 partition of public.events default;
      create table public.base (tenant_id text); create table public."Heir 1" () inherits (public.base);
      create table public.secret (tenant_id text); create view public.seen as select tenant_id from public.base;
      create materialized view public.summed as select tenant_id, count(*) from public.texts group by 1;
      create table public.odd (tenant_id point)`);
    const database = await openStorageDatabase({
      ...{ url: db.ownerUrl, tenantColumns: ['tenant_id'], exclude: ['tenantry.*', 'public.secret'] },
    });
    await database.close();
    const roots = Object.fromEntries(database.tables.map(({ facts }) => [facts.name, facts.root]));
    expect(roots).toMatchObject({
      '"public"."events_1"': 'public.events',
      '"public"."Heir 1"': 'public.base',
      '"public"."base"': 'public.base',
      '"public"."summed"': 'public.summed',
    });
    expect(Object.keys(roots)).not.toContain('"public"."secret"');
    expect(Object.keys(roots)).not.toContain('"public"."events"');
    expect(Object.keys(roots)).not.toContain('"public"."seen"');
    expect(database.skipped).toEqual([{ name: 'public.odd', reason: 'the tenant column is of type point' }]);
  });
});
