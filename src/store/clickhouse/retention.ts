import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { type DdlOptions, fillDdl } from './ddl-macros.ts';

/** Which setting governs a table, by its name. Tables of fixed life (detector input, schema log) are not listed. */
function retentionDays(table: string, { retention }: DdlOptions): number | undefined {
  if (table === 'spans' || table === 'spans_set_aside') return retention.spansDays;
  if (table === 'metric_points' || table === 'metric_points_set_aside') return retention.pointsDays;
  // As long as the hours that are counted from them: groups and distinct values are asked of the events themselves.
  if (table === 'usage_events') return retention.hoursDays;
  if (table.endsWith('_by_minute')) return retention.minutesDays;
  if (table.endsWith('_by_hour')) return retention.hoursDays;
  if (table.endsWith('_by_day')) return retention.daysDays;
  return undefined;
}

/**
 * Makes every table's TTL what the configuration says. Parts are dropped whole at the next merge check
 * (`ttl_only_drop_parts`), nothing is rewritten, so a longer retention does not bring anything back.
 */
export async function applyRetention(clickhouse: ClickHouse, options: DdlOptions): Promise<void> {
  const tables = await clickhouse.inspect<{ name: string; engine_full: string }>(
    `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree'`,
  );
  for (const { name, engine_full } of tables) {
    const days = retentionDays(name, options);
    const ttl = /TTL (.+?) \+ toIntervalDay\((\d+)\)/.exec(engine_full);
    if (days === undefined || ttl === null || Number(ttl[2]) === days) continue;
    await clickhouse.command(
      `ALTER TABLE ${DATABASE}.${name} ${fillDdl('{{on_cluster}}', options)} MODIFY TTL ${ttl[1]} + INTERVAL ${days} DAY
       SETTINGS materialize_ttl_after_modify = 0`,
    );
  }
}
