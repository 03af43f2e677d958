import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/postgres/embedded.ts';
import { silentLog } from './postgres.ts';

/** A database of the operator's that counts its statements. */
export interface CountingPostgres {
  /** To be migrated, for a control plane beside the operator's tables. */
  readonly server: EmbeddedPostgres;
  /** Superuser. */
  readonly ownerUrl: string;
  /** The app's own role: owns nothing, and no policy is bypassed. */
  readonly appUrl: string;
  /** Runs statements one after the other, as the role of the URL. */
  run(url: string, ...statements: (string | [text: string, values: unknown[]])[]): Promise<void>;
  stop(): Promise<void>;
}

/** The library has to be there from the start of the server, so it is started twice: the first time to say so. */
export async function startCountingPostgres(): Promise<CountingPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-query-audit-'));
  const first = await startEmbeddedPostgres({ dataDir, log: silentLog });
  await run(first.ownerUrl, "alter system set shared_preload_libraries = 'pg_stat_statements'");
  await first.stop();
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  await run(
    server.ownerUrl,
    'create extension pg_stat_statements',
    "create role app login password 'app'",
    'grant pg_read_all_stats to app',
    'grant connect on database tenantry to app',
    'grant usage on schema public to app',
    'alter default privileges in schema public grant all on tables to app',
  );
  const appUrl = new URL(server.ownerUrl);
  appUrl.username = 'app';
  appUrl.password = 'app';
  return {
    server,
    ownerUrl: server.ownerUrl,
    appUrl: appUrl.href,
    run,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function run(url: string, ...statements: (string | [text: string, values: unknown[]])[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) {
      if (typeof statement === 'string') await client.query(statement);
      else await client.query(...statement);
    }
  } finally {
    await client.end();
  }
}
