/** Where a backup takes its moment from, for stores that are open in this process. */
import { join } from 'node:path';
import { freezeClickHouse } from '../store/clickhouse/backup.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { openPostgresCut } from '../store/postgres/backup.ts';
import { cutSpool } from './backup-spool.ts';
import type { BackupSources } from './backup-take.ts';
import { VERSION } from './version.ts';

export interface OpenStores {
  /** Absolute. */
  readonly dataDir: string;
  readonly clickhouse: Pick<ClickHouse, 'kind' | 'inspect' | 'command'>;
  /** Of a login that may become the owner of the tables. */
  readonly postgresUrl: string;
  readonly hold?: () => Promise<() => void>;
}

export function backupSources({ dataDir, clickhouse, postgresUrl, hold }: OpenStores): BackupSources {
  const spoolFolder = join(dataDir, 'spool');
  return {
    ...{ dataDir, version: VERSION },
    ...(hold === undefined ? {} : { hold }),
    cutPostgres: () => openPostgresCut(postgresUrl),
    cutClickHouse: async (name) => {
      const store = await freezeClickHouse(clickhouse, join(dataDir, 'clickhouse'), name);
      return { kind: 'embedded', store };
    },
    cutSpool: () => cutSpool(spoolFolder, join(spoolFolder, 'backup-cut')),
  };
}
