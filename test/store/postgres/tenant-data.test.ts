import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresTenantTable, tenantDataTables } from '../../../src/store/postgres/tenant-data.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { GLOBAL_TABLES } from '../../support/rls-checklist.ts';

let db: TestPostgres;
let owner: pg.Client;
let tables: readonly PostgresTenantTable[];

const catalogue = () =>
  tenantDataTables({
    query: async <Row extends object>(text: string) => (await owner.query<Row & pg.QueryResultRow>(text)).rows,
  });

beforeAll(async () => {
  db = await startTestPostgres();
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await owner.connect();
  tables = await catalogue();
}, 60_000);

afterAll(async () => {
  await owner.end();
  await db.stop();
});

it('names every table with a tenant column, and nothing else holds tenants’ rows', async () => {
  const { rows } = await owner.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'tenantry' order by 1`,
  );
  const reviewed = new Set(GLOBAL_TABLES);
  const expected = rows.map(({ name }) => name).filter((name) => !reviewed.has(name));
  expect(tables.map(({ table }) => table).toSorted()).toEqual(expected);
  expect(tables.length).toBeGreaterThan(40);
});

it('comes in an order in which rows can be inserted', () => {
  const place = new Map(tables.map(({ table }, index) => [table, index]));
  for (const { table, references } of tables) {
    for (const target of references.tenantTables) {
      expect(place.get(target), `${table} -> ${target}`).toBeLessThan(place.get(table) ?? -1);
    }
  }
  expect(tables[0]?.references.tenantTables).toEqual([]);
  expect(tables.find(({ table }) => table === 'alert_notices')?.references).toEqual({
    ...{ tenantTables: ['alerts'], otherTables: ['alert_routes'] },
  });
});

it('tells columns, keys and what the database fills in by itself', () => {
  const entries = tables.find(({ table }) => table === 'burst_entries');
  expect(entries).toMatchObject({ primaryKey: ['tenant_id', 'seq'], isTenantNullable: false, hasSecrets: false });
  expect(entries?.columns[1]).toEqual({ name: 'seq', type: 'bigint', isNullable: false, generated: 'identity' });
  const overrides = tables.find(({ table }) => table === 'price_overrides');
  expect(overrides?.columns.find(({ name }) => name === 'subject')?.generated).toBe('stored');
  expect(tables.find(({ table }) => table === 'revenue_invoices')?.isTenantNullable).toBe(true);
});

it('knows every column that sounds like a secret', () => {
  const sounds = /sha256|secret|token_hash|password|sealed|salt|private/i;
  const sounding = tables.flatMap(({ table, columns, secretColumns }) =>
    columns
      .filter(({ name }) => sounds.test(name) && !secretColumns.includes(name))
      .map(({ name }) => `${table}.${name}`),
  );
  expect(sounding).toEqual([]);
  expect(tables.find(({ table }) => table === 'keys')).toMatchObject({
    hasSecrets: true,
    secretColumns: ['sha256', 'previous_sha256'],
  });
});

it('sees a table that is new, and refuses a circle', async () => {
  await owner.query('begin');
  try {
    await owner.query('create table tenantry.fresh (tenant_id text references tenantry.tenants (tenant_id), n int)');
    const fresh = (await catalogue()).find(({ table }) => table === 'fresh');
    expect(fresh).toMatchObject({ primaryKey: [], references: { tenantTables: ['tenants'] }, isTenantNullable: true });
    await owner.query('alter table tenantry.fresh add unique (n)');
    await owner.query('alter table tenantry.tenants add column n int references tenantry.fresh (n)');
    await expect(catalogue()).rejects.toMatchObject({ code: 'INTERNAL' });
  } finally {
    await owner.query('rollback');
  }
});
