import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { TenantryError } from '../../domain/errors.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { type DdlOptions, fillDdl } from './ddl-macros.ts';
import { applyRetention } from './retention.ts';

/** A view as `aggregate` declares it: one text that is current, applied whenever it differs from what is there. */
export interface DeclaredView {
  readonly name: string;
  /** Table that a materialized view writes to; absent for a plain view. */
  readonly target: string | undefined;
  readonly select: string;
}

export interface MigrationReport {
  readonly migrations: readonly string[];
  readonly views: readonly string[];
}

interface LogRow {
  Kind: 'migration' | 'view';
  Number: number;
  Name: string;
  Sha256: string;
}

const FOLDER = new URL('./migrations/', import.meta.url);
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/**
 * Brings the schema to this version: numbered table migrations, then the declared views, then retention. Safe to repeat
 * and to resume: ClickHouse has no transactions around DDL, so every statement of a migration is idempotent, and a
 * migration is logged after its last one.
 * @throws TenantryError SCHEMA_TOO_NEW when the database knows a migration that this version does not
 */
export async function migrateClickHouse(
  clickhouse: ClickHouse,
  views: readonly DeclaredView[],
  options: DdlOptions,
): Promise<MigrationReport> {
  await clickhouse.command(
    fillDdl(
      `CREATE TABLE IF NOT EXISTS ${DATABASE}.schema_log {{on_cluster}}
       (Kind Enum8('migration' = 1, 'view' = 2), Number UInt32, Name String, Sha256 String, AppliedAt DateTime64(6) DEFAULT now64(6))
       ENGINE = {{replicated}}MergeTree ORDER BY (Kind, Number, Name, AppliedAt)`,
      options,
    ),
  );
  const log = await clickhouse.inspect<LogRow>(
    `SELECT Kind, Number, Name, argMax(Sha256, AppliedAt) AS Sha256 FROM ${DATABASE}.schema_log GROUP BY Kind, Number, Name`,
  );
  const migrations = await applyMigrations(clickhouse, log, options);
  const applied = await applyViews(clickhouse, views, log, options);
  await applyRetention(clickhouse, options);
  return { migrations, views: applied };
}

/** Number of the last migration that this version knows. */
export function newestMigration(): number {
  return readdirSync(FOLDER).filter((name) => FILE_NAME.test(name)).length;
}

async function applyMigrations(clickhouse: ClickHouse, log: readonly LogRow[], options: DdlOptions): Promise<string[]> {
  const files = readdirSync(FOLDER)
    .filter((name) => FILE_NAME.test(name))
    .toSorted();
  const done = new Map(log.filter((row) => row.Kind === 'migration').map((row) => [row.Number, row]));
  const newest = Math.max(0, ...done.keys());
  if (newest > files.length) {
    throw new TenantryError(
      'SCHEMA_TOO_NEW',
      `ClickHouse is at migration ${newest}, this version knows ${files.length}.`,
      {
        hint: 'Start the newer Tenantry that wrote it, or restore a backup from before the upgrade.',
      },
    );
  }
  const applied: string[] = [];
  for (const name of files) {
    const number = Number(name.slice(0, 4));
    const text = readFileSync(new URL(name, FOLDER), 'utf8');
    const sha256 = hash(text);
    const logged = done.get(number);
    if (logged !== undefined) {
      if (logged.Sha256 === sha256) continue;
      throw new TenantryError(
        'SCHEMA_TOO_NEW',
        `Migration ${name} is not the one that this database was migrated with.`,
        {
          hint: 'Migrations never change once released. Use the version that wrote the database, or add a new migration.',
        },
      );
    }
    for (const statement of statements(fillDdl(text, options))) await clickhouse.command(statement);
    await logApplied(clickhouse, 'migration', number, name, sha256);
    applied.push(name);
  }
  return applied;
}

async function applyViews(
  clickhouse: ClickHouse,
  views: readonly DeclaredView[],
  log: readonly LogRow[],
  options: DdlOptions,
): Promise<string[]> {
  const known = new Map(log.filter((row) => row.Kind === 'view').map((row) => [row.Name, row.Sha256]));
  const existing = new Map(
    (
      await clickhouse.inspect<{ name: string; engine: string }>(
        `SELECT name, engine FROM system.tables WHERE database = '${DATABASE}' AND engine LIKE '%View'`,
      )
    ).map((row) => [row.name, row.engine]),
  );
  const cluster = fillDdl('{{on_cluster}}', options);
  const applied: string[] = [];
  for (const name of existing.keys()) {
    if (!views.some((view) => view.name === name))
      await clickhouse.command(`DROP VIEW ${DATABASE}.${name} ${cluster} SYNC`);
  }
  for (const { name, target, select } of views) {
    const sha256 = hash(`${target}\n${select}`);
    if (existing.has(name) && known.get(name) === sha256) continue;
    if (target === undefined) {
      await clickhouse.command(`CREATE OR REPLACE VIEW ${DATABASE}.${name} ${cluster} AS ${select}`);
    } else if (existing.has(name)) {
      await clickhouse.command(`ALTER TABLE ${DATABASE}.${name} ${cluster} MODIFY QUERY ${select}`);
    } else {
      await clickhouse.command(
        `CREATE MATERIALIZED VIEW IF NOT EXISTS ${DATABASE}.${name} ${cluster} TO ${DATABASE}.${target} AS ${select}`,
      );
    }
    await logApplied(clickhouse, 'view', 0, name, sha256);
    applied.push(name);
  }
  return applied;
}

async function logApplied(clickhouse: ClickHouse, kind: LogRow['Kind'], number: number, name: string, sha256: string) {
  // Names come from our own files and match their patterns; nothing here was typed by anybody.
  await clickhouse.command(
    `INSERT INTO ${DATABASE}.schema_log (Kind, Number, Name, Sha256) SELECT '${kind}', ${number}, '${name}', '${sha256}'`,
  );
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Statements end with a semicolon at the end of a line; no literal of ours does. */
function statements(text: string): string[] {
  return text
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^--.*$/gm, '').trim() !== '');
}
