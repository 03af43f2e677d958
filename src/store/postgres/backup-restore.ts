/**
 * Puts a backup's rows into a database that is empty:
 *
 *   empty -> migrated to the backup's version -> rows (one transaction) -> migrated to this version -> row security checked
 *
 * Everything happens as tenantry_owner and not as a superuser, so that it works on a server of the operator's too: for
 * the length of the transaction, in which nobody else sees the tables, row security is not forced on their owner and
 * triggers rest (a record of the audit log would else be chained anew). Tables are filled after those that they refer
 * to, so that every foreign key is checked.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type { BackupMigration, BackupPostgres, BackupPostgresTable } from '../../domain/backup.ts';
import { TenantryError } from '../../domain/errors.ts';
import { COPY_SETTINGS, connect, endQuietly, list, qualified, readTables } from './backup.ts';
import { CopyIn } from './backup-copy.ts';
import { migratePostgres, readMigrations } from './migrate.ts';
import { asTenantryError } from './retryable.ts';
import { ROLES, SCHEMA } from './roles.ts';
import { rowSecurityOffenders } from './row-security.ts';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));

export interface PostgresRestore {
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly backup: BackupPostgres;
  /** The text of COPY for a table. */
  readonly read: (table: BackupPostgresTable) => Readable;
  readonly onTable?: (name: string, rows: number) => void;
}

/**
 * Refuses what this version does not know, before anything is touched.
 * @throws TenantryError SCHEMA_TOO_NEW, SCHEMA_MISMATCH
 */
export async function assertMigrationsKnown(backup: readonly BackupMigration[]): Promise<void> {
  const files = await readMigrations(MIGRATIONS);
  for (const [index, { name, sha256 }] of backup.entries()) {
    const file = files[index];
    if (file === undefined) {
      throw new TenantryError('SCHEMA_TOO_NEW', `The backup has migration ${name}, which this version does not know.`, {
        hint: 'Restore it with the version of Tenantry that made it, or a newer one.',
      });
    }
    if (file.name !== name || file.sha256 !== sha256) {
      throw new TenantryError('SCHEMA_MISMATCH', `Migration ${file.name} is not the one of the backup (${name}).`, {
        hint: 'Restore it with the version of Tenantry that made it.',
      });
    }
  }
}

/** @throws TenantryError TARGET_NOT_EMPTY, BACKUP_DAMAGED, SCHEMA_TOO_NEW, SCHEMA_MISMATCH, INTERNAL */
export async function restorePostgres(restore: PostgresRestore): Promise<void> {
  const { ownerUrl, appUrl, backup } = restore;
  await assertMigrationsKnown(backup.migrations);
  await assertEmpty(ownerUrl);
  await migrateUpTo(backup.migrations.length, { ownerUrl, appUrl });
  const client = await connect(ownerUrl);
  try {
    await client.query(`begin; set local role ${ROLES.owner}; ${COPY_SETTINGS}`);
    await fill(client, restore);
    await client.query('commit');
  } catch (error) {
    throw asTenantryError(error);
  } finally {
    await endQuietly(client);
  }
  await migratePostgres({ ownerUrl, appUrl });
  await assertRowSecurity(ownerUrl);
}

/** @throws TenantryError TARGET_NOT_EMPTY when the database has anything of Tenantry's */
export async function assertEmpty(url: string): Promise<void> {
  const client = await connect(url);
  try {
    const { rows } = await client.query(
      'select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 limit 1',
      [SCHEMA],
    );
    if (rows.length === 0) return;
    throw new TenantryError('TARGET_NOT_EMPTY', 'The database is not empty: it has tables of Tenantry.', {
      hint: 'Restore into a new, empty database. Nothing was changed.',
    });
  } finally {
    await endQuietly(client);
  }
}

/** The files beside this one, as many as the backup has: its rows fit those tables and no others. */
async function migrateUpTo(count: number, urls: { ownerUrl: string; appUrl: string }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-migrations-'));
  try {
    for (const { name, sql } of (await readMigrations(MIGRATIONS)).slice(0, count)) {
      await writeFile(join(folder, name), sql);
    }
    await migratePostgres({ ...urls, folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(client: pg.Client, { backup, read, onTable }: PostgresRestore): Promise<void> {
  const names = (await readTables(client)).map(({ name }) => name);
  const stored = new Map(backup.tables.map((table) => [table.name, table]));
  const unknown = backup.tables.filter(({ name }) => !names.includes(name));
  if (unknown.length > 0 || stored.size !== names.length) {
    throw new TenantryError('SCHEMA_MISMATCH', 'The tables of the backup are not those of its migrations.', {
      hint: 'The backup is damaged, or somebody made tables by hand. Take an older one.',
    });
  }
  const forced = await forcedTables(client);
  const each = async (tables: readonly string[], change: string) => {
    for (const name of tables) await client.query(`alter table ${qualified(client, name)} ${change}`);
  };
  await each(forced, 'no force row level security');
  await each(names, 'disable trigger user');
  // Migrations have put rows into some.
  await client.query(`truncate ${names.map((name) => qualified(client, name)).join(', ')}`);
  for (const name of names) {
    const table = stored.get(name);
    if (table !== undefined) await fillTable(client, table, read(table));
    onTable?.(name, table?.rows ?? 0);
  }
  await client.query('set constraints all immediate');
  for (const { name, lastValue, isCalled } of backup.sequences) {
    await client.query('select pg_catalog.setval($1::regclass, $2::bigint, $3)', [
      qualified(client, name),
      lastValue,
      isCalled,
    ]);
  }
  await each(names, 'enable trigger user');
  await each(forced, 'force row level security');
}

async function forcedTables(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') and c.relforcerowsecurity order by 1`,
    [SCHEMA],
  );
  return rows.map(({ name }) => name);
}

async function fillTable(client: pg.Client, table: BackupPostgresTable, rows: Readable): Promise<void> {
  const into = client.query(
    new CopyIn(`copy ${qualified(client, table.name)} (${list(client, table.columns)}) from stdin`),
  );
  await pipeline(rows, into);
  if (into.rows !== table.rows) {
    throw new TenantryError('BACKUP_DAMAGED', `Table ${table.name} took ${into.rows} of ${table.rows} rows.`, {
      hint: 'The backup is damaged. Take another one.',
    });
  }
}

/** @throws TenantryError INTERNAL when what was made does not keep tenants apart */
async function assertRowSecurity(ownerUrl: string): Promise<void> {
  const client = await connect(ownerUrl);
  try {
    await client.query(`set role ${ROLES.owner}`);
    const offenders = await rowSecurityOffenders(client);
    if (offenders.length === 0) return;
    const named = offenders.slice(0, 5).map(({ rule, offender }) => `${offender} (${rule})`);
    throw new TenantryError('INTERNAL', `Row security is not as it should be after the restore: ${named.join('; ')}.`, {
      hint: 'Do not start Tenantry on this database.',
    });
  } finally {
    await endQuietly(client);
  }
}
