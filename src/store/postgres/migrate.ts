/**
 * Brings the control plane's schema up to date: numbered SQL files, each applied once, in order, in a transaction of
 * its own, by one process at a time. What was applied is kept in `tenantry.migrations` with the file's hash, so that an
 * edited old file or a database from a newer version is refused instead of guessed at.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { TenantryError } from '../../domain/errors.ts';
import { asTenantryError } from './retryable.ts';
import { ensureMayBecome, ensureRoles, ROLES, SCHEMA } from './roles.ts';

/** Any constant: the advisory lock of this program's migrations in one database. */
const MIGRATION_LOCK = 7_070_001;
const LOCK_PATIENCE_MS = 60_000;
const FILE_PATTERN = /^(\d{4})_[a-z0-9_]+\.sql$/;

export interface MigrationFile {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** Hex; over the text with Unix line ends, so that a checkout with CRLF is the same file. */
  readonly sha256: string;
}

export interface MigrateOptions {
  /** A user that may become `tenantry_owner`, or create it. */
  readonly ownerUrl: string;
  /** The user that the service connects as; it is given the right to switch to the app and staff roles. */
  readonly appUrl: string;
  /** Default: the files beside this one. */
  readonly folder?: string;
}

export interface MigrationReport {
  /** Names of the files applied by this call, in order. */
  readonly applied: readonly string[];
  /** Number of the newest migration in the database. */
  readonly version: number;
}

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

/**
 * Applies what is missing. Safe to call at every start and from several processes at once.
 * @throws TenantryError SCHEMA_TOO_NEW, SCHEMA_MISMATCH, CONFIG_INVALID (rights missing), STORE_UNAVAILABLE
 */
export async function migratePostgres(options: MigrateOptions): Promise<MigrationReport> {
  const files = await readMigrations(options.folder ?? fileURLToPath(new URL('./migrations', import.meta.url)));
  const client = new pg.Client({ connectionString: options.ownerUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {
    // The running query fails with the same error; without a listener the process would end.
  });
  try {
    await client.connect();
    await client.query(`set lock_timeout = ${LOCK_PATIENCE_MS}`);
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return await migrateLocked(client, files, options);
  } catch (error) {
    throw asTenantryError(error);
  } finally {
    // Ending the session releases the lock.
    await client.end();
  }
}

async function migrateLocked(
  client: pg.Client,
  files: readonly MigrationFile[],
  options: MigrateOptions,
): Promise<MigrationReport> {
  await ensureRoles(client);
  await ensureMayBecome(client, ROLES.staff, undefined);
  const pending = pendingMigrations(files, await readApplied(client));
  if (pending.length > 0) await ensureMayBecome(client, ROLES.owner, undefined);
  for (const file of pending) await applyMigration(client, file);
  const login = loginOf(options);
  await ensureMayBecome(client, ROLES.app, login);
  await ensureMayBecome(client, ROLES.staff, login);
  return { applied: pending.map((file) => file.name), version: files.at(-1)?.number ?? 0 };
}

function loginOf({ ownerUrl, appUrl }: MigrateOptions): string | undefined {
  if (appUrl === ownerUrl) return undefined;
  const { username } = new URL(appUrl);
  return username === '' ? undefined : decodeURIComponent(username);
}

/**
 * The migration files of a folder in order.
 * @throws TenantryError SCHEMA_MISMATCH when a name is odd, or numbers do not run 1, 2, 3, …
 */
export async function readMigrations(folder: string): Promise<readonly MigrationFile[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(FILE_PATTERN.exec(name)?.[1]);
      if (number !== index + 1) {
        throw new TenantryError('SCHEMA_MISMATCH', `Migration ${name} should have number ${index + 1}`, {
          hint: 'Files are called NNNN_name.sql, and their numbers run 0001, 0002, … without gaps.',
        });
      }
      const sql = (await readFile(`${folder}/${name}`, 'utf8')).replaceAll('\r\n', '\n');
      return { number, name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** The files that the database does not have yet; throws when what it has is not what the files say. */
function pendingMigrations(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): readonly MigrationFile[] {
  for (const [index, { number, name, sha256 }] of applied.entries()) {
    const file = files[index];
    if (file === undefined) {
      throw new TenantryError(
        'SCHEMA_TOO_NEW',
        `The database has migration ${name}, which this version does not know`,
        {
          hint: 'Start the newer version of Tenantry again, or restore a backup from before its upgrade.',
        },
      );
    }
    if (file.number !== number || file.name !== name || file.sha256 !== sha256) {
      throw new TenantryError(
        'SCHEMA_MISMATCH',
        `Migration ${file.name} is not the one that the database has (${name})`,
        {
          hint: 'Applied migrations are never edited: restore the file and put the change into a new one.',
        },
      );
    }
  }
  return files.slice(applied.length);
}

async function readApplied(client: pg.Client): Promise<readonly AppliedMigration[]> {
  const { rows } = await client.query(
    `select from pg_class join pg_namespace n on n.oid = relnamespace where nspname = $1 and relname = 'migrations'`,
    [SCHEMA],
  );
  if (rows.length === 0) return [];
  return inRole(client, ROLES.staff, async () => {
    const applied = await client.query<AppliedMigration>(
      `select number, name, sha256 from ${SCHEMA}.migrations order by number`,
    );
    return applied.rows;
  });
}

async function applyMigration(client: pg.Client, file: MigrationFile): Promise<void> {
  await inRole(client, ROLES.owner, async () => {
    await client.query(`create table if not exists ${SCHEMA}.migrations (
      number int primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now())`);
    await client.query(`grant select on ${SCHEMA}.migrations to ${ROLES.staff}`);
    await client.query(`grant usage on schema ${SCHEMA} to ${ROLES.staff}`);
    // Names in the files are written in full; a search path could only pick up somebody else's.
    await client.query('set local search_path = pg_catalog, pg_temp');
    await client.query(file.sql);
    await client.query(`insert into ${SCHEMA}.migrations (number, name, sha256) values ($1, $2, $3)`, [
      file.number,
      file.name,
      file.sha256,
    ]);
  });
}

async function inRole<T>(client: pg.Client, role: string, work: () => Promise<T>): Promise<T> {
  await client.query(`begin; set local role ${role}`);
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    // The first error tells more than a failing rollback; the session ends right after.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
