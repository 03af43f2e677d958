/** Where a backup takes its moment from, for stores that are open in this process. */
import { join } from 'node:path';
import { freezeClickHouse } from '../store/clickhouse/backup.ts';
import { backUpOnServer } from '../store/clickhouse/backup-server.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import type { InsertGate } from '../store/clickhouse/insert-gate.ts';
import { openPostgresCut } from '../store/postgres/backup.ts';
import { cutSpool } from './backup-spool.ts';
import type { BackupSources } from './backup-take.ts';
import { VERSION } from './version.ts';

export interface OpenStores {
  /** Absolute. */
  readonly dataDir: string;
  readonly clickhouse: Pick<ClickHouse, 'kind' | 'inspect' | 'command'>;
  /** To which a ClickHouse server writes its own backups, as it calls it. */
  readonly disk?: string | undefined;
  /** Of a login that may become the owner of the tables. */
  readonly postgresUrl: string;
  /** Keeps other writers away from ClickHouse. */
  readonly gate?: Pick<InsertGate, 'alone'>;
}

export function backupSources({ dataDir, clickhouse, disk, postgresUrl, gate }: OpenStores): BackupSources {
  const spoolFolder = join(dataDir, 'spool');
  return {
    ...{ dataDir, version: VERSION },
    ...(gate === undefined ? {} : { alone: (work) => gate.alone(work) }),
    cutPostgres: () => openPostgresCut(postgresUrl),
    cutClickHouse: async (name) => {
      if (clickhouse.kind === 'server') return { kind: 'server', about: await backUpOnServer(clickhouse, disk, name) };
      const store = await freezeClickHouse(clickhouse, join(dataDir, 'clickhouse'), name);
      return { kind: 'embedded', store };
    },
    cutSpool: () => cutSpool(spoolFolder, join(spoolFolder, 'backup-cut')),
  };
}
