/**
 * One moment of the control plane, to be copied out table by table. There is no pg_dump beside the embedded server, so
 * this reads with COPY inside one REPEATABLE READ transaction, under whose snapshot all tables are of the same moment.
 *
 * Row security must never thin a backup out. A superuser reads with `row_security = off`, which fails where a policy
 * would filter. Any other login reads as tenantry_staff, whose one policy shows all rows or none, after the catalogue
 * has been checked for exactly that.
 */
import pg from 'pg';
import type { BackupMigration, BackupSequence } from '../../domain/backup.ts';
import { TenantryError } from '../../domain/errors.ts';
import { CopyOut } from './backup-copy.ts';
import { asTenantryError } from './retryable.ts';
import { ROLES, SCHEMA } from './roles.ts';
import { rowSecurityOffenders } from './row-security.ts';

/** The text of COPY is the same whatever the server's settings, as pg_dump has it. */
export const COPY_SETTINGS = `set local datestyle = 'ISO'; set local intervalstyle = 'postgres';
  set local extra_float_digits = 3; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
  set local lock_timeout = '10s'; set local search_path = pg_catalog, pg_temp`;

/** Kept by the migrations themselves. */
const NOT_COPIED = ['migrations'];

export interface CutTable {
  readonly name: string;
  /** Without generated ones. */
  readonly columns: readonly string[];
}

export interface PostgresCut {
  readonly serverVersion: string;
  readonly systemIdentifier: string | null;
  readonly snapshot: string;
  /** Unix ms, by the server's clock. */
  readonly at: number;
  readonly migrations: readonly BackupMigration[];
  /** Tables come after those that they refer to. */
  readonly tables: readonly CutTable[];
  readonly sequences: readonly BackupSequence[];
  /** All rows of a table; one table at a time. */
  copyOut(table: CutTable): CopyOut;
  close(): Promise<void>;
}

/** @throws TenantryError STORE_UNAVAILABLE, FORBIDDEN when this login may not read everything */
export async function openPostgresCut(url: string): Promise<PostgresCut> {
  const client = await connect(url);
  try {
    await client.query(`begin isolation level repeatable read read only; ${COPY_SETTINGS}`);
    const now = await takeSnapshot(client);
    const migrations = await asReader(client, () => readMigrations(client));
    const sequences = await asOwner(client, () => readSequences(client));
    const tables = await readTables(client);
    await becomeReader(client);
    return {
      ...now,
      ...{ migrations, sequences, tables },
      copyOut: ({ name, columns }) =>
        client.query(new CopyOut(`copy ${qualified(client, name)} (${list(client, columns)}) to stdout`)),
      close: () => endQuietly(client),
    };
  } catch (error) {
    await endQuietly(client);
    throw asTenantryError(error);
  }
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: 'tenantry backup',
    keepAlive: true,
  });
  client.on('error', () => {
    // What is under way fails with the same error; without a listener the process would end.
  });
  await client.connect().catch((error: unknown) => {
    throw asTenantryError(error);
  });
  return client;
}

/** Also of a connection that is gone or in the middle of something. */
export async function endQuietly(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}

export function qualified(client: pg.Client, table: string): string {
  return `${SCHEMA}.${client.escapeIdentifier(table)}`;
}

export function list(client: pg.Client, columns: readonly string[]): string {
  return columns.map((column) => client.escapeIdentifier(column)).join(', ');
}

/** Whether this login sees every row by itself. */
async function isPowerful(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ powerful: boolean }>(
    'select rolsuper or rolbypassrls as powerful from pg_roles where rolname = session_user',
  );
  return rows[0]?.powerful === true;
}

async function becomeReader(client: pg.Client): Promise<void> {
  if (await isPowerful(client)) {
    await client.query('reset role; set local row_security = off');
    return;
  }
  const [offender] = await asOwner(client, () => rowSecurityOffenders(client));
  if (offender !== undefined) {
    throw new TenantryError('FORBIDDEN', `A backup might miss rows: ${offender.rule} (${offender.offender}).`, {
      hint: 'Put the row security of that table right, or give the command a DATABASE_URL of a superuser.',
    });
  }
  await client.query(`set local role ${ROLES.staff}; select set_config('app.super_admin', 'on', true)`);
}

async function asReader<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query(`set local role ${ROLES.staff}`);
  const result = await work();
  await client.query('reset role');
  return result;
}

async function asOwner<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query(`set local role ${ROLES.owner}`);
  const result = await work();
  await client.query('reset role');
  return result;
}

async function takeSnapshot(
  client: pg.Client,
): Promise<Pick<PostgresCut, 'serverVersion' | 'systemIdentifier' | 'snapshot' | 'at'>> {
  // The first statement that reads takes the snapshot: nothing that is committed later is in the backup.
  const { rows } = await client.query<{ snapshot: string; version: string; at: number; tells: boolean }>(
    `select pg_current_snapshot()::text as snapshot, current_setting('server_version') as version,
       extract(epoch from clock_timestamp())::float8 * 1000 as at,
       has_function_privilege('pg_control_system()', 'execute') as tells`,
  );
  const { snapshot = '', version = '', at = 0, tells = false } = rows[0] ?? {};
  const { rows: control } = tells
    ? await client.query<{ id: string }>('select system_identifier::text as id from pg_control_system()')
    : { rows: [] };
  return { snapshot, at: Math.floor(at), serverVersion: version, systemIdentifier: control[0]?.id ?? null };
}

async function readMigrations(client: pg.Client): Promise<readonly BackupMigration[]> {
  const { rows } = await client.query<BackupMigration>(
    `select number, name, sha256 from ${SCHEMA}.migrations order by number`,
  );
  return rows;
}

async function readSequences(client: pg.Client): Promise<readonly BackupSequence[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind = 'S' order by 1`,
    [SCHEMA],
  );
  const sequences: BackupSequence[] = [];
  for (const { name } of rows) {
    const { rows: state } = await client.query<{ last_value: string; is_called: boolean }>(
      `select last_value::text, is_called from ${qualified(client, name)}`,
    );
    sequences.push({ name, lastValue: state[0]?.last_value ?? '1', isCalled: state[0]?.is_called ?? false });
  }
  return sequences;
}

/** Every table of the schema with its columns, each after those that it refers to. */
export async function readTables(client: pg.Client): Promise<readonly CutTable[]> {
  const { rows } = await client.query<CutTable & { refers_to: readonly string[] }>(
    `select c.relname as name,
       (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
       array(select distinct r.relname::text from pg_constraint k join pg_class r on r.oid = k.confrelid
             where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as refers_to
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') and c.relname <> all($2) order by 1`,
    [SCHEMA, NOT_COPIED],
  );
  const ordered: CutTable[] = [];
  const placed = new Set<string>();
  for (let left = rows; left.length > 0; ) {
    const ready = left.filter((table) => table.refers_to.every((name) => placed.has(name)));
    if (ready.length === 0) {
      const names = left.map(({ name }) => name).join(', ');
      throw new TenantryError('INTERNAL', `These tables refer to each other in a circle: ${names}`);
    }
    for (const { name, columns } of ready) {
      ordered.push({ name, columns });
      placed.add(name);
    }
    left = left.filter(({ name }) => !placed.has(name));
  }
  return ordered;
}
