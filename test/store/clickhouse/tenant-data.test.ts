import { afterAll, beforeAll, expect, it } from 'vitest';
import { DATABASE } from '../../../src/store/clickhouse/clickhouse.ts';
import { type ClickHouseTenantTable, tenantDataTables } from '../../../src/store/clickhouse/tenant-data.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

/** Tables that keep rows and no tenant's, each by decision. */
const WITHOUT_TENANTS = ['schema_log'];

let db: TestClickHouse;
let tables: readonly ClickHouseTenantTable[];

beforeAll(async () => {
  db = await startTestClickHouse();
  tables = await tenantDataTables(db.clickhouse);
}, 60_000);

afterAll(() => db.stop());

it('names every table that keeps rows, but those decided on', async () => {
  const kept = await db.clickhouse.inspect<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' AND engine NOT IN ('Null', 'View', 'MaterializedView') ORDER BY name`,
  );
  const named = new Set(tables.map(({ table }) => table));
  expect(kept.map(({ name }) => name).filter((name) => !named.has(name))).toEqual(WITHOUT_TENANTS);
  expect(named.size).toBeGreaterThan(20);
});

it('tells what a table is made of', () => {
  const of = (name: string) => tables.find(({ table }) => table === name);
  expect(of('requests_by_hour')).toMatchObject({
    ...{ engine: 'AggregatingMergeTree', timeColumn: 'Time', aggregateStates: true, isWaiting: false },
    ...{ partitionKey: 'toYYYYMM(Time)', sortingKey: 'toStartOfDay(Time), TenantId, Time, ServiceName, Route' },
  });
  expect(of('spans')).toMatchObject({ engine: 'MergeTree', timeColumn: 'Timestamp', aggregateStates: false });
  expect(of('spans_set_aside')?.timeColumn).toBe('ReceivedAt');
  expect(tables.filter(({ isWaiting }) => isWaiting).map(({ table }) => table)).toEqual([
    ...['adopting_traces', 'spans_waiting'],
  ]);
  expect(tables.filter(({ timeColumn, isWaiting }) => timeColumn === undefined && !isWaiting)).toEqual([]);
});

it('sees a table that is new', async () => {
  await db.clickhouse.command(`CREATE TABLE ${DATABASE}.fresh (TenantId String) ENGINE = MergeTree ORDER BY TenantId`);
  try {
    expect((await tenantDataTables(db.clickhouse)).map(({ table }) => table)).toContain('fresh');
  } finally {
    await db.clickhouse.command(`DROP TABLE ${DATABASE}.fresh`);
  }
});
