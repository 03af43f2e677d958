import type { RetentionLevel } from '../../domain/retention.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { type DdlOptions, fillDdl } from './ddl-macros.ts';

/** How long a table is kept, by its name. Tables of fixed life (detector input, schema log) are not listed. */
function levelOf(table: string): RetentionLevel | undefined {
  if (table === 'spans' || table === 'spans_set_aside') return 'spans';
  if (table === 'metric_points' || table === 'metric_points_set_aside') return 'points';
  // As long as the hours that are counted from them: groups and distinct values are asked of the events themselves.
  if (table === 'usage_events' || table === 'storage_gauges') return 'hours';
  if (table.endsWith('_by_minute')) return 'minutes';
  if (table.endsWith('_by_hour')) return 'hours';
  if (table.endsWith('_by_day')) return 'days';
  return undefined;
}

/** A table whose rows end by their age. */
export interface AgingTable {
  readonly name: string;
  readonly level: RetentionLevel;
  /** SQL of a row's time, as the table's TTL has it. */
  readonly time: string;
  /** Of the table's own TTL, which is that of the installation. */
  readonly days: number;
}

/** Every table with a TTL that the configuration sets; by name. */
export async function agingTables(clickhouse: Pick<ClickHouse, 'inspect'>): Promise<readonly AgingTable[]> {
  const tables = await clickhouse.inspect<{ name: string; engine_full: string }>(
    `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree' ORDER BY name`,
  );
  return tables.flatMap(({ name, engine_full }) => {
    const level = levelOf(name);
    const [, time, days] = /TTL (.+?) \+ toIntervalDay\((\d+)\)/.exec(engine_full) ?? [];
    return level === undefined || time === undefined ? [] : [{ name, level, time, days: Number(days) }];
  });
}

/**
 * Makes every table's TTL what the configuration says. Parts are dropped whole at the next merge check
 * (`ttl_only_drop_parts`), nothing is rewritten, so a longer retention does not bring anything back.
 */
export async function applyRetention(clickhouse: ClickHouse, options: DdlOptions): Promise<void> {
  for (const { name, level, time, days: now } of await agingTables(clickhouse)) {
    const days = options.retention[`${level}Days`];
    if (now === days) continue;
    await clickhouse.command(
      `ALTER TABLE ${DATABASE}.${name} ${fillDdl('{{on_cluster}}', options)} MODIFY TTL ${time} + INTERVAL ${days} DAY
       SETTINGS materialize_ttl_after_modify = 0`,
    );
  }
}
