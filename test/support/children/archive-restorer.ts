/**
 * A server's part that exports and restores, in a process that can be killed. It has the embedded ClickHouse; PostgreSQL is
 * its parent's. The first one makes two tenants and an archive of one, deletes that one, and goes on until it dies by
 * itself: right after an insert of a restore is committed, and before anybody has kept that.
 */
import { startTenantArchives } from '../../../src/app/tenant-archives.ts';
import { loadConfig } from '../../../src/config/config.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { TelemetryEraser } from '../../../src/store/clickhouse/deletion.ts';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../../src/store/clickhouse/migrate.ts';
import { archiveTables, TenantRows } from '../../../src/store/clickhouse/tenant-archive.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { fillTenant } from '../archive-clickhouse.ts';
import { TEST_DDL, TEST_VIEWS } from '../embedded-clickhouse.ts';
import { silentLog } from '../postgres.ts';
import { copyStoreTemplate } from '../store-templates.ts';

const [folder = '', url = '', dieAfter = '0', task = 'run'] = process.argv.slice(2);
const ADMIN: StaffActor = { kind: 'staff', role: 'admin', subject: 'ada' };
const TENANTS = ['acme', 'globex'] as const;

if (task === 'prepare') copyStoreTemplate('clickhouse', `${folder}/db`);
const clickhouse = new EmbeddedClickHouse({ path: `${folder}/db` });
await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
const postgres = new Postgres({ url, log: silentLog });
const tables = await archiveTables(clickhouse);

let inserts = 0;
const restoreFile = clickhouse.restoreFile.bind(clickhouse);
clickhouse.restoreFile = async (insert) => {
  await restoreFile(insert);
  inserts += 1;
  if (inserts === Number(dieAfter)) process.kill(process.pid, 'SIGKILL');
};
const { archives } = startTenantArchives({
  ...{ config: loadConfig({ TENANTRY_DATA_DIR: folder }), clickhouse, postgres, postgresUrl: url, log: silentLog },
  ...{ directory: new TenantDirectory(postgres), lookEveryMs: 20 },
});

async function fingerprints(): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const tenant of TENANTS) {
    const rows = new TenantRows(clickhouse, 'tenantry', tenant as TenantId, folder);
    for (const table of tables) found[`${tenant} ${table.table}`] = await rows.fingerprint(table);
  }
  return found;
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

if (task === 'prepare') {
  for (const tenant of TENANTS) await fillTenant(clickhouse, tenant, 500);
  const before = await fingerprints();
  const question = {
    tenantId: 'acme' as TenantId,
    format: 'archive',
    audience: 'operator',
    window: undefined,
  } as const;
  const asked = await archives.askExport(ADMIN, { ...question, sections: ['telemetry', 'usage', 'account'] });
  await until(async () => ((await archives.findExport(ADMIN, asked.id))?.state === 'done' ? true : undefined));
  const eraser = new TelemetryEraser(clickhouse, undefined);
  for (const { table } of tables) await eraser.erase('acme' as TenantId, table);
  process.send?.({ before, exportId: asked.id });
} else {
  const restore = await until(async () =>
    (await archives.restores(ADMIN, 1)).find(({ state }) => state === 'done' || state === 'failed'),
  );
  process.send?.({ restore, after: await fingerprints() });
}
