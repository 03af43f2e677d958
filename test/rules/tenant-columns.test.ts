import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLICKHOUSE_TERMS,
  columnsOf,
  POSTGRES_TERMS,
  type TableTerms,
} from '../../src/domain/tenant-archive-columns.ts';
import { archiveTables } from '../../src/store/clickhouse/tenant-archive.ts';
import { tenantDataTables } from '../../src/store/postgres/tenant-data.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

let db: TestPostgres;
let clickhouse: TestClickHouse;

beforeAll(async () => {
  [db, clickhouse] = [await startTestPostgres(), await startTestClickHouse()];
});
afterAll(async () => {
  await db.stop();
  await clickhouse.stop();
});

interface Table {
  readonly table: string;
  readonly columns: readonly { readonly name: string }[];
}

/** Columns by decision, and columns that are there: what is in one of them only. */
function undecided(tables: readonly Table[], terms: Readonly<Record<string, TableTerms>>): string[] {
  const decided = Object.entries(terms).flatMap(([table, { tenant, operator, secret }]) =>
    [tenant, operator, secret].flatMap(columnsOf).map((column) => `${table}.${column}`),
  );
  const real = tables.flatMap(({ table, columns }) => columns.map(({ name }) => `${table}.${name}`));
  const twice = decided.filter((column, index) => decided.indexOf(column) !== index);
  return [
    ...real.filter((column) => !decided.includes(column)).map((column) => `nobody has decided who may see ${column}`),
    ...decided.filter((column) => !real.includes(column)).map((column) => `there is no ${column}`),
    ...twice.map((column) => `${column} is decided twice`),
  ];
}

const inPostgres = () =>
  db.postgres.inStaffTransaction({ kind: 'system', subject: 'test' }, (transaction) => tenantDataTables(transaction));

describe('every column of a tenant', () => {
  it('in PostgreSQL is the tenant’s, the operator’s or a secret', async () => {
    expect(undecided(await inPostgres(), POSTGRES_TERMS)).toEqual([]);
  });

  it('in ClickHouse is the tenant’s or the operator’s', async () => {
    expect(undecided(await archiveTables(clickhouse.clickhouse), CLICKHOUSE_TERMS)).toEqual([]);
  });

  it('that is known to be a secret is one here', async () => {
    for (const { table, secretColumns } of await inPostgres()) {
      const secret = columnsOf(POSTGRES_TERMS[table]?.secret);
      expect(secretColumns.filter((column) => !secret.includes(column))).toEqual([]);
    }
  });

  it('that names people, money or secrets by its name is not the tenant’s', () => {
    const spoken = /(_by|cost|margin|revenue|price|sha256|token|secret|hash)$/;
    const found = Object.entries(POSTGRES_TERMS).flatMap(([table, { tenant }]) =>
      columnsOf(tenant)
        .filter((column) => spoken.test(column))
        .map((column) => `${table}.${column}`),
    );
    expect(found).toEqual([]);
  });
});

describe('the check', () => {
  it('notices a new column, one that is gone and one that is decided twice', () => {
    const tables = [{ table: 'seats', columns: [{ name: 'tenant_id' }, { name: 'price' }] }];
    const terms = { seats: { tenant: 'tenant_id', operator: 'note tenant_id' } };
    expect(undecided(tables, terms)).toEqual([
      'nobody has decided who may see seats.price',
      'there is no seats.note',
      'seats.tenant_id is decided twice',
    ]);
  });
});
