/**
 * A real PostgreSQL 18 as a child process, for `npm start` without a database.
 *
 *   no cluster --initdb--> stopped --launch--> running --stop--> stopped
 *                             ^                  |
 *                             +---- relaunch ----+  (ended unasked: same port, so that the URLs stay true)
 *
 * The server listens on 127.0.0.1 only, with scram passwords, and ends with this process (see embedded-server.ts).
 * One Tenantry per data directory: a second one gets DATA_DIR_IN_USE.
 */
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { TenantryError } from '../../domain/errors.ts';
import { findBinaries } from './embedded-binaries.ts';
import { chooseServerUser, clusterFolder, ensureCluster, type Passwords } from './embedded-cluster.ts';
import { dislodge, readHolder } from './embedded-holder.ts';
import { type EmbeddedServer, findFreePort, type LaunchOptions, launchServer } from './embedded-server.ts';

/** After a kill the old server needs a moment to notice, shut down and remove its lock file. */
const LOCK_PATIENCE_MS = 10_000;
/** From here on a server whose owner is dead is taken for an orphan and ended. */
const ORPHAN_AFTER_MS = 2_000;
const RETRY_EVERY_MS = 100;
const RELAUNCH_DELAY_MS = 500;

const DATABASE = 'tenantry';
const EMBEDDED_LOGIN = 'tenantry_login';

export interface EmbeddedPostgresOptions {
  /** Folder of its own; created when missing. */
  readonly dataDir: string;
  readonly log: Logger;
  /** Programs to run instead of the installed package's, and where to copy them when they cannot be used in place. */
  readonly nativeDir?: string;
  readonly cacheDir?: string;
}

export interface EmbeddedPostgres {
  /** Superuser, for migrations. */
  readonly ownerUrl: string;
  /** Login that can do nothing by itself; `Postgres` takes on a role in every transaction. */
  readonly appUrl: string;
  /** Shuts the server down and waits for its end. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded server on `dataDir`, creating its files on the first start.
 * @throws TenantryError DATA_DIR_IN_USE, STORE_START_FAILED (with the server's last words)
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  refuseSecondOwner(dataDir);
  const user = await chooseServerUser(dataDir);
  const binaries = await findBinaries({ user, nativeDir: options.nativeDir, cacheDir: options.cacheDir });
  const passwords = await ensureCluster(dataDir, binaries, user);
  const launch = { dataDir, binaries, user, log: options.log };
  const first = await startServer(launch);
  const supervisor = supervise(first, launch);
  try {
    await prepareDatabase(urlOf('postgres', passwords.owner, first.port, 'postgres'), passwords);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return {
    ownerUrl: urlOf('postgres', passwords.owner, first.port, DATABASE),
    appUrl: urlOf(EMBEDDED_LOGIN, passwords.app, first.port, DATABASE),
    stop: supervisor.stop,
  };
}

function urlOf(user: string, password: string, port: number, database: string): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
}

function dataFolder(dataDir: string): string {
  return join(clusterFolder(dataDir), 'data');
}

function refuseSecondOwner(dataDir: string): void {
  const holder = readHolder(dataFolder(dataDir));
  if (holder?.isServer && holder.ownerAlive) throw inUse(dataDir, `process ${holder.ownerPid}`);
}

function inUse(dataDir: string, by: string): TenantryError {
  return new TenantryError('DATA_DIR_IN_USE', `${dataDir} is in use by ${by}`, {
    hint: 'Stop the other process, or give this one another folder with TENANTRY_DATA_DIR.',
  });
}

/** Launches until the server takes connections; waits out the lock of a predecessor that is still going down. */
async function startServer(launch: Omit<LaunchOptions, 'port'>, fixedPort?: number): Promise<EmbeddedServer> {
  const startedAt = performance.now();
  for (;;) {
    const server = await launchServer({ ...launch, port: fixedPort ?? (await findFreePort()) });
    if (await server.ready) return server;
    const words = server.lastLines();
    const waited = performance.now() - startedAt;
    const reason = whyNot(words);
    if (reason === 'locked') await waitForLock(launch.dataDir, waited);
    if (reason === 'other' || waited > LOCK_PATIENCE_MS) {
      throw new TenantryError('STORE_START_FAILED', `The embedded PostgreSQL did not start: ${words}`, {
        hint: `Check free space, memory and the permissions of ${launch.dataDir}, or set DATABASE_URL.`,
      });
    }
    await delay(RETRY_EVERY_MS);
  }
}

function whyNot(words: string): 'locked' | 'port' | 'other' {
  if (/lock file .* already exists|pre-existing shared memory block/.test(words)) return 'locked';
  return /could not bind|could not create any TCP\/IP sockets/.test(words) ? 'port' : 'other';
}

async function waitForLock(dataDir: string, waitedMs: number): Promise<void> {
  refuseSecondOwner(dataDir);
  const holder = readHolder(dataFolder(dataDir));
  if (holder === undefined) return;
  if (waitedMs > LOCK_PATIENCE_MS) throw inUse(dataDir, `a PostgreSQL server (process ${holder.pid})`);
  if (waitedMs > ORPHAN_AFTER_MS) await dislodge(holder, dataFolder(dataDir));
}

/** Keeps a server running on the first one's port until `stop`. */
function supervise(first: EmbeddedServer, launch: Omit<LaunchOptions, 'port'>): { stop: () => Promise<void> } {
  let current = first;
  let stopping = false;
  const run = async () => {
    while (!stopping) {
      await current.exited;
      if (stopping) break;
      launch.log.error({ lastLines: current.lastLines() }, 'the embedded PostgreSQL ended; starting it again');
      await delay(RELAUNCH_DELAY_MS);
      const next = await startServer(launch, first.port).catch((error: unknown) => {
        launch.log.error({ err: error }, 'the embedded PostgreSQL could not be started again; trying on');
      });
      if (next !== undefined) current = next;
    }
    await current.stop();
  };
  const running = run();
  return {
    stop: async () => {
      stopping = true;
      await current.stop();
      await running;
    },
  };
}

/** Makes the database and the login role. The role's rights come from the migrations (roles.ts). */
async function prepareDatabase(url: string, passwords: Passwords): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rows } = await client.query(
      'select exists (select from pg_database where datname = $1) as has_database, exists (select from pg_roles where rolname = $2) as has_login',
      [DATABASE, EMBEDDED_LOGIN],
    );
    if (!rows[0]?.has_database) await client.query(`create database ${DATABASE}`);
    // By default everybody may connect and create temporary tables, which could shadow ours.
    await client.query(`revoke all on database ${DATABASE} from public`);
    if (!rows[0]?.has_login) await client.query(`create role ${EMBEDDED_LOGIN}`);
    // The password is hexadecimal; utility statements take no parameters.
    await client.query(`alter role ${EMBEDDED_LOGIN} login noinherit password '${passwords.app}'`);
    await client.query(`grant connect on database ${DATABASE} to ${EMBEDDED_LOGIN}`);
  } catch (cause) {
    const { code } = cause as { code?: string };
    throw new TenantryError('STORE_START_FAILED', `The embedded PostgreSQL refused its set-up (${code ?? 'no code'})`, {
      hint: 'If the passwords file was replaced, restore it; otherwise start with a new data directory.',
      cause,
    });
  } finally {
    await client.end();
  }
}
