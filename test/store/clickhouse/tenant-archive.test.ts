import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import {
  type ArchiveTable,
  archiveTables,
  dropOldSnapshots,
  dropSnapshot,
  type Fingerprint,
  TenantRows,
  takeSnapshot,
} from '../../../src/store/clickhouse/tenant-archive.ts';
import { fillTenant } from '../../support/archive-clickhouse.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

const ACME = 'acme' as TenantId;
const GLOBEX = 'globex' as TenantId;

let store: TestClickHouse;
let folder: string;
let tables: readonly ArchiveTable[];

beforeAll(async () => {
  store = await startTestClickHouse();
  folder = mkdtempSync(join(tmpdir(), 'tenantry-archive-'));
  tables = await archiveTables(store.clickhouse);
  await fillTenant(store.clickhouse, ACME, 3_000);
  await fillTenant(store.clickhouse, GLOBEX, 500);
});
afterAll(async () => {
  await store.stop();
  rmSync(folder, { recursive: true });
});

async function fingerprints(tenant: TenantId, database = 'tenantry'): Promise<Record<string, Fingerprint>> {
  const rows = new TenantRows(store.clickhouse, database, tenant, folder);
  const found: Record<string, Fingerprint> = {};
  for (const table of tables) found[table.table] = await rows.fingerprint(table);
  return found;
}

/** All of a tenant as files, from the live tables. */
async function filesOf(tenant: TenantId): Promise<{ table: string; columns: string[]; path: string }[]> {
  const rows = new TenantRows(store.clickhouse, 'tenantry', tenant, folder);
  const files = [];
  for (const table of await archiveTables(store.clickhouse)) {
    for (const [index, chunk] of (await rows.chunks(table, 1_000)).entries()) {
      const path = join(folder, `${tenant}-${table.table}-${index}.native`);
      await store.clickhouse.selectIntoFile(rows.archiveSelect(table, chunk, path));
      files.push({ table: table.table, columns: table.columns.map(({ name }) => name), path });
    }
  }
  return files;
}

describe('the rows of a tenant', () => {
  it('are there in every table', async () => {
    const empty = Object.entries(await fingerprints(ACME)).filter(([, { rows }]) => rows === 0);
    expect(empty).toEqual([]);
  });

  it('go into pieces that are about as large as asked, and hold each row once', async () => {
    const rows = new TenantRows(store.clickhouse, 'tenantry', ACME, folder);
    const spans = (await archiveTables(store.clickhouse)).find(({ table }) => table === 'spans');
    if (spans === undefined) throw new Error('there is no table of spans');
    const chunks = await rows.chunks(spans, 400);
    expect(chunks.length).toBeGreaterThan(5);
    expect(chunks.reduce((sum, chunk) => sum + chunk.rows, 0)).toBe(3_000);
    expect(Math.max(...chunks.map((chunk) => chunk.rows))).toBeLessThan(800);
  });

  it('come back under the same name or another as they were, once, without going through the rollups again', async () => {
    const acme = await fingerprints(ACME);
    const globex = await fingerprints(GLOBEX);
    const files = await filesOf(ACME);
    const attempts = [1, 2];
    for (const _ of attempts) {
      for (const [index, { table, columns, path }] of files.entries()) {
        const replacing = { TenantId: "'initech'" };
        await store.clickhouse.restoreFile({ table, columns, path, replacing, token: `restore-1-${index}` });
      }
    }
    expect(await fingerprints('initech' as TenantId)).toEqual(acme);
    expect(await fingerprints(ACME)).toEqual(acme);
    expect(await fingerprints(GLOBEX)).toEqual(globex);
  });

  it('are another fingerprint when one value differs', async () => {
    await fillTenant(store.clickhouse, 'hooli', 10);
    const before = await fingerprints('hooli' as TenantId);
    await store.clickhouse.command(
      `ALTER TABLE tenantry.spans UPDATE Duration = Duration + 1 WHERE TenantId = 'hooli' AND SpanName = 'op 1' SETTINGS mutations_sync = 2`,
    );
    const after = await fingerprints('hooli' as TenantId);
    expect(Object.keys(after).filter((table) => after[table]?.hash !== before[table]?.hash)).toEqual(['spans']);
  });
});

describe('a snapshot', () => {
  it('stays as it was while others insert, and is at one moment in all tables', async () => {
    const before = await fingerprints(GLOBEX);
    const snapshot = await takeSnapshot(store.clickhouse, {
      ...{ id: 'test1', isCluster: false },
      meanwhile: async () => undefined,
    });
    await fillTenant(store.clickhouse, GLOBEX, 300);
    expect(await fingerprints(GLOBEX, snapshot.database)).toEqual(before);
    expect((await fingerprints(GLOBEX))['spans']?.rows).toBe(800);
    await dropSnapshot(store.clickhouse, snapshot.database);
  });

  it('holds inserts back until it is there', async () => {
    const order: string[] = [];
    let insert: Promise<void> | undefined;
    const snapshot = await takeSnapshot(store.clickhouse, {
      ...{ id: 'test2', isCluster: false },
      meanwhile: async () => {
        const row = { Batch: 'b', TraceId: '0123456789abcdef', TenantId: 'x' };
        insert = store.clickhouse
          .insertRows({ table: 'adopting_traces', rows: JSON.stringify(row), token: 'held' })
          .then(() => void order.push('inserted'));
        // Long enough for an insert that nothing holds back.
        await fingerprints(GLOBEX);
        order.push('held');
      },
    });
    await insert;
    expect(order).toEqual(['held', 'inserted']);
    await dropSnapshot(store.clickhouse, snapshot.database);
  });

  it('that a process left behind is found and dropped', async () => {
    await takeSnapshot(store.clickhouse, { id: 'test3', isCluster: false, meanwhile: async () => undefined });
    await dropOldSnapshots(store.clickhouse);
    const left = await store.clickhouse.inspect<{ name: string }>(
      "SELECT name FROM system.databases WHERE name LIKE 'tenantry\\_archive%'",
    );
    expect(left).toEqual([]);
  });
});
