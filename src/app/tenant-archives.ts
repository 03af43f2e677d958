import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { TenantArchives } from '../api/tenant-archives-ports.ts';
import type { Config } from '../config/config.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { RestoreQuestion } from '../domain/tenant-archive.ts';
import { MANIFEST_NAME } from '../domain/tenant-archive-manifest.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { TelemetryEraser } from '../store/clickhouse/deletion.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { ExportStore } from '../store/postgres/tenant-archive-exports.ts';
import { RestoreStore } from '../store/postgres/tenant-archive-restores.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import { installationKey } from './deletion-key.ts';
import { runEvery } from './schedule.ts';
import { readManifest } from './tenant-archive-check.ts';
import { ArchiveFolders } from './tenant-archive-folders.ts';
import { ArchiveJobs } from './tenant-archive-jobs.ts';
import { type TarFile, tarBytes, tarOf } from './tenant-archive-tar.ts';

export interface TenantArchivesOptions {
  readonly config: Config;
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly directory: Pick<TenantDirectory, 'remember'>;
  readonly log: Logger;
  /** Time between two looks for new jobs. */
  readonly lookEveryMs?: number;
}

export interface TenantArchiveParts {
  readonly archives: TenantArchives;
  /** Jobs under way end at their next step, and are gone on with at the next start. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = SECOND_MS;
const SWEEP_EVERY_MS = MINUTE_MS;
const KEEPER: StaffActor = { kind: 'system', subject: 'tenant-restores' };

/** Everything of one tenant as a file, and back. */
export function startTenantArchives(options: TenantArchivesOptions): TenantArchiveParts {
  const { config, clickhouse, postgres, postgresUrl, directory, log, lookEveryMs = LOOK_EVERY_MS } = options;
  const folders = new ArchiveFolders(config.TENANTRY_DATA_DIR);
  const server = folders.serverId();
  const exports = new ExportStore(postgres, directory, server);
  const restores = new RestoreStore(postgres, server);
  const cluster = config.CLICKHOUSE_CLUSTER;
  const eraser = new TelemetryEraser(clickhouse, cluster);
  const jobs = new ArchiveJobs({
    ...{ exports, restores, folders, log, now: Date.now },
    exportSources: { clickhouse, postgresUrl, isCluster: cluster !== undefined },
    restoreSources: {
      ...{ clickhouse, postgres },
      erase: (tenantId, table) => eraser.erase(tenantId, table),
      wasDeleted: (tenantId) => wasDeleted(config, postgres, tenantId),
    },
  });
  const schedules = [
    runEvery(lookEveryMs, 'tenant-exports', log, () => jobs.exportNext()),
    runEvery(lookEveryMs, 'tenant-restores', log, () => jobs.restoreNext()),
    runEvery(SWEEP_EVERY_MS, 'tenant-archives', log, () => jobs.sweep()),
  ];
  return {
    archives: {
      askExport: (actor, question) => exports.ask(actor, question),
      exports: (actor, filter) => exports.list(actor, filter),
      findExport: (actor, id) => exports.get(actor, id),
      cancelExport: async (actor, id) => {
        const ended = await exports.cancel(actor, id);
        // One that is being made is removed by whoever makes it, as soon as it hears of this.
        if (ended?.state === 'expired') await folders.remove(folders.ofExport(id));
        return ended;
      },
      download: async (actor, id) => {
        const made = await exports.get(actor, id);
        if (made?.state !== 'done') return undefined;
        if (!(await exports.isHere(id))) {
          throw new TenantryError('CONFLICT', 'The file is on another server of this installation.', {
            hint: 'Ask that one, or export again.',
          });
        }
        const files = await filesOf(folders.ofExport(id));
        await exports.fetched(actor, made);
        return { bytes: tarBytes(files), content: tarOf(files, made.askedAt) };
      },
      askRestore: async (actor, question) => {
        const manifest = await readManifest(await sourceFolder(exports, jobs, question));
        return restores.ask(actor, question.as ?? manifest.tenant_id, question);
      },
      restores: (actor, limit) => restores.list(actor, limit),
      findRestore: (actor, id) => restores.get(actor, id),
    },
    stop: async () => {
      jobs.stop();
      await Promise.all(schedules.map((schedule) => schedule.stop()));
    },
  };
}

/** The manifest first: whoever reads the file from its beginning knows what comes. */
async function filesOf(folder: string): Promise<readonly TarFile[]> {
  const { files } = await readManifest(folder);
  const manifest = join(folder, MANIFEST_NAME);
  const { size } = await stat(manifest);
  return [
    { name: MANIFEST_NAME, path: manifest, bytes: size },
    ...files.map(({ path, bytes }) => ({ name: path, path: join(folder, path), bytes })),
  ];
}

/** @throws TenantryError NOT_FOUND */
async function sourceFolder(exports: ExportStore, jobs: ArchiveJobs, question: RestoreQuestion): Promise<string> {
  const { source } = question;
  const made = 'exportId' in source ? await exports.get(KEEPER, source.exportId) : undefined;
  const isThere = 'folder' in source || (made?.state === 'done' && (await exports.isHere(source.exportId)));
  const folder = jobs.folderOf(question);
  if (!isThere || (await readdir(folder).catch(() => [])).length === 0) {
    throw new TenantryError('NOT_FOUND', 'There is no such archive on this server.', {
      hint: 'Exports go after some days: `tenantry restore-tenant <file>` restores one that you kept.',
    });
  }
  return folder;
}

/** Known by a keyed hash: nothing else is left of a tenant that was deleted. Entered anew, it is a new one. */
async function wasDeleted(config: Config, postgres: Postgres, tenantId: TenantId): Promise<boolean> {
  const pseudonym = installationKey(config).pseudonym(tenantId);
  return postgres.inStaffTransaction(KEEPER, async (transaction) => {
    const rows = await transaction.query('select 1 from tenantry.deleted_tenants where pseudonym = $1', [pseudonym]);
    return rows.length > 0;
  });
}
