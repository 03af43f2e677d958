import { MINUTE_MS } from '../domain/window.ts';
import { type ClickHouse, DATABASE } from '../store/clickhouse/clickhouse.ts';

/** The tables and views of one installation are made within this. */
const INSTALLING_MS = 10 * MINUTE_MS;

/**
 * Unix ms at which tables or views last changed; null: not since they were first made, as figures of before that do not
 * exist and need no comparison.
 */
export async function schemaChangedAt(clickhouse: Pick<ClickHouse, 'inspect'>): Promise<number | null> {
  const [row] = await clickhouse.inspect<{ first_ms: number; last_ms: number }>(
    `SELECT toUnixTimestamp64Milli(min(AppliedAt)::DateTime64(3)) AS first_ms,
            toUnixTimestamp64Milli(max(AppliedAt)::DateTime64(3)) AS last_ms FROM ${DATABASE}.schema_log`,
  );
  const [first, last] = [Number(row?.first_ms ?? 0), Number(row?.last_ms ?? 0)];
  return last - first > INSTALLING_MS ? last : null;
}
