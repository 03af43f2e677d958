import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { startEmbeddedPostgres } from '../../src/store/postgres/embedded.ts';
import { migratePostgres } from '../../src/store/postgres/migrate.ts';
import { Postgres } from '../../src/store/postgres/postgres.ts';
import { copyStoreTemplate } from './store-templates.ts';

export interface TestPostgres {
  readonly postgres: Postgres;
  /** Superuser. */
  readonly ownerUrl: string;
  /** The service's login. */
  readonly appUrl: string;
  readonly folder: string;
  stop(): Promise<void>;
}

export const silentLog: Logger = pino({ level: 'silent' });

/** A real, empty, migrated control plane in a temporary folder. One per test file (`beforeAll`). */
export async function startTestPostgres(options: { poolSize?: number } = {}): Promise<TestPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-postgres-'));
  copyStoreTemplate('postgres', dataDir);
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  await migratePostgres(server);
  const postgres = new Postgres({ url: server.appUrl, log: silentLog, ...options });
  return {
    postgres,
    ownerUrl: server.ownerUrl,
    appUrl: server.appUrl,
    folder: dataDir,
    stop: async () => {
      await postgres.close();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
