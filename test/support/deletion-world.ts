import { isAbsolute, join } from 'node:path';
import pg from 'pg';
import { keyOf } from '../../src/app/deletion-key.ts';
import { DeletionRunner, type DeletionRunnerOptions } from '../../src/app/deletion-runner.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DATABASE } from '../../src/store/clickhouse/clickhouse.ts';
import { TelemetryEraser } from '../../src/store/clickhouse/deletion.ts';
import { tenantDataTables } from '../../src/store/clickhouse/tenant-data.ts';
import { CertificateStore } from '../../src/store/postgres/deletion-certificates.ts';
import { DeletionJobs } from '../../src/store/postgres/deletion-jobs.ts';
import { DeletionStore } from '../../src/store/postgres/deletion-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import type { TestClickHouse } from './embedded-clickhouse.ts';
import { silentLog, type TestPostgres } from './postgres.ts';

export const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
export const KEY = keyOf(Buffer.alloc(32, 7));

/** Both stores with tenants in them, and what deletes one. */
export interface DeletionWorld {
  readonly jobs: DeletionJobs;
  readonly deletions: DeletionStore;
  readonly certificates: CertificateStore;
  readonly telemetry: TelemetryEraser;
  readonly owner: pg.Client;
  runner(options?: Partial<DeletionRunnerOptions>): DeletionRunner;
  close(): Promise<void>;
}

export async function deletionWorld(postgres: TestPostgres, clickhouse: TestClickHouse): Promise<DeletionWorld> {
  const owner = new pg.Client({ connectionString: postgres.ownerUrl });
  await owner.connect();
  const jobs = new DeletionJobs(postgres.postgres);
  const telemetry = new TelemetryEraser(clickhouse.clickhouse, undefined);
  return {
    ...{ jobs, telemetry, owner },
    deletions: new DeletionStore(postgres.postgres, new TenantDirectory(postgres.postgres)),
    certificates: new CertificateStore(postgres.postgres),
    runner: (options = {}) =>
      new DeletionRunner({
        ...{ postgres: postgres.postgres, jobs, telemetry, key: KEY, log: silentLog, version: 'test', heardMs: 0 },
        ...{ toLoad: async () => undefined, holders: [], forget: async () => undefined },
        ...options,
      }),
    close: () => owner.end(),
  };
}

const tenantOf = (prefix: string) => `concat('${prefix}', leftPad(toString(number % {tenants}), 4, '0'))`;

/** A few rows for every tenant in every table of telemetry, with values of their own. */
export async function fillTelemetry(clickhouse: TestClickHouse, tenants: number, rows: number): Promise<void> {
  for (const { table, columns, isWaiting } of await tenantDataTables(clickhouse.clickhouse)) {
    if (isWaiting) continue;
    const given = columns.filter(({ isComputed }) => !isComputed);
    const values = given.map(({ name, type }) => `${made(name, type)} AS ${name}`);
    const source = `numbers(${rows * tenants})`;
    const needsGroups = columns.some(({ type }) => type.startsWith('AggregateFunction('));
    await clickhouse.clickhouse.command(
      `INSERT INTO ${DATABASE}.${table} (${given.map(({ name }) => name).join(', ')}) SELECT ${values.join(', ').replaceAll('{tenants}', String(tenants))}
       FROM ${source} ${needsGroups ? 'GROUP BY number' : ''} SETTINGS max_partitions_per_insert_block = 0`,
    );
  }
}

function made(name: string, type: string): string {
  const plain = type.replace(/^SimpleAggregateFunction\(\w+, (.+)\)$/, '$1');
  if (name === 'TenantId') return tenantOf('tenant-');
  const state = /^AggregateFunction\((\w+)(\([^)]*\))?(?:, (.+))?\)$/.exec(type);
  if (state !== null) {
    const [, fn = '', parameters = '', argument] = state;
    return argument === undefined ? `${fn}State${parameters}()` : `${fn}State${parameters}(${cast(argument)})`;
  }
  return cast(plain);
}

/** Of the number, so that no two rows are the same and sums tell them apart; of today, as old rows are not kept. */
function cast(type: string): string {
  if (/^LowCardinality\((.+)\)$/.test(type)) return `toString(number % 5)`;
  if (/^DateTime64/.test(type))
    return `toDateTime64(toStartOfHour(now('UTC')) - toIntervalHour(3), 3, 'UTC') + toIntervalSecond(number)`;
  if (/^DateTime/.test(type)) return `toStartOfHour(now('UTC')) - toIntervalHour(3) + toIntervalSecond(number)`;
  if (/^U?Int|^Float|^Decimal/.test(type)) return `CAST(number % 97 AS ${type})`;
  if (type === 'Bool') return 'number % 2 = 0';
  if (/^FixedString/.test(type)) return `CAST(leftPad(toString(number % 1000), 8, '0') AS ${type})`;
  if (type === 'String') return `concat('text ', toString(number))`;
  return `defaultValueOfTypeName('${type.replaceAll("'", "\\'")}')`;
}

/** Per table and tenant: rows and a hash over all of them; states of aggregates by what they come to. */
export async function telemetryFigures(clickhouse: TestClickHouse): Promise<ReadonlyMap<string, string>> {
  const figures = new Map<string, string>();
  for (const { table, columns } of await tenantDataTables(clickhouse.clickhouse)) {
    const told = columns.map(({ name, type }) =>
      type.startsWith('AggregateFunction(') ? `toString(finalizeAggregation(${name}))` : `toString(${name})`,
    );
    const rows = await clickhouse.clickhouse.inspect<{ tenant: string; figure: string }>(
      `SELECT toString(TenantId) AS tenant, concat(toString(count()), ':', toString(sum(cityHash64(${told.join(', ')})))) AS figure
       FROM ${DATABASE}.${table} GROUP BY tenant`,
    );
    for (const { tenant, figure } of rows) figures.set(`${table} ${tenant}`, figure);
  }
  return figures;
}

/** Per table and tenant: rows and a hash over all of them. */
export async function controlPlaneFigures(owner: pg.Client): Promise<ReadonlyMap<string, string>> {
  const { rows: tables } = await owner.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
     where c.relnamespace = 'tenantry'::regnamespace and c.relkind = 'r' and c.relname <> 'audit_log' order by 1`,
  );
  const figures = new Map<string, string>();
  for (const { name } of tables) {
    const { rows } = await owner.query<{ tenant: string; figure: string }>(
      `select coalesce(tenant_id, '') as tenant, count(*) || ':' || md5(string_agg(t::text, ',' order by t::text)) as figure
       from tenantry.${name} t group by 1`,
    );
    for (const { tenant, figure } of rows) figures.set(`${name} ${tenant}`, figure);
  }
  return figures;
}

export function without(figures: ReadonlyMap<string, string>, tenantId: string): ReadonlyMap<string, string> {
  return new Map([...figures].filter(([place]) => !place.endsWith(` ${tenantId}`)));
}

/** Asks for the tenant's deletion and makes it due. */
export async function dueRequest(world: DeletionWorld, tenantId: TenantId) {
  const wish = { reason: 'We move on.', legalBasis: 'Art. 17 GDPR', waitingMs: 0 };
  return world.deletions.request(ADMIN, tenantId, wish);
}

/** Folders of every table that has rows of the tenant, those that no query sees any more among them. */
export async function partsWith(
  { telemetry }: DeletionWorld,
  { clickhouse, folder }: TestClickHouse,
  tenantId: TenantId,
): Promise<readonly string[]> {
  const tables = (await telemetry.count(tenantId)).filter(({ rows }) => rows > 0);
  const parts = await clickhouse.inspect<{ path: string }>(
    `SELECT path FROM system.parts WHERE database = '${DATABASE}' AND table IN (${tables.map(({ table }) => `'${table}'`).join(', ')})`,
  );
  return parts.map(({ path }) => (isAbsolute(path) ? path : join(folder, path)));
}
