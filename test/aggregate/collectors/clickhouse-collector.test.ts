import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickHouseCollector } from '../../../src/aggregate/collectors/clickhouse-collector.ts';
import { shareOut } from '../../../src/cost/share.ts';
import { ownStorageTables } from '../../../src/store/clickhouse/storage-tables.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { MemoryCheckpoint } from '../../support/storage-checkpoint.ts';

let db: TestClickHouse;

beforeAll(async () => {
  db = await startTestClickHouse();
  await db.clickhouse.command(
    `CREATE TABLE tenantry.lab (TenantId LowCardinality(String), N UInt64, Body String) ENGINE = MergeTree ORDER BY N`,
  );
  // Incompressible bodies: globex has a third of the rows, three times as wide.
  for (const part of [0, 1]) {
    await db.clickhouse.command(
      `INSERT INTO tenantry.lab SELECT if(number % 3 = 0, 'globex', 'acme'), number + ${part}000000,
         randomString(if(number % 3 = 0, 300, 100)) FROM numbers(30000)`,
    );
  }
  await db.clickhouse.command(
    `INSERT INTO tenantry.lab SELECT 'not a/tenant', number, randomString(100) FROM numbers(3000)`,
  );
}, 60_000);

afterAll(() => db.stop());

const collector = () =>
  new ClickHouseCollector({
    open: async () =>
      ownStorageTables(db.clickhouse, { tenantColumns: ['tenant_id', 'TenantId'], exclude: ['tenantry.spans'] }),
    shareOut,
  });

describe('a table of many tenants', () => {
  it('is shared out by rows and their width, to the byte of its parts', async () => {
    const checkpoint = new MemoryCheckpoint();
    const { sizes, progress } = await collector().collect(checkpoint, new AbortController().signal);
    const [whole] = await db.clickhouse.inspect<{ bytes: string }>(
      `SELECT toString(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE active AND database = 'tenantry' AND table = 'lab'`,
    );
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0n)).toBe(BigInt(whole?.bytes ?? 0));
    const bytes = Object.fromEntries(sizes.map((size) => [size.tenantId, Number(size.bytes)]));
    const perRow = { globex: 20_000 * 320, acme: 40_000 * 120, '(unknown)': 3_000 * 120 };
    const all = Object.values(perRow).reduce((sum, value) => sum + value, 0);
    for (const [tenant, weight] of Object.entries(perRow)) {
      const share = (bytes[tenant] ?? 0) / Number(whole?.bytes);
      expect(Math.abs(share / (weight / all) - 1)).toBeLessThan(0.1);
    }
    expect(sizes.find(({ tenantId }) => tenantId === 'acme')?.objects).toBe(40_000n);
    expect(progress).toMatchObject({ unit: 'rows', stepsDone: progress.stepsTotal });
  });

  it('is not measured again when a killed run goes on', async () => {
    const checkpoint = new MemoryCheckpoint();
    const { signal } = new AbortController();
    const once = await collector().collect(checkpoint, signal);
    await db.clickhouse.command(`INSERT INTO tenantry.lab SELECT 'acme', number, randomString(100) FROM numbers(5000)`);
    expect((await collector().collect(checkpoint, signal)).sizes).toEqual(once.sizes);
  });
});
