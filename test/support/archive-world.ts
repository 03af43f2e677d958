import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { TenantArchives } from '../../src/api/tenant-archives-ports.ts';
import { startTenantArchives } from '../../src/app/tenant-archives.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { ExportQuestion, RestoreQuestion, TenantExport, TenantRestore } from '../../src/domain/tenant-archive.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import {
  type ArchiveTable,
  archiveTables,
  type Fingerprint,
  TenantRows,
} from '../../src/store/clickhouse/tenant-archive.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { type OwnerClient, ownerOf } from './archive-postgres.ts';
import { startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.ts';
import { silentLog, startTestPostgres, type TestPostgres } from './postgres.ts';

const ADMIN: StaffActor = { kind: 'staff', role: 'admin', subject: 'ada@operator.example' };

export interface ArchiveWorld {
  readonly clickhouse: TestClickHouse;
  readonly db: TestPostgres;
  readonly owner: OwnerClient;
  readonly config: Config;
  readonly folder: string;
  readonly tables: readonly ArchiveTable[];
  /** Of the server that runs. */
  readonly archives: TenantArchives;
  /** Everything of ClickHouse about a tenant. */
  fingerprints(tenant: string): Promise<Record<string, Fingerprint>>;
  /** Asks for an export, and waits until it has ended. */
  export(question: Partial<ExportQuestion> & { readonly tenantId: TenantId }): Promise<TenantExport>;
  /** The same for a restore. */
  restore(question: Partial<RestoreQuestion> & Pick<RestoreQuestion, 'source'>): Promise<TenantRestore>;
  /** The export as the file that one downloads. */
  download(id: string, to: string): Promise<string>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Both stores, and the server's part that exports and restores, which looks for jobs all the time. */
export async function startArchiveWorld(): Promise<ArchiveWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-archives-'));
  const [clickhouse, db] = [await startTestClickHouse(), await startTestPostgres()];
  const owner = await ownerOf(db);
  const config = loadConfig({ TENANTRY_DATA_DIR: folder });
  const start = () =>
    startTenantArchives({
      ...{ config, clickhouse: clickhouse.clickhouse, postgres: db.postgres, postgresUrl: db.appUrl, log: silentLog },
      ...{ directory: new TenantDirectory(db.postgres), lookEveryMs: 20 },
    });
  let running = start();
  const tables = await archiveTables(clickhouse.clickhouse);
  const over = ['done', 'failed', 'cancelled', 'expired'];
  return {
    ...{ clickhouse, db, owner, config, folder, tables },
    get archives() {
      return running.archives;
    },
    fingerprints: async (tenant) => {
      const rows = new TenantRows(clickhouse.clickhouse, 'tenantry', tenant as TenantId, folder);
      const found: Record<string, Fingerprint> = {};
      for (const table of tables) found[table.table] = await rows.fingerprint(table);
      return found;
    },
    export: async (question) => {
      const asked = await running.archives.askExport(ADMIN, {
        ...{ format: 'archive', audience: 'operator', window: undefined },
        ...{ sections: ['telemetry', 'usage', 'account'], ...question },
      });
      await expect
        .poll(async () => over.includes((await running.archives.findExport(ADMIN, asked.id))?.state ?? ''))
        .toBe(true);
      return (await running.archives.findExport(ADMIN, asked.id)) ?? asked;
    },
    restore: async (question) => {
      const asked = await running.archives.askRestore(ADMIN, {
        ...{ as: undefined, dryRun: false, replace: false, deletedToo: false, ...question },
      });
      await expect
        .poll(async () => over.includes((await running.archives.findRestore(ADMIN, asked.id))?.state ?? ''))
        .toBe(true);
      return (await running.archives.findRestore(ADMIN, asked.id)) ?? asked;
    },
    download: async (id, to) => {
      const file = await running.archives.download(ADMIN, id);
      if (file === undefined) throw new Error('there is no such file');
      const pieces = [];
      for await (const piece of file.content) pieces.push(piece);
      const bytes = Buffer.concat(pieces);
      expect(bytes.length).toBe(file.bytes);
      await writeFile(to, bytes);
      return to;
    },
    restart: async () => {
      await running.stop();
      running = start();
    },
    stop: async () => {
      await running.stop();
      await owner.end();
      await db.stop();
      await clickhouse.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
