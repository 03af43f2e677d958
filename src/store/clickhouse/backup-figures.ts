/**
 * What the tables have of one tenant, as figures that are the same for the same rows whatever parts they lie in. For a
 * comparison of restored tables with running ones, to which more has come since:
 * - rows that carry their time of arrival are taken as far as they arrived until the cut;
 * - rollups do not tell when their spans arrived: they are taken up to the first bucket that a later one touched;
 * - what expires by now may be gone in one and not yet in the other: neither counts it.
 */
import type { BackupBounds, BackupFiguresQuestion, ClickHouseFigures } from '../../domain/backup-figures.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/window.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { quoted } from './sql-text.ts';
import { type ClickHouseTenantTable, tenantDataTables } from './tenant-data.ts';

type Inspector = Pick<ClickHouse, 'inspect'>;

/** A span that waits for its tenant is stored so much later than it arrived, at most. */
const LATEST_ADOPTION_MS = 15 * MINUTE_MS;
const STEP_SECONDS: Readonly<Record<string, number>> = { seconds: 10, minute: 60, hour: 3_600, day: 86_400 };
/** Worked out anew for the whole of the last days with each measurement, and follows from the table of gauges. */
const RECOUNTED = /^storage_by_/;

/** @param now Unix ms */
export async function backupBounds(
  clickhouse: Inspector,
  { tenantId, cutAt }: BackupFiguresQuestion,
  now: number,
): Promise<BackupBounds> {
  const tables = (await tenantDataTables(clickhouse)).filter((table) => hasArrival(table) && !table.isWaiting);
  let untouchedUntil = now;
  for (const { table, columns, timeColumn } of tables) {
    const isAdopted = columns.some(({ name }) => name === 'IsAdopted');
    const late = isAdopted ? ` OR (IsAdopted AND ReceivedAt > ${time(cutAt - LATEST_ADOPTION_MS)})` : '';
    const [row] = await clickhouse.inspect<{ rows: number; first: number }>(
      `SELECT toFloat64(count()) AS rows, toFloat64(toUnixTimestamp(min(${timeColumn ?? 'ReceivedAt'}))) AS first
       FROM ${DATABASE}.${table} WHERE TenantId = ${quoted(tenantId)} AND (ReceivedAt > ${time(cutAt)}${late})`,
    );
    if (row !== undefined && row.rows > 0) untouchedUntil = Math.min(untouchedUntil, row.first * SECOND_MS);
  }
  return { untouchedUntil, keptFrom: now + HOUR_MS };
}

/** By table, in the order of their names. */
export async function clickHouseFigures(
  clickhouse: Inspector,
  question: BackupFiguresQuestion,
  bounds: BackupBounds,
): Promise<readonly ClickHouseFigures[]> {
  const tables = (await tenantDataTables(clickhouse)).filter(
    ({ table, isWaiting }) => !isWaiting && !RECOUNTED.test(table),
  );
  const expiries = await readExpiries(clickhouse);
  const figures: ClickHouseFigures[] = [];
  for (const table of tables)
    figures.push(await figuresOf(clickhouse, table, expiries.get(table.table), question, bounds));
  return figures;
}

async function figuresOf(
  clickhouse: Inspector,
  table: ClickHouseTenantTable,
  expiry: string | undefined,
  { tenantId, cutAt }: BackupFiguresQuestion,
  { untouchedUntil, keptFrom }: BackupBounds,
): Promise<ClickHouseFigures> {
  const adding = table.columns.filter(({ type }) => /^SimpleAggregateFunction\(sum, (?:UInt|Int|Decimal)/.test(type));
  const sums = adding.map(({ name }) => `'${name}', toString(sum(${name}))`).join(', ');
  const conditions = [
    `TenantId = ${quoted(tenantId)}`,
    ...(hasArrival(table) ? [`ReceivedAt <= ${time(cutAt)}`] : []),
    ...(hasArrival(table) || table.timeColumn === undefined ? [] : [untouched(table, untouchedUntil, cutAt)]),
    ...(table.columns.some(({ name }) => name === 'IsAdopted') ? ['NOT IsAdopted'] : []),
    ...(expiry === undefined ? [] : [`${expiry} > ${time(keptFrom)}`]),
  ];
  // What merges would put together is put together, as it may be in one and not yet in the other.
  const final = table.engine.endsWith('ReplicatedMergeTree') || table.engine === 'MergeTree' ? '' : ' FINAL';
  const [row] = await clickhouse.inspect<{ rows: number; digest: string; sums: Record<string, string> }>(
    `SELECT toFloat64(count()) AS rows,
       toString(sum(cityHash64(formatRow('TSV', ${table.columns.map(comparable).join(', ')})))) AS digest,
       ${sums === '' ? 'map()::Map(String, String)' : `map(${sums})`} AS sums
     FROM ${DATABASE}.${table.table}${final} WHERE ${conditions.join(' AND ')}`,
  );
  return { table: table.table, rows: row?.rows ?? 0, digest: row?.digest ?? '0', sums: row?.sums ?? {} };
}

function hasArrival({ columns }: ClickHouseTenantTable): boolean {
  return columns.some(({ name }) => name === 'ReceivedAt');
}

/** Whole buckets alone: those that end before anything came to them after the cut. */
function untouched({ table, timeColumn = 'Time' }: ClickHouseTenantTable, until: number, cutAt: number): string {
  const step = STEP_SECONDS[/_by_(?:\w+_)?(seconds|minute|hour|day)$/.exec(table)?.[1] ?? ''];
  if (step === undefined) return `${timeColumn} <= ${time(cutAt)}`;
  return `${timeColumn} + INTERVAL ${step} SECOND <= ${time(until)}`;
}

/** States as what they stand for; fractions as far as they do not depend on the order in which they were added up. */
function comparable({ name, type }: { readonly name: string; readonly type: string }): string {
  if (type.startsWith('AggregateFunction(')) return `finalizeAggregation(${name})`;
  return /^(?:SimpleAggregateFunction\(\w+, )?Float/.test(type) ? `round(${name}, 3)` : name;
}

/** When a row of a table expires, as the table says it. */
async function readExpiries(clickhouse: Inspector): Promise<ReadonlyMap<string, string>> {
  const rows = await clickhouse.inspect<{ name: string; text: string }>(
    `SELECT name, engine_full AS text FROM system.tables WHERE database = '${DATABASE}'`,
  );
  return new Map(
    rows.flatMap(({ name, text }) => {
      const expiry = / TTL (.+?)(?: SETTINGS |$)/.exec(text)?.[1];
      return expiry === undefined ? [] : [[name, expiry] as const];
    }),
  );
}

function time(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.floor(ms)}), 'UTC')`;
}
